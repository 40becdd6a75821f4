"""Group commit: what waits together is committed together, and each asker gets the answer to its own question."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import apsw
import pytest

from bridge.message import StoreUnavailable
from bridge.spool.rhythm import MOST, MOST_QUICK, SLOW
from bridge.spool.writer import CHECKPOINT_AT, Writer
from tests.wait import PATIENCE, until


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[apsw.Connection]:
    connection = apsw.Connection(str(tmp_path / "w.db"))
    for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "CREATE TABLE t (n INTEGER UNIQUE)"):
        connection.execute(statement).fetchall()
    connection.set_busy_timeout(50)
    yield connection
    connection.close()


@pytest.fixture
async def writer(db: apsw.Connection) -> AsyncIterator[Writer]:
    made = Writer(db, asyncio.get_running_loop(), tick=lambda: 0.0)  # however slow the disk of this machine is
    yield made
    await made.close()


@pytest.fixture(params=[False, True], ids=["in the thread", "on the loop"])
def quick(request: pytest.FixtureRequest) -> bool:
    given: bool = request.param
    return given


def put(number: int) -> Callable[[apsw.Connection], int]:
    def op(db: apsw.Connection) -> int:
        db.execute("INSERT INTO t VALUES (?)", (number,))
        return number

    return op


class Gate:
    """An operation that holds the writing thread until it is opened, so that a batch can gather behind it."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()

    def __call__(self, _: apsw.Connection) -> None:
        self.entered.set()
        assert self.open.wait(PATIENCE)


async def held(writer: Writer) -> tuple[Gate, "asyncio.Task[None]"]:
    gate = Gate()
    task = asyncio.create_task(writer.run(gate))
    await asyncio.sleep(0)
    assert await asyncio.to_thread(gate.entered.wait, PATIENCE)
    return gate, task


def numbers(path: Path) -> list[int]:
    # apsw, since a second SQLite library in one process would drop the first one's locks.
    other = apsw.Connection(str(path))
    found: list[int] = [row[0] for row in other.execute("SELECT n FROM t ORDER BY n")]
    other.close()
    return found


