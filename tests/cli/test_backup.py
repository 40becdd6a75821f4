"""`smsbridge backup` as a user runs it."""

import asyncio
import shutil
from pathlib import Path

from bridge.spool.sqlite import open_spool
from tests.cli.conftest import Here, smsbridge
from tests.config import setup
from tests.databases import Database
from tests.make import NOW, delivery, intake


def test_a_backup_and_back(here: Here, config: Path, made: Path, tmp_path: Path) -> None:
    async def working() -> None:
        daemons = await open_spool(made)
        await daemons.begin(NOW)
        await daemons.accept(intake(delivery()))
        ran = await asyncio.to_thread(smsbridge, "backup", tmp_path / "backup", "--config", config)
        assert (ran.code, ran.err) == (0, "")
        assert ran.out == f"{tmp_path}/backup: {(tmp_path / 'backup').stat().st_size} octets\n"
        await daemons.close()

    asyncio.run(working())
    assert here("backup", tmp_path / "again", "--config", config, "--json").json["size"] > 0
    shutil.copy(tmp_path / "backup", made)

    async def begun() -> int | None:
        spool = await open_spool(made)
        held = await spool.begin(NOW)
        await spool.close()
        return held

    assert asyncio.run(begun()) == 1
    assert here("queue", "release", "--restored", "--config", config).out == "1 released\n"


def test_where_it_cannot_go_is_said(here: Here, config: Path, made: Path) -> None:
    over = here("backup", made, "--config", config)
    assert over.code == 64
    assert "belongs to the spool" in over.err
    assert here("backup", made.parent / "nowhere" / "x", "--config", config).code == 1
    assert here("backup", made.parent, "--config", config).code == 64


def test_a_server_is_backed_up_with_its_own_tools_and_held_by_hand(here: Here, config: Path, emptied: Database) -> None:
    async def waiting() -> None:
        spool = await emptied.open()
        await spool.accept(intake(delivery(1), delivery(2)))
        await spool.close()

    asyncio.run(waiting())
    password = setup.private(config.with_name("spool-password"), emptied.server.password)
    setup.private(
        config,
        config.read_text() + f'\n[spool]\nurl = "{emptied.url}"\npassword_file = "{password.name}"\n',
    )
    ran = here("backup", config.with_name("backup"), "--config", config)
    assert ran.code == 78
    assert "pg_dump" in ran.err
    assert not config.with_name("backup").exists()
    assert here("queue", "hold", "--restored", "--config", config).out == "2 held\n"
    assert here("queue", "hold", "--restored", "--config", config).out == "0 held\n"
    assert here("queue", "release", "--restored", "--config", config, "--json").json == {"released": 2}
