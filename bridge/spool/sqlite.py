"""The embedded spool: one SQLite file, WAL, synchronous=FULL, one writing connection.

Figures behind the choice: WAL with FULL lost none of 48,660 acknowledged commits in 800 simulated power cuts; NORMAL
lost 7.8 %. apsw brings a SQLite that has not the WAL-reset bug of 3.7.0 to 3.51.2; an older one is refused.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import apsw

from bridge import metrics
from bridge.message import Channel, Delivery, Report, StoreUnavailable
from bridge.spool import (
    Accepted,
    Intake,
    SpoolDamaged,
    Step,
    deliveries,
    disk,
    due,
    erasure,
    generation,
    intakes,
    reports,
    retention,
    schema,
)
from bridge.spool.disk import Disk
from bridge.spool.reader import Reader
from bridge.spool.sql import SqlSpool
from bridge.spool.writer import Writer

T = TypeVar("T")

BUSY_TIMEOUT = 5.0
OLDEST_SQLITE = (3, 51, 3)

CHECK_STEPS = 100_000
"""Pages of the database, and as many steps of SQLite's, that are looked at when it is opened: a bound, not all."""

_FEW = 40
"""Deliveries that an operation may touch and still be quick."""

STATEMENTS = 512
"""Executions after which a statement that was not asked for again is prepared anew, the most that apsw knows: a batch
of fifty mails makes several times its usual hundred."""

LONGEST_WAIT = 2 * 3600.0
"""Seconds; more than there is between any two attempts."""

_RECOVER = 'put a backup in its place, see "When something breaks" in docs/operate.md'


def connect(path: Path, *, writing: bool, command: bool) -> apsw.Connection:
    """A connection that keeps promises; a `command` changes no tables. Raises `SpoolDamaged`, `StoreUnavailable`."""
    if tuple(int(part) for part in apsw.sqlite_lib_version().split(".")) < OLDEST_SQLITE:
        raise SpoolDamaged(f"SQLite {apsw.sqlite_lib_version()} can lose commits: install apsw 3.51.3 or newer")
    try:
        db = apsw.Connection(str(path), statementcachesize=STATEMENTS)
        db.set_busy_timeout(int(BUSY_TIMEOUT * 1000))
        # A plan depends on its statement alone: else SQLite plans many anew each time, for the values they are given.
        db.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        db.execute("PRAGMA temp_store = MEMORY")  # no text in files that nobody erases
        if writing:
            _use_wal(db)
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA secure_delete = ON")
            if command:
                schema.check(db)
            else:
                _look_over(db)
                schema.migrate(db)
        else:
            db.execute("PRAGMA query_only = ON")
            db.execute("PRAGMA user_version").fetchall()
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise SpoolDamaged(f"{path} is no spool or is damaged ({error}): {_RECOVER}") from error
    except apsw.Error as error:  # a lock, a full disk, a permission: it may pass
        raise StoreUnavailable(f"the spool {path} cannot be opened: {error}") from error
    return db


def _look_over(db: apsw.Connection) -> None:
    """Look for damage, but not for long: a queue of a gigabyte must start at once too. Raises `apsw.CorruptError`."""
    steps = 0

    def enough() -> bool:
        nonlocal steps
        steps += 1
        return steps > CHECK_STEPS

    db.set_progress_handler(enough, 1)
    try:
        found = str(db.pragma("quick_check", 1))
    except apsw.InterruptError:
        return
    finally:
        db.set_progress_handler(None)
    if found != "ok":
        raise apsw.CorruptError(found)


def _use_wal(db: apsw.Connection) -> None:
    """Switch a fresh file; SQLite does not wait when another program switches it just now, so we do."""
    until = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL").fetchall()
        except apsw.BusyError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


