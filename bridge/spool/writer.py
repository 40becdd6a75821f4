"""The one connection that writes: everything that waits goes into one transaction, each asker is answered after it.

There is no timer: the commit that runs is the time in which the next batch gathers (`bridge.spool.rhythm`). On an idle
bridge a message waits for its own fsync and nothing else.

What waits for the disk is done in a thread: the commit, the checkpoint, waiting for another process that writes, and
every operation that may take long. Quick operations run on the loop before their commit, as many as make a few
milliseconds: in a thread each statement hands the interpreter's lock to and fro, which costs more than the statement.

It checkpoints too, after the answers, so that nobody waits for that and its errors are seen; SQLite passes over those
of its own. After an fsync that failed, or in a damaged file, nothing is written any more: a second fsync would say "ok"
about pages that the kernel has thrown away.
"""

import asyncio
import contextlib
import math
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

import apsw

from bridge import metrics
from bridge.message import StoreUnavailable
from bridge.spool import erasure
from bridge.spool.faults import OURS, is_full, is_lasting
from bridge.spool.rhythm import MOST_QUICK, Rhythm

T = TypeVar("T")
Op = Callable[[apsw.Connection], Any]
_Answer = tuple["asyncio.Future[Any]", Any, BaseException | None]

CHECKPOINT_AT = 2000
"""Pages of the log after which it is copied into the database: two syncs, and a third before the next commit."""


class _Item(NamedTuple):
    """Somebody's operation, and the future that waits for it."""

    op: Op
    future: "asyncio.Future[Any]"
    can_wait: bool
    quick: bool
    first: bool


class _Batch(NamedTuple):
    """What goes into one transaction; `results` where it is open and all is done but the commit."""

    items: list[_Item]
    results: list[Any] | None


