"""The SQLite store: what is promised of its file, its lock, and what a crash leaves."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from bridge.message import Channel, Delivery, Report, ReportState, State, StoreUnavailable
from bridge.spool import Conversation, SpoolDamaged, SpoolLocked, sqlite
from bridge.spool.disk import lock
from bridge.spool.schema import MIGRATIONS
from bridge.spool.sqlite import SqliteSpool, open_spool
from tests.make import NOW, delivery, intake
from tests.wait import PATIENCE


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[SqliteSpool]:
    opened = await open_spool(tmp_path / "spool.db")
    yield opened
    await opened.close()


async def test_durability_is_really_switched_on(spool: SqliteSpool) -> None:
    async def pragma(name: str) -> object:
        return await spool.writer.run(lambda db: db.pragma(name))

    assert await pragma("journal_mode") == "wal"
    assert await pragma("synchronous") == 2  # FULL
    assert await pragma("secure_delete") == 1


async def test_what_is_announced_begins_in_the_commit_that_takes_it_in(tmp_path: Path) -> None:
    begun: list[asyncio.Task[list[Delivery]]] = []
    opened = await open_spool(tmp_path / "s.db")
    opened.coming = lambda channel: begun.append(asyncio.create_task(opened.start(channel, 8, NOW, NOW + 300, (), ())))
    commits = opened.writer.commits
    await opened.accept(intake(delivery(1), delivery(2)))
    (task,) = begun
    found = await task
    assert [one.id for one in found] == ["M1-1", "M1-2"]
    assert opened.writer.commits == commits + 1
    ((_, events),) = await opened.show("M1-1")
    assert [event.event for event in events] == ["queued", "sending"]
    await opened.close()


async def test_nobody_else_can_read_the_files(spool: SqliteSpool, tmp_path: Path) -> None:
    await spool.accept(intake(delivery()))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(("spool.db", "spool.db-wal", "spool.db-shm"), 0o600)


async def test_what_was_accepted_survives_close_and_open(tmp_path: Path) -> None:
    first = await open_spool(tmp_path / "s.db")
    given = delivery(
        payload=b"\x00\xff",
        urgent=True,
        warn_at=NOW + 9,
        transfer_id="t",
        author=None,
        code="c",
        reason="r",
        status="s",
    )
    await first.accept(intake(given))
    await first.close()
    second = await open_spool(tmp_path / "s.db")
    ((found, _),) = await second.show("M1")
    await second.close()
    assert found == given


def test_row_75_only_one_daemon_takes_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    held = lock(path)
    with pytest.raises(SpoolLocked):
        lock(path)
    code = "import sys; from pathlib import Path; from bridge.spool.disk import lock; lock(Path(sys.argv[1]))"
    other = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=False)
    assert "SpoolLocked" in other.stderr
    os.close(held)
    os.close(lock(path))


def test_row_75_the_lock_falls_with_a_killed_daemon(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    code = (
        "import sys; from pathlib import Path; from bridge.spool.disk import lock; lock(Path(sys.argv[1]));"
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(SpoolLocked):
            lock(path)
        other.send_signal(signal.SIGKILL)
    os.close(lock(path))


@pytest.mark.parametrize(
    "content", [b"this is no database at all, but a text" * 100, b"SQLite format 3\x00" + b"\xff" * 4080]
)
async def test_row_73_a_damaged_file_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s.db"
    path.write_bytes(content)
    with pytest.raises(SpoolDamaged) as refused:
        await open_spool(path)
    assert str(path) in str(refused.value)
    assert path.read_bytes() == content


async def test_a_file_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    newer = apsw.Connection(str(path))
    newer.pragma("user_version", len(MIGRATIONS) + 1)
    newer.close()
    with pytest.raises(SpoolDamaged, match="newer"):
        await open_spool(path)


@pytest.mark.parametrize("at", ["directory", "in a file"])
async def test_a_place_where_no_file_can_be_is_said(tmp_path: Path, at: str) -> None:
    path = tmp_path if at == "directory" else tmp_path / "file" / "s.db"
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable):
        await open_spool(path)


async def test_row_72_a_busy_database_is_unavailable_then_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.05)  # five seconds are for backups, not for tests
    spool = await open_spool(tmp_path / "s.db")
    other = apsw.Connection(str(tmp_path / "s.db"))
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreUnavailable):
        await spool.accept(intake(delivery()))
    assert await spool.open_count() == 0  # WAL: readers go on
    other.execute("ROLLBACK")
    other.close()
    await spool.accept(intake(delivery()))
    assert await spool.open_count() == 1
    await spool.close()


async def test_after_close_everything_is_unavailable(tmp_path: Path) -> None:
    spool = await open_spool(tmp_path / "s.db")
    await spool.close()
    report = Report(notification_id="n", state=ReportState.DELIVERED, client_message_id="M1-1")
    for call in (
        spool.accept(intake(delivery())),
        spool.bury("n", b"", "why", NOW),
        spool.start(Channel.SMS, 1, NOW, NOW, (), ()),
        spool.move([], NOW),
        spool.report(report, NOW),
        spool.conversation("4366", None, NOW),
        spool.open_count(),
        spool.show("M1"),
        spool.telling(NOW, NOW, 1),
    ):
        with pytest.raises(StoreUnavailable):
            await call
    await spool.close()  # twice is no error


async def test_row_67_a_crash_is_recovered_from(tmp_path: Path) -> None:
    """The daemon is killed with one SMS and one mail under way and one lease out."""
    code = """