class SqliteSpool(SqlSpool):
    """Keeps `bridge.spool.contract.Spool` on one file. Build it with `open_spool`."""

    def __init__(self, path: Path, writing: apsw.Connection, reading: apsw.Connection, *, command: bool) -> None:
        self.path = path
        self.disk = Disk(path)
        self._inode = path.stat().st_ino
        self._db = writing
        self._reading = reading
        self.coming: Callable[[Channel], object] = lambda _: None
        """Called when deliveries are about to be committed: what is asked in the next turn of the loop comes after
        them, and mostly into the same commit.
        """
        self._onlooker = ThreadPoolExecutor(1, thread_name_prefix="spool-onlooker")
        self._looking: apsw.Connection | None = None  # once somebody looks
        self._closed = False
        self._advanced_at: generation.Seen | None = None
        loop = asyncio.get_running_loop()
        self._reader = Reader(loop)
        if command:  # it is the daemon that checkpoints, and whose outcomes the ballast is for
            self.writer = Writer(writing, loop, checkpoints=False)
        else:
            self.writer = Writer(writing, loop, make_room=self.disk.drop)

    @property
    def broken(self) -> str:
        """Why nothing is written any more until a restart; "" while all is well."""
        return self.writer.broken

    def accept(self, intake: Intake) -> Awaitable[Accepted]:
        # A mail or an SMS that is not taken is kept by whoever sends it.
        can_wait, quick = intake.kind in {"mail", "sms"}, len(intake.deliveries) <= _FEW
        for channel in {delivery.channel for delivery in intake.deliveries}:
            self.coming(channel)
        return self.writer.put(lambda db: intakes.accept(db, intake), can_wait=can_wait, quick=quick)

    async def start(
        self, channel: Channel, limit: int, now: float, lease: float, without: Collection[str], after: Sequence[Step]
    ) -> list[Delivery]:
        def start(db: apsw.Connection) -> list[Delivery]:
            reports.move(db, after, now)
            return due.start(db, channel, limit, now, lease, without)

        # An SMS is on its way before whoever mailed it hears that it was taken.
        return await self.writer.run(start, quick=limit + len(after) <= _FEW, first=True)

    async def move(self, steps: Sequence[Step], now: float) -> list[bool]:
        return await self.writer.run(lambda db: reports.move(db, steps, now), quick=len(steps) <= _FEW)

    def report(self, report: Report, now: float) -> Awaitable[bool]:
        return self.writer.put(lambda db: reports.note(db, report, now), quick=True)

    async def recover(self, now: float) -> tuple[int, int]:
        return await self.writer.run(lambda db: reports.recover(db, now))

    async def release_leases(self, before: float) -> int:
        return await self.writer.run(lambda db: due.release_leases(db, before))

    async def purge(self, now: float, keep_text: float, keep_history: float, limit: int = 500) -> int:
        """As the contract says; what is erased is erased from the log of the database too."""

        def purge(db: apsw.Connection) -> int:
            before = db.total_changes()
            touched = retention.purge(db, now, keep_text, keep_history, limit)
            if db.total_changes() != before:
                self.writer.erase(rewrite=touched < limit)
            return touched

        return await self.writer.run(purge)

    async def scrub(self) -> bool:
        """For a command that erased something: take every trace of it off the disk, also of what was erased before.

        False where the file is too large for that beside a daemon. Raises `StoreUnavailable`.
        """
        return await asyncio.to_thread(erasure.scrub, lambda: connect(self.path, writing=True, command=True))

    async def begin(self, now: float) -> int | None:
        """For the daemon, before anything is sent: what an older copy holds is not sent by itself.

        None where this is the newest state; else how many SMS are held. Raises `StoreUnavailable`.
        """

        def begin(db: apsw.Connection) -> tuple[int | None, str, generation.Seen]:
            held = generation.hold(db, now) if generation.is_older(db, self.path) else None
            deliveries.clamp(db, now + LONGEST_WAIT)
            return held, generation.advance(db, self.path), generation.seen(db)

        held, line, seen = await self.writer.run(begin)
        await self._number(line, seen)
        return held

    async def advance(self) -> None:
        """From here on a copy made before is an older one, unless nothing changed. Raises `StoreUnavailable`."""

        def advance(db: apsw.Connection) -> tuple[str, generation.Seen]:
            line = generation.advance(db, self.path) if generation.seen(db) != self._advanced_at else ""
            return line, generation.seen(db)

        line, seen = await self.writer.run(advance)
        if line:
            await self._number(line, seen)

    async def shift(self, seconds: float) -> None:
        """The clock was set by so much: what waits is due, and ends, as long from now as before."""
        await self.writer.run(lambda db: deliveries.shift(db, seconds))

    async def probe(self) -> None:
        """Write something and commit it: whether the store can keep a promise now."""
        await self.writer.run(generation.probe)

    def is_in_place(self) -> bool:
        """Whether the file at the path is still the one that was opened."""
        try:
            return self.path.stat().st_ino == self._inode
        except OSError:
            return False

    async def close(self) -> None:
        """Commit what waits, then close both connections."""
        self._closed = True
        await self.writer.close()
        self._reader.close()
        self._onlooker.shutdown(wait=True)
        self._reading.close()
        if self._looking is not None:
            self._looking.close()
        if self.broken:  # the last to close would write once more
            self._db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        self._db.close()

    async def _write(self, op: Callable[[apsw.Connection], T]) -> T:
        return await self.writer.run(op)

    async def _read(self, query: Callable[[apsw.Connection], T]) -> T:
        try:
            return await self._reader.run(lambda: query(self._reading))
        except apsw.Error as error:
            metrics.DATABASE_ERRORS.add()
            self.writer.note(error)
            raise StoreUnavailable(f"{type(error).__name__}: {error}") from error

    def _find(self, query: Callable[[apsw.Connection], T]) -> Awaitable[T]:
        """On the loop, where nothing is in the way: to another thread and back is several times as far."""
        if self._closed or self._reader.busy:
            return self._read(query)
        found: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._reading.set_busy_timeout(0)
        try:
            found.set_result(query(self._reading))
        except apsw.Error:  # the thread has patience, and says what is wrong
            return self._read(query)
        finally:
            self._reading.set_busy_timeout(int(BUSY_TIMEOUT * 1000))
        return found

    async def _look(self, query: Callable[[apsw.Connection], T]) -> T:
        if self._closed:
            raise StoreUnavailable("the spool is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._onlooker, self._looked, query)
        except apsw.Error as error:
            raise StoreUnavailable(f"{type(error).__name__}: {error}") from error

    def _looked(self, query: Callable[[apsw.Connection], T]) -> T:
        if self._looking is None:
            self._looking = connect(self.path, writing=False, command=True)
        return query(self._looking)

    async def _number(self, line: str, seen: generation.Seen) -> None:
        try:
            await asyncio.to_thread(generation.write, self.path, line)
        except OSError as error:
            raise StoreUnavailable(f"{generation.file_of(self.path)} cannot be written: {error.strerror}") from error
        self._advanced_at = seen


async def open_spool(path: Path, *, command: bool = False) -> SqliteSpool:
    """Open or create the spool at `path`; needs the running loop. Raises `SpoolDamaged` or `StoreUnavailable`.

    As a `command` beside a daemon it changes no tables and does not checkpoint.
    """
    disk.make(path, command=command)
    writing = connect(path, writing=True, command=command)
    return SqliteSpool(path, writing, connect(path, writing=False, command=command), command=command)