async def test_everything_that_waits_shares_one_commit(writer: Writer, tmp_path: Path, quick: bool) -> None:
    gate, first = await held(writer)
    tasks = [asyncio.create_task(writer.run(put(number), quick=quick)) for number in range(300)]
    await asyncio.sleep(0)
    gate.open.set()
    assert await asyncio.gather(*tasks) == list(range(300))
    await first
    assert writer.commits == 1 + (300 // MOST_QUICK if quick else 1)
    assert numbers(tmp_path / "w.db") == list(range(300))


async def test_a_batch_is_bounded(writer: Writer) -> None:
    gate, _ = await held(writer)
    tasks = [asyncio.create_task(writer.run(put(number))) for number in range(MOST + 1)]
    await asyncio.sleep(0)
    gate.open.set()
    await asyncio.gather(*tasks)
    assert writer.commits == 3


async def test_an_answer_comes_only_after_the_commit(writer: Writer, tmp_path: Path, quick: bool) -> None:
    for number in range(20):
        await writer.run(put(number), quick=quick)
        assert numbers(tmp_path / "w.db")[-1] == number


async def test_one_faulty_operation_does_not_spoil_its_neighbours(writer: Writer, tmp_path: Path, quick: bool) -> None:
    def half_done(db: apsw.Connection) -> None:
        db.execute("INSERT INTO t VALUES (1000)")
        raise KeyError("a bug of ours")

    gate, _ = await held(writer)
    ops: list[Callable[[apsw.Connection], object]] = [put(1), half_done, put(2), put(2), put(3)]
    tasks = [asyncio.create_task(writer.run(op, quick=quick)) for op in ops]
    await asyncio.sleep(0)
    gate.open.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [answers[0], answers[2], answers[4]] == [1, 2, 3]
    assert isinstance(answers[1], KeyError)
    assert isinstance(answers[3], apsw.ConstraintError)  # a mistake of ours, not the store's
    assert numbers(tmp_path / "w.db") == [1, 2, 3]  # and nothing of the half that was done


async def test_a_cancelled_asker_does_not_undo_the_commit(writer: Writer, tmp_path: Path, quick: bool) -> None:
    gate, _ = await held(writer)
    task = asyncio.create_task(writer.run(put(7), quick=quick))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.open.set()
    await writer.run(put(8), quick=quick)
    assert numbers(tmp_path / "w.db") == [7, 8]


async def test_a_busy_database_is_unavailable_and_comes_back(writer: Writer, tmp_path: Path, quick: bool) -> None:
    other = apsw.Connection(str(tmp_path / "w.db"))
    other.execute("BEGIN EXCLUSIVE")
    refused = await asyncio.gather(
        *(writer.run(put(number), quick=quick) for number in range(5)), return_exceptions=True
    )
    assert all(isinstance(answer, StoreUnavailable) for answer in refused)
    other.execute("ROLLBACK")
    other.close()
    assert await writer.run(put(5), quick=quick) == 5
    assert numbers(tmp_path / "w.db") == [5]


async def test_nobody_on_the_loop_waits_for_another_that_writes(writer: Writer, db: apsw.Connection) -> None:
    other = apsw.Connection(str(db.filename))
    db.set_busy_timeout(int(PATIENCE * 1000))
    patient = Writer(db, asyncio.get_running_loop())
    other.execute("BEGIN IMMEDIATE")
    task = asyncio.create_task(patient.run(put(1), quick=True))
    for _ in range(100):
        await asyncio.sleep(0.001)  # the loop turns while the other one has not finished
    assert not task.done()
    other.execute("COMMIT")
    assert await task == 1
    other.close()
    await patient.close()


async def test_what_is_asked_for_is_done_in_its_order(writer: Writer, tmp_path: Path) -> None:
    seen: list[int] = []

    def note(number: int) -> Callable[[apsw.Connection], None]:
        return lambda _: seen.append(number)

    await asyncio.gather(*(writer.run(note(number), quick=number % 7 != 0) for number in range(250)))
    assert seen == list(range(250))


async def test_who_asks_to_be_first_goes_on_before_the_others_of_its_batch(writer: Writer, quick: bool) -> None:
    went_on: list[int] = []

    async def ask(number: int, *, first: bool) -> None:
        await writer.run(put(number), quick=quick, first=first)
        went_on.append(number)
        await asyncio.sleep(0)  # as who starts a task, which then is before the others, too
        went_on.append(-number)

    await asyncio.gather(ask(1, first=False), ask(2, first=True), ask(3, first=False))
    assert went_on == [2, -2, 1, 3, -1, -3]
    assert writer.commits == 1


async def test_a_commit_that_fails_keeps_nothing(
    writer: Writer, db: apsw.Connection, tmp_path: Path, quick: bool
) -> None:
    failing = [True]
    db.set_commit_hook(lambda: failing[0])  # a commit hook that says True turns COMMIT into a rollback
    with pytest.raises(StoreUnavailable):
        await writer.run(put(1), quick=quick)
    failing[0] = False
    await writer.run(put(2), quick=quick)
    assert numbers(tmp_path / "w.db") == [2]


async def test_a_rollback_that_fails_leaves_nobody_waiting(
    writer: Writer, db: apsw.Connection, tmp_path: Path, quick: bool
) -> None:
    def no_rollback(operation: int, first: str | None, *_: object) -> int:
        refused = operation == apsw.SQLITE_TRANSACTION and first == "ROLLBACK"
        return apsw.SQLITE_DENY if refused else apsw.SQLITE_OK

    def wrong(db: apsw.Connection) -> None:
        db.execute("INSERT INTO t VALUES (1000)")
        raise KeyError("a bug of ours")

    db.set_authorizer(no_rollback)
    for op in (wrong, put(1)):
        with pytest.raises((KeyError, StoreUnavailable)):
            await asyncio.wait_for(writer.run(op, quick=quick), PATIENCE)
    db.set_authorizer(None)
    assert await writer.run(put(2), quick=quick) == 2
    assert numbers(tmp_path / "w.db") == [2]


async def test_row_67_what_was_committed_is_not_done_again_for_a_neighbour_without_room(
    db: apsw.Connection, tmp_path: Path, quick: bool
) -> None:
    """A large mail is more than the disk holds, which does not concern what waits beside it."""
    db.execute("CREATE TABLE mails (content BLOB)").fetchall()
    db.pragma("max_page_count", int(db.pragma("page_count")) + 10)

    def large(db: apsw.Connection) -> None:
        db.execute("INSERT INTO mails VALUES (zeroblob(1000000))")

    writer = Writer(db, asyncio.get_running_loop(), make_room=lambda: True)
    gate, before = await held(writer)
    tasks = [asyncio.create_task(writer.run(op, can_wait=op is large, quick=quick)) for op in (put(1), large, put(3))]
    await asyncio.sleep(0)
    gate.open.set()
    answers = await asyncio.gather(before, *tasks, return_exceptions=True)
    assert isinstance(answers.pop(2), StoreUnavailable)
    assert answers == [None, 1, 3]
    assert numbers(tmp_path / "w.db") == [1, 3]
    await writer.close()


async def test_closing_commits_what_waits_and_refuses_what_comes_later(
    db: apsw.Connection, tmp_path: Path, quick: bool
) -> None:
    writer = Writer(db, asyncio.get_running_loop())
    tasks = [asyncio.create_task(writer.run(put(number), quick=quick)) for number in range(50)]
    await asyncio.sleep(0)
    await writer.close()
    assert await asyncio.gather(*tasks) == list(range(50))
    with pytest.raises(StoreUnavailable):
        await writer.run(put(99), quick=quick)
    assert numbers(tmp_path / "w.db") == list(range(50))
    await writer.close()  # twice is no error


async def test_row_129_once_nothing_waits_the_log_is_emptied(writer: Writer, tmp_path: Path) -> None:
    log = tmp_path / "w.db-wal"
    await writer.run(put(1))
    assert log.stat().st_size > 0
    writer.erase()
    await writer.run(put(2))
    await until(lambda: log.stat().st_size == 0 or None, "the log is empty")
    assert numbers(tmp_path / "w.db") == [1, 2]


async def test_row_129_a_reader_is_not_waited_for_but_the_next_time_will_do(writer: Writer, tmp_path: Path) -> None:
    log = tmp_path / "w.db-wal"
    await writer.run(put(1))
    reader = apsw.Connection(str(tmp_path / "w.db"))
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM t").fetchall()
    writer.erase()
    await writer.run(put(2))
    await writer.run(put(3))
    assert log.stat().st_size > 0
    reader.close()
    await writer.run(put(4))
    await until(lambda: log.stat().st_size == 0 or None, "the log is empty")


async def test_the_log_does_not_grow_without_end(writer: Writer, tmp_path: Path) -> None:
    def much(db: apsw.Connection) -> None:
        db.execute("INSERT INTO t VALUES (randomblob(400000))")

    for _ in range(40):
        await writer.run(much)
    assert (tmp_path / "w.db").stat().st_size > 10_000_000, "it is copied into the database"
    assert (tmp_path / "w.db-wal").stat().st_size < 2 * 4096 * CHECKPOINT_AT


@pytest.mark.parametrize("error", [apsw.CorruptError("x"), apsw.NotADBError("x")])
async def test_row_73_in_a_damaged_file_nothing_is_written(
    writer: Writer, tmp_path: Path, error: Exception, quick: bool
) -> None:
    def damaged(_: apsw.Connection) -> None:
        raise error

    await writer.run(put(1), quick=quick)
    with pytest.raises(StoreUnavailable):
        await writer.run(damaged, quick=quick)
    assert type(error).__name__ in writer.broken
    with pytest.raises(StoreUnavailable):
        await writer.run(put(2), quick=quick)
    assert numbers(tmp_path / "w.db") == [1]


class Disk:
    """A writer whose commits take `seconds` by its own clock, what it did, and in which order."""

    def __init__(self, db: apsw.Connection, seconds: float) -> None:
        self.happened: list[str] = []
        self._seconds, self._now = seconds, 0.0
        db.set_commit_hook(self._commit)
        self.writer = Writer(db, asyncio.get_running_loop(), tick=lambda: self._now)

    def _commit(self) -> bool:
        self._now += self._seconds
        self.happened.append("committed")
        return False

    async def warm(self) -> None:
        """Until the writer knows how long its commits take."""
        for _ in range(3):
            await asyncio.gather(*self.ask(1, "before"))

    def ask(self, count: int, name: str) -> list[asyncio.Future[None]]:
        """So many that note when they are done and when they are answered."""
        asked = [self.writer.put(lambda _: self.happened.append(f"{name} done"), quick=True) for _ in range(count)]
        for each in asked:
            each.add_done_callback(lambda _: self.happened.append(f"{name} answered"))
        return asked

    async def meet(self, count: int) -> None:
        """So many come while one commit is under way; from there on `happened` tells."""
        gate = Gate()
        first = self.writer.put(gate)
        first.add_done_callback(lambda _: self.happened.append("first answered"))
        assert await asyncio.to_thread(gate.entered.wait, PATIENCE)
        self.happened.clear()
        crowd = self.ask(count, "crowd")
        gate.open.set()
        await asyncio.gather(first, *crowd)

    def batches(self) -> list[int]:
        """How many were done before each commit."""
        told = " ".join(each for each in self.happened if not each.endswith("answered"))
        return [part.count("done") for part in told.split("committed")[:-1]]


@pytest.fixture(params=[0.0, 4 * SLOW], ids=["fast", "slow"])
async def disk(db: apsw.Connection, request: pytest.FixtureRequest) -> AsyncIterator[Disk]:
    made = Disk(db, request.param)
    await made.warm()
    yield made
    await made.writer.close()


async def test_a_slow_disk_gets_the_next_batch_before_anybody_is_answered(
    disk: Disk, request: pytest.FixtureRequest
) -> None:
    await disk.meet(1)
    shown = [each for each in disk.happened if each in {"first answered", "crowd done"}]
    slow = request.node.callspec.id == "slow"
    assert shown == (["crowd done", "first answered"] if slow else ["first answered", "crowd done"])


async def test_on_a_slow_disk_those_who_come_together_come_by_halves(
    disk: Disk, request: pytest.FixtureRequest
) -> None:
    """All that wait would be answered together, come again together, and leave the disk idle meanwhile."""
    await disk.meet(41)
    assert disk.batches() == ([0, 21, 20] if request.node.callspec.id == "slow" else [0, 41])