import asyncio, os, signal, sys
from pathlib import Path
from bridge.message import Channel
from bridge.spool.sqlite import open_spool
from tests.make import NOW, delivery, intake
async def main():
    spool = await open_spool(Path(sys.argv[1]))
    await spool.accept(intake(delivery(1), delivery(2, channel=Channel.MAIL), delivery(3)))
    for channel in Channel:
        await spool.start(channel, 1, NOW, NOW + 300, (), ())
    await spool.start(Channel.SMS, 9, NOW + 90000, NOW + 300, (), ())  # past its end then, so it is leased
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    root = Path(__file__).parents[2]
    path = tmp_path / "s.db"
    killed = subprocess.run([sys.executable, "-c", code, path], cwd=root, check=False, timeout=PATIENCE)
    assert killed.returncode == -signal.SIGKILL
    spool = await open_spool(path)
    assert await spool.recover(NOW + 5) == (1, 1)
    assert await spool.recover(NOW + 6) == (0, 0)
    found = {item.id: item for item, _ in await spool.show("M1")}
    assert [item.state for item in found.values()] == [State.UNKNOWN, State.QUEUED, State.QUEUED]
    assert [item.attempts for item in found.values()] == [1, 1, 0]
    assert found["M1-1"].changed_at == NOW + 5  # on_unknown waits from here
    for channel, waits in ((Channel.SMS, "M1-3"), (Channel.MAIL, "M1-2")):
        assert [item.id for item in await spool.start(channel, 9, NOW + 5, NOW + 9, (), ())] == [waits]
    await spool.close()


async def test_a_text_that_cannot_be_stored_spoils_only_itself(spool: SqliteSpool) -> None:
    good = [spool.accept(intake(delivery(mail=f"G{number}"))) for number in range(5)]
    answers = await asyncio.gather(*good, spool.accept(intake(delivery(reason="\ud800"))), return_exceptions=True)
    assert isinstance(answers[-1], UnicodeEncodeError)
    assert await spool.open_count() == 5
    assert await spool.show("M1") == []


async def test_two_programs_may_make_the_same_spool_at_once(tmp_path: Path) -> None:
    for number in range(25):
        path = tmp_path / f"{number}.db"
        spools = await asyncio.gather(*(asyncio.to_thread(_made, path) for _ in range(4)))
        assert spools == [len(MIGRATIONS)] * 4


def _made(path: Path) -> int:
    async def making() -> int:
        spool = await open_spool(path)
        version = await spool.writer.run(lambda db: int(db.pragma("user_version")))
        await spool.close()
        return version

    return asyncio.run(making())


async def test_row_72_a_file_that_is_locked_at_the_start_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.05)
    (tmp_path / "s.db").touch(mode=0o600)
    other = apsw.Connection(str(tmp_path / "s.db"))
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreUnavailable):
        await open_spool(tmp_path / "s.db")
    other.close()


async def test_row_72_a_lock_is_waited_for_for_five_seconds(tmp_path: Path) -> None:
    spool = await open_spool(tmp_path / "s.db")
    assert sqlite.BUSY_TIMEOUT == 5.0
    assert await spool.writer.run(lambda db: db.pragma("busy_timeout")) == 5000
    await spool.close()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
async def test_row_73_damage_inside_is_found_at_the_start(tmp_path: Path, share: float) -> None:
    path = tmp_path / "s.db"
    spool = await open_spool(path)
    for number in range(40):
        await spool.accept(intake(delivery(mail=f"M{number}", payload=bytes(4000))))
    await spool.close()
    content = bytearray(path.read_bytes())
    pages = len(content) // 4096
    for page in range(max(1, int(pages * share)), min(pages, int(pages * share) + 4)):
        content[page * 4096 : page * 4096 + 200] = b"\xff" * 200
    path.write_bytes(content)
    with pytest.raises(SpoolDamaged, match="backup"):
        await open_spool(path)
    assert path.read_bytes() == content, "for whoever can save something from it"