class Writer:
    """Runs operations on the writing connection, in groups; an operation must do nothing but SQL."""

    def __init__(
        self,
        db: apsw.Connection,
        loop: asyncio.AbstractEventLoop,
        *,
        make_room: Callable[[], bool] = lambda: False,
        checkpoints: bool = True,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        """`make_room` is called in the thread when the disk is full; True: it is worth trying once more. `tick` gives
        seconds that nobody sets.
        """
        self._db = db
        self._loop = loop
        self._make_room = make_room
        self._checkpoints = checkpoints
        self._tick = tick
        self._patience = int(db.pragma("busy_timeout"))
        self._waiting: list[_Item] = []
        self._queue: SimpleQueue[_Batch | None] = SimpleQueue()
        self._idle = asyncio.Event()  # the connection is nobody's
        self._idle.set()
        self._closed = False
        self._rhythm = Rhythm()
        self._begun = threading.Event()  # the thread has it
        self._logged = 0  # pages in the log
        self._erase = self._rewrite = False
        self._rewritten = -math.inf  # of the tick
        self.commits = 0
        self.broken = ""
        """Why nothing is written any more until a restart; "" while all is well."""
        db.set_wal_hook(self._note_log)  # instead of SQLite's own, which checkpoints and passes over what fails
        self._thread = threading.Thread(target=self._run, name="spool-writer", daemon=True)
        self._thread.start()

    async def run(
        self, op: Callable[[apsw.Connection], T], *, can_wait: bool = False, quick: bool = False, first: bool = False
    ) -> T:
        """Do `op` and commit it; returns only then. Raises what `op` raised, or `StoreUnavailable`.

        For what `can_wait` for a disk with room on it none is made. What is `quick` touches a few rows by their keys.
        Who asks to be `first` goes on a turn of the loop before the others of its batch.
        """
        return await self.put(op, can_wait=can_wait, quick=quick, first=first)

    def put(
        self, op: Callable[[apsw.Connection], T], *, can_wait: bool = False, quick: bool = False, first: bool = False
    ) -> "asyncio.Future[T]":
        """The same, for who has no coroutine that could wait."""
        future: asyncio.Future[T] = self._loop.create_future()
        if self._closed:
            future.set_exception(StoreUnavailable("the spool is closed"))
            return future
        self._waiting.append(_Item(op, future, can_wait, quick, first))
        if self._idle.is_set():
            self._idle.clear()
            self._loop.call_soon(self._gather, 0, 0)
        return future

    def erase(self, *, rewrite: bool = False) -> None:
        """Once nothing waits: empty the log, which holds old contents of what was overwritten; and to `rewrite` the
        file too, now and then, since copies of it may stand between what is there.
        """
        self._erase = True
        self._rewrite = self._rewrite or rewrite

    async def close(self) -> None:
        """Commit what waits and end the thread."""
        self._closed = True
        await self._idle.wait()
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _gather(self, known: int, turns: int) -> None:
        waiting = len(self._waiting)
        if self._rhythm.gathers(known, waiting, turns):
            self._loop.call_soon(self._gather, waiting, turns + 1)
        else:
            self._begin()

    def _begin(self) -> None:
        """On the loop: the next batch, as far as it can be done without waiting for anything, then to the thread."""
        if not self._waiting:
            self._idle.set()
            return
        quick = all(item.quick for item in self._waiting[:MOST_QUICK])
        size = self._rhythm.share(len(self._waiting), quick=quick)
        items, self._waiting = self._waiting[:size], self._waiting[size:]
        results = self._done_quickly(items) if quick else None
        self._begun.clear()
        self._queue.put(_Batch(items, results))
        if self._rhythm.is_slow:  # or it gets the interpreter's lock only once the loop has nothing to do
            self._begun.wait()

    def _done_quickly(self, items: list[_Item]) -> list[Any] | None:
        """The results, in an open transaction; None, and nothing is done, where anything at all was in the way."""
        if self.broken or self._db.in_transaction:
            return None
        try:
            self._db.set_busy_timeout(0)
            try:
                self._db.execute("BEGIN IMMEDIATE")
            finally:
                self._db.set_busy_timeout(self._patience)
            return [item.op(self._db) for item in items]
        except Exception as error:  # noqa: BLE001  # the thread does it again, and finds out whose it is
            self.note(error)
            with contextlib.suppress(apsw.Error):
                self._rollback()
            return None

    def _run(self) -> None:
        while (batch := self._queue.get()) is not None:
            self._begun.set()
            try:
                answers = self._commit(batch.items, batch.results)
            except Exception as error:  # noqa: BLE001  # even a rollback can fail; this thread must outlive it
                answers = self._refuse(batch.items, error)
            busy = self._must_checkpoint()
            try:
                self._loop.call_soon_threadsafe(self._answer, batch.items, answers, not busy)
                if busy:
                    self._checkpoint()
                    self._loop.call_soon_threadsafe(self._gather, 0, 0)
            except RuntimeError:
                return  # the loop is gone, and with it everyone who asked

    def _answer(self, items: list[_Item], answers: list[_Answer], free: bool) -> None:
        """On the loop; nothing is being committed now if the writer is `free`."""
        if free and self._waiting and self._rhythm.is_slow:
            self._begin()
            free = False
        first = [answer for item, answer in zip(items, answers, strict=True) if item.first]
        others = [answer for item, answer in zip(items, answers, strict=True) if not item.first]
        _deliver(first)
        if first and others:
            self._loop.call_soon(self._answer_others, others, free)
        else:
            self._answer_others(others, free)

    def _answer_others(self, answers: list[_Answer], free: bool) -> None:
        _deliver(answers)
        if free:
            self._loop.call_soon(self._gather, 0, 0)  # after those who were answered, who may want more

    def _commit(self, items: list[_Item], results: list[Any] | None = None) -> list[_Answer]:
        """One transaction; when the disk is full, again without what can wait, and then with the room that was kept."""
        if self.broken:
            self._rollback()
            return _refuse(items, StoreUnavailable(self.broken))
        answers = self._try(items, results)
        needy = _without_room(items, answers)
        if needy and len(needy) < len(items):
            answers = self._once_more(items, answers)
            needy = _without_room(items, answers)
        return self._once_more(items, answers) if needy and self._make_room() else answers

    def _once_more(self, items: list[_Item], answers: list[_Answer]) -> list[_Answer]:
        # Only those: where each got a transaction of its own, the others are committed.
        needy = _without_room(items, answers)
        then = dict(zip(map(id, needy), self._try(needy), strict=True))
        return [then.get(id(item), answer) for item, answer in zip(items, answers, strict=True)]

    def _try(self, items: list[_Item], results: list[Any] | None = None) -> list[_Answer]:
        if results is None:
            try:
                self._rollback()  # what an earlier failed rollback left open must not be committed with this
                self._db.execute("BEGIN IMMEDIATE")
            except apsw.Error as error:
                return self._refuse(items, error)
            try:
                results = [item.op(self._db) for item in items]
            except Exception as error:  # noqa: BLE001  # whatever one asker's operation raised is that asker's answer
                self._rollback()
                # One faulty operation must not spoil its neighbours: each gets a transaction of its own.
                if len(items) > 1 and not is_lasting(error):
                    return [answer for item in items for answer in self._commit([item])]
                if isinstance(error, OURS):
                    return [(item.future, None, error) for item in items]
                return self._refuse(items, error)
        began = self._tick()
        try:
            self._db.execute("COMMIT")
        except apsw.Error as error:
            self._rollback()
            return self._refuse(items, error)
        self._rhythm.note(self._tick() - began)
        self.commits += 1
        metrics.COMMITS.add()
        return [(item.future, result, None) for item, result in zip(items, results, strict=True)]

    def _rollback(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def _refuse(self, items: list[_Item], error: Exception) -> list[_Answer]:
        metrics.DATABASE_ERRORS.add()
        self.note(error)
        return _refuse(items, error)

    def note(self, error: Exception) -> None:
        """Write nothing any more if that is what an error asks for, wherever it was met."""
        if is_lasting(error) and not self.broken:
            self.broken = f"{type(error).__name__}: {error}"

    def _note_log(self, _db: apsw.Connection, _name: str, pages: int) -> int:
        self._logged = pages
        return apsw.SQLITE_OK

    def _must_checkpoint(self) -> bool:
        erase = self._erase and not self._waiting
        return self._checkpoints and not self.broken and (erase or self._logged >= CHECKPOINT_AT)

    def _checkpoint(self) -> None:
        erase = self._erase and not self._waiting
        try:
            if erase:  # not for long: whoever reads just now must not stop all writing, the next time will do
                self._db.set_busy_timeout(0)
                self._rewrite_now_and_then()
            self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE if erase else apsw.SQLITE_CHECKPOINT_PASSIVE)
            self._erase = self._erase and not erase
        except apsw.Error as error:  # busy or full: the log grows on, and the next one does it
            self.note(error)
        finally:
            if erase:
                self._db.set_busy_timeout(self._patience)

    def _rewrite_now_and_then(self) -> None:
        if self._rewrite and self._tick() - self._rewritten >= erasure.REWRITE_EVERY:
            erasure.rewrite(self._db)
            self._rewritten, self._rewrite = self._tick(), False


def _without_room(items: list[_Item], answers: list[_Answer]) -> list[_Item]:
    """Those that cannot wait until the disk has room again."""
    return [item for item, answer in zip(items, answers, strict=True) if is_full(answer[2]) and not item.can_wait]


def _refuse(items: list[_Item], error: Exception) -> list[_Answer]:
    unavailable: Exception = error
    if isinstance(error, apsw.Error):
        unavailable = StoreUnavailable(f"{type(error).__name__}: {error}")
        unavailable.__cause__ = error
    return [(item.future, None, unavailable) for item in items]


def _deliver(answers: list[_Answer]) -> None:
    for future, result, error in answers:
        if future.done():  # its asker was cancelled; the commit stands
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
