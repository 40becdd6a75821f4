"""A copy of a spool that is in use, and what a start on it does."""

import asyncio
import shutil
from pathlib import Path

import apsw
import pytest

from bridge.message import State, StoreUnavailable
from bridge.spool import SpoolDamaged, Step
from bridge.spool.backup import NotAPlace, backup
from bridge.spool.generation import HELD, file_of
from bridge.spool.sqlite import SqliteSpool, open_spool
from tests.make import NOW, delivery, intake


async def begun(path: Path) -> SqliteSpool:
    spool = await open_spool(path)
    await spool.begin(NOW)
    return spool


async def put_back(copy: Path, path: Path) -> None:
    """As docs/operate.md says."""
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    shutil.copy(copy, path)


async def test_a_backup_while_it_is_written_to_is_one_moments_state(tmp_path: Path) -> None:
    spool = await begun(tmp_path / "s.db")

    async def taking(first: int) -> None:
        for number in range(first, first + 200):
            await spool.accept(intake(delivery(1, mail=f"M{number}"), delivery(2, mail=f"M{number}"), id=f"M{number}"))

    writers = [asyncio.create_task(taking(first)) for first in (0, 1000)]
    sizes = [await backup(spool, tmp_path / f"backup{number}") for number in range(3)]
    await asyncio.gather(*writers)
    await spool.close()
    for number, size in enumerate(sizes):
        copy = tmp_path / f"backup{number}"
        assert copy.stat().st_size == size
        db = apsw.Connection(str(copy))
        assert db.pragma("integrity_check") == "ok"
        halves = "SELECT count(*) FROM mails m WHERE (SELECT count(*) FROM deliveries d WHERE d.mail = m.id) <> 2"
        assert db.execute(halves).fetchall() == [(0,)]
        db.close()
    assert sorted(path.name for path in tmp_path.iterdir() if "backup" in path.name) == [
        "backup0",
        "backup1",
        "backup2",
    ]


@pytest.mark.parametrize("changed", [True, False])
@pytest.mark.parametrize("again", [True, False])
async def test_row_77_a_backup_put_back_is_recognised_in_every_case(tmp_path: Path, changed: bool, again: bool) -> None:
    """Also within the minute after which the daemon counts up, and when the daemon was killed."""
    path = tmp_path / "s.db"
    spool = await begun(path)
    await spool.accept(intake(delivery()))
    await backup(spool, tmp_path / "backup")
    if changed:
        await spool.move([Step(id="M1-1", to=State.SENDING, event="sending", attempts=1)], NOW)
        await spool.move([Step(id="M1-1", to=State.SENT, event="sent")], NOW)
    await spool.close()  # of the store alone: the daemon had no time to count up
    if again:
        await (await begun(path)).close()
    await put_back(tmp_path / "backup", path)
    spool = await open_spool(path)
    assert await spool.begin(NOW) == 1
    ((found, _),) = await spool.show("M1")
    await spool.close()
    assert (found.state, found.code) == (State.HELD, HELD)


async def test_row_77_a_backup_by_a_command_beside_the_daemon(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    daemons = await begun(path)
    await daemons.accept(intake(delivery()))
    command = await open_spool(path, command=True)
    await backup(command, tmp_path / "backup")
    await command.close()
    await daemons.move([Step(id="M1-1", to=State.DROPPED, event="dropped")], NOW)
    await daemons.close()
    await put_back(tmp_path / "backup", path)
    spool = await open_spool(path)
    assert await spool.begin(NOW) == 1
    await spool.close()


async def test_row_131_only_its_owner_reads_it_and_an_earlier_one_is_replaced(tmp_path: Path) -> None:
    spool = await begun(tmp_path / "s.db")
    target = tmp_path / "backup"
    target.write_text("yesterday's")
    target.chmod(0o644)
    (tmp_path / "backup.part").write_text("of one that was killed")
    await backup(spool, target)
    await spool.close()
    assert target.stat().st_mode & 0o777 == 0o600
    assert target.read_bytes().startswith(b"SQLite format 3\0")
    assert not (tmp_path / "backup.part").exists()


@pytest.mark.parametrize("name", ["s.db", "s.db-wal", "s.db.generation", "directory", "pipe"])
async def test_where_it_cannot_go(tmp_path: Path, name: str) -> None:
    spool = await begun(tmp_path / "s.db")
    (tmp_path / "directory").mkdir()
    (tmp_path / "pipe").symlink_to("/dev/null")
    before = file_of(spool.path).read_text()
    with pytest.raises(NotAPlace):
        await backup(spool, tmp_path / name)
    with pytest.raises((OSError, StoreUnavailable)):
        await backup(spool, tmp_path / "nowhere" / "backup")
    assert file_of(spool.path).read_text() == before
    await spool.close()


async def test_row_73_of_a_damaged_spool_no_backup_replaces_a_good_one(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    spool = await begun(path)
    for number in range(300):
        await spool.accept(intake(delivery(mail=f"M{number}"), id=f"M{number}"))
    await spool.close()
    spool = await open_spool(path)
    size = path.stat().st_size
    with path.open("r+b") as file:
        for page in range(4, size // 4096, 2):
            file.seek(page * 4096)
            file.write(b"\xff" * 4096)
    (tmp_path / "backup").write_text("a good one")
    with pytest.raises(SpoolDamaged, match="no backup was made"):
        await backup(spool, tmp_path / "backup")
    assert (tmp_path / "backup").read_text() == "a good one"
    await spool.close()