async def test_row_73_looking_for_damage_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue of gigabytes must start at once too."""
    path = tmp_path / "s.db"
    spool = await open_spool(path)
    for number in range(40):
        await spool.accept(intake(delivery(mail=f"M{number}", payload=bytes(40_000))))
    await spool.close()
    content = bytearray(path.read_bytes())
    content[-40_000:] = b"\xff" * 40_000
    path.write_bytes(content)
    monkeypatch.setattr(sqlite, "CHECK_STEPS", 20)
    opened = await open_spool(path)
    assert await opened.open_count() == 40
    await opened.close()


@pytest.mark.parametrize(("version", "good"), [("3.40.1", False), ("3.51.2", False), ("3.51.3", True), ("4.0", True)])
async def test_row_74_a_library_that_can_lose_commits_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, good: bool
) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: version)
    if good:
        await (await open_spool(tmp_path / "s.db")).close()
        return
    with pytest.raises(SpoolDamaged, match="can lose commits"):
        await open_spool(tmp_path / "s.db")


async def test_row_74_a_command_never_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = await open_spool(tmp_path / "s.db")
    await daemon.accept(intake(delivery()))
    monkeypatch.setattr("bridge.spool.writer.CHECKPOINT_AT", 1)
    for _ in range(2):  # with the second answer the daemon's own checkpoint is over
        await daemon.probe()
    command = await open_spool(tmp_path / "s.db", command=True)
    before = (tmp_path / "s.db").read_bytes()
    for number in range(5):
        await command.accept(intake(delivery(mail=f"C{number}")))
    await command.close()
    assert (tmp_path / "s.db").read_bytes() == before
    await daemon.accept(intake(delivery(mail="M2")))
    await daemon.close()
    assert (tmp_path / "s.db").read_bytes() != before


@pytest.mark.parametrize(("version", "what"), [(1, "start `smsbridge serve`"), (999, "install the newer")])
async def test_row_76_a_command_changes_no_tables_below_a_daemon(tmp_path: Path, version: int, what: str) -> None:
    path = tmp_path / "s.db"
    made = apsw.Connection(str(path))
    made.pragma("user_version", version)
    made.close()
    with pytest.raises(SpoolDamaged, match=what):
        await open_spool(path, command=True)
    made = apsw.Connection(str(path))
    assert made.pragma("user_version") == version
    made.close()


async def test_row_76_being_asked_whether_it_is_ready_does_not_put_the_version_back(spool: SqliteSpool) -> None:
    """The old program still runs while a new one has changed the tables."""
    await spool.begin(NOW)
    newer = len(MIGRATIONS) + 1
    await spool.writer.run(lambda db: db.execute(f"PRAGMA user_version = {newer}").fetchall())
    commits = spool.writer.commits
    await spool.probe()
    assert spool.writer.commits == commits + 1
    assert await spool.writer.run(lambda db: db.pragma("user_version")) == newer


async def test_row_76_an_update_with_a_full_queue_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s.db"
    path.touch(mode=0o600)
    old = apsw.Connection(str(path))
    for sql in MIGRATIONS[:1]:
        old.execute(sql)
    old.pragma("user_version", 1)
    columns = {row[1]: row[3] for row in old.execute("PRAGMA table_info(deliveries)")}
    given = {"channel": "sms", "state": "queued", "on_unknown": "hold", "reports": "failures", "next_at": NOW}
    given["expires_at"] = NOW + 86400
    needed = [name for name, required in columns.items() if required and name not in {"seq", "id"}]
    values = [given.get(name, b"x" if name == "payload" else 0) for name in needed]
    old.execute("BEGIN")
    for number in range(20_000):
        old.execute(
            f"INSERT INTO deliveries (id, {', '.join(needed)}) VALUES ({', '.join('?' * (len(needed) + 1))})",  # noqa: S608  # our own names
            [f"M{number}-1", *values],
        )
    old.execute("COMMIT")
    old.close()
    spool = await open_spool(path)
    assert await spool.open_count() == 20_000
    assert len(await spool.start(Channel.SMS, 50, NOW, NOW + 300, (), ())) == 50
    await spool.close()


async def test_a_conversation_is_looked_for_on_the_loop_or_behind_what_is_being_read(spool: SqliteSpool) -> None:
    opened = Conversation(
        phone="436600000001",
        line="",
        author="anna@example.org",
        message_id="<1@example.org>",
        subject="",
        expires_at=NOW + 9,
    )
    await spool.accept(replace(intake(), conversations=(opened,)))
    assert await spool.conversation("436600000001", None, NOW) == opened
    may = threading.Event()
    reading = asyncio.ensure_future(spool._reader.run(may.wait))
    await asyncio.sleep(0)  # it reads as soon as it runs
    asked = asyncio.ensure_future(spool.conversation("436600000001", None, NOW))
    await asyncio.sleep(0)
    assert not asked.done()
    may.set()
    assert await asked == opened
    await reading
