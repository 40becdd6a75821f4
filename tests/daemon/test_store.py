"""The daemon and the commands on the spool that the configuration names."""

import shutil
import time
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from bridge.config import Configuration, SpoolSettings
from bridge.daemon.store import Kept, open_store, visit_store
from bridge.message import Channel, StoreUnavailable
from bridge.spool import SpoolLocked
from bridge.spool.postgres.store import PostgresSpool
from bridge.spool.sqlite import SqliteSpool, open_spool
from tests.daemon.conftest import BRIDGE, House
from tests.databases import Database
from tests.given import configuration
from tests.make import delivery, intake
from tests.wait import until_async


def named(url: str, password: str | None = None) -> Configuration:
    made = configuration()
    settings = replace(made.settings, spool=SpoolSettings(url=url))
    return replace(made, settings=settings, secrets=replace(made.secrets, spool_password=password))


async def test_one_daemon_on_a_file_and_commands_beside_it(tmp_path: Path) -> None:
    here = named(f"sqlite:{tmp_path / 'new' / 's.db'}")
    with pytest.raises(StoreUnavailable, match="smsbridge serve"):
        await visit_store(here)
    kept = await open_store(here)
    assert isinstance(kept.spool, SqliteSpool)
    with pytest.raises(SpoolLocked):
        await open_store(here)
    await kept.spool.accept(intake(delivery()))
    visited = await visit_store(here)
    assert await visited.open_count() == 1
    await visited.close()
    await kept.close()
    await (await open_store(here)).close()  # the lock is free again


async def test_a_file_that_cannot_be_opened_keeps_no_lock(tmp_path: Path) -> None:
    here = named(f"sqlite:{tmp_path}")
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await open_store(here)


async def test_several_daemons_on_a_server_and_commands_beside_them(emptied: Database) -> None:
    here = named(emptied.url, emptied.server.password)
    heard: list[Channel] = []
    kept = [await open_store(here, wake=heard.append) for _ in range(2)]
    assert all(isinstance(one.spool, PostgresSpool) for one in kept)
    await kept[0].spool.accept(intake(delivery()))
    visited = await visit_store(here)
    assert await visited.open_count() == 1
    await visited.close()
    for one in kept:
        assert one.spool.is_in_place()
        await one.close()


async def test_row_79_a_server_that_is_away_is_no_reason_to_be_killed(bare: Database) -> None:
    """systemd's watchdog restarts what does not answer; that brings no server back."""
    kept: Kept = await open_store(named(bare.url, bare.server.password))
    bare.server.script(f"DROP DATABASE {bare.name} WITH (FORCE)")
    await kept.answers()
    with pytest.raises(StoreUnavailable):
        await kept.spool.open_count()
    await kept.close()


async def test_a_daemon_works_on_a_server(house: House, emptied: Database) -> None:
    house.write("spool-password", emptied.server.password + "\n")
    spool = f'[spool]\nurl = "{emptied.url}"\npassword_file = "spool-password"\n'
    house.write("bridge.toml", f"{BRIDGE}\n{spool}")
    await house.start()
    assert (await house.send()).startswith("250 2.0.0 queued as ")

    async def deferred() -> bool:
        ((found, _),) = await house.daemon._spool.show((await house.daemon._spool.listing(None, 9))[0].id)
        return found.attempts > 0

    await until_async(deferred, "the provider that nobody answers for was tried")
    await house.start()  # a second node
    assert (await house.readyz())[1]["queued"] == 1
    await house.stop()
    assert not house.spool.exists()


async def test_row_77_what_others_copied_before_a_stop_is_an_older_copy_after_it(house: House) -> None:
    await house.start()
    await house.send()
    copy = house.spool.with_name("copy")
    copy.touch(mode=0o600)
    source, target = apsw.Connection(str(house.spool)), apsw.Connection(str(copy))
    with target.backup("main", source, "main") as copying:
        copying.step()
    source.close()
    target.close()
    await house.send()
    await house.stop()
    shutil.copy(copy, house.spool)
    spool = await open_spool(house.spool)
    assert await spool.begin(time.time()) is not None
    await spool.close()
