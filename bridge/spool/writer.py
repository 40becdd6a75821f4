"""The one thread that writes: everything that waits goes into one transaction, each asker is answered after it.

There is no timer: the commit that runs is the time in which the next batch gathers. On a slow disk that makes
thousands of acknowledgements share one fsync; on an idle bridge a message waits for its own fsync and nothing else.

It checkpoints too, after the answers, so that nobody waits for that and its errors are seen; SQLite passes over those
of its own. After an fsync that failed, or in a damaged file, nothing is written any more: a second fsync would say "ok"
about pages that the kernel has thrown away.
"""

import asyncio
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import apsw

from bridge.message import StoreUnavailable

T = TypeVar("T")
Op = Callable[[apsw.Connection], Any]
_Item = tuple[Op, "asyncio.Future[Any]", bool]
_Answer = tuple["asyncio.Future[Any]", Any, BaseException | None]

MAX_BATCH = 1000

CHECKPOINT_AT = 1000
"""Pages of the log after which it is copied into the database."""

_OURS = (apsw.ConstraintError, apsw.SQLError, apsw.BindingsError, apsw.MismatchError, apsw.RangeError)
"""What SQLite says of our own mistakes; everything else it says means that the store is not available."""

_NOT_SYNCED = frozenset({apsw.SQLITE_IOERR_FSYNC, apsw.SQLITE_IOERR_DIR_FSYNC})


class Writer:
    """Runs operations on the writing connection, in groups; an operation must do nothing but SQL."""

    def __init__(
        self,
        db: apsw.Connection,
        loop: asyncio.AbstractEventLoop,
        *,
        make_room: Callable[[], bool] = lambda: False,
        checkpoints: bool = True,
    ) -> None:
        """`make_room` is called in the thread when the disk is full; True: it is worth trying once more."""
        self._db = db
        self._loop = loop
        self._make_room = make_room
        self._checkpoints = checkpoints
        self._patience = int(db.pragma("busy_timeout"))
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._closed = False
        self._logged = 0  # pages in the log
        self._erase = False
        self.commits = 0
        self.broken = ""
        """Why nothing is written any more until a restart; "" while all is well."""
        db.set_wal_hook(self._note_log)  # instead of SQLite's own, which checkpoints and passes over what fails
        self._thread = threading.Thread(target=self._run, name="spool-writer", daemon=True)
        self._thread.start()

    async def run(self, op: Callable[[apsw.Connection], T], *, can_wait: bool = False) -> T:
        """Do `op` and commit it; returns only then. Raises what `op` raised, or `StoreUnavailable`.

        For what `can_wait` for a disk with room on it none is made.
        """
        if self._closed:
            raise StoreUnavailable("the spool is closed")
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.put((op, future, can_wait))
        return await future

    def erase(self) -> None:
        """Once nothing waits: empty the log, which holds old contents of what was overwritten."""
        self._erase = True

    async def close(self) -> None:
        """Commit what waits and end the thread."""
        self._closed = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while True:
            item = self._queue.get()
            if item is None:
                return
            batch, last = self._gather(item)
            try:
                answers = self._commit(batch)
            except Exception as error:  # noqa: BLE001  # even a rollback can fail; this thread must outlive it
                answers = self._refuse(batch, error)
            try:
                self._loop.call_soon_threadsafe(_deliver, answers)
            except RuntimeError:
                return  # the loop is gone, and with it everyone who asked
            if last:
                return
            self._checkpoint()

    def _gather(self, first: _Item) -> tuple[list[_Item], bool]:
        batch = [first]
        while len(batch) < MAX_BATCH:
            try:
                item = self._queue.get_nowait()
            except Empty:
                break
            if item is None:
                return batch, True
            batch.append(item)
        return batch, False

    def _commit(self, batch: list[_Item]) -> list[_Answer]:
        """One transaction; when the disk is full, once more with the room that was kept for it."""
        if self.broken:
            return _refuse(batch, StoreUnavailable(self.broken))
        answers = self._try(batch)
        if not any(_is_full(error) for _, _, error in answers):
            return answers
        needed = any(not can_wait for _, _, can_wait in batch)
        return self._try(batch) if needed and self._make_room() else answers

    def _try(self, batch: list[_Item]) -> list[_Answer]:
        try:
            self._rollback()  # what an earlier failed rollback left open must not be committed with this
            self._db.execute("BEGIN IMMEDIATE")
        except apsw.Error as error:
            return self._refuse(batch, error)
        results: list[Any] = []
        try:
            results = [op(self._db) for op, _, _ in batch]
        except Exception as error:  # noqa: BLE001  # whatever one asker's operation raised is that asker's answer
            self._rollback()
            # One faulty operation must not spoil its neighbours: each gets a transaction of its own.
            if len(batch) > 1 and not _is_lasting(error):
                return [answer for item in batch for answer in self._commit([item])]
            if isinstance(error, _OURS):
                return [(future, None, error) for _, future, _ in batch]
            return self._refuse(batch, error)
        try:
            self._db.execute("COMMIT")
        except apsw.Error as error:
            self._rollback()
            return self._refuse(batch, error)
        self.commits += 1
        return [(future, result, None) for (_, future, _), result in zip(batch, results, strict=True)]

    def _rollback(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def _refuse(self, batch: list[_Item], error: Exception) -> list[_Answer]:
        self.note(error)
        return _refuse(batch, error)

    def note(self, error: Exception) -> None:
        """Write nothing any more if that is what an error asks for, wherever it was met."""
        if _is_lasting(error) and not self.broken:
            self.broken = f"{type(error).__name__}: {error}"

    def _note_log(self, _db: apsw.Connection, _name: str, pages: int) -> int:
        self._logged = pages
        return apsw.SQLITE_OK

    def _checkpoint(self) -> None:
        erase = self._erase and self._queue.empty()
        if self.broken or not self._checkpoints or not (erase or self._logged >= CHECKPOINT_AT):
            return
        try:
            if erase:  # not for long: whoever reads just now must not stop all writing, the next time will do
                self._db.set_busy_timeout(0)
            self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE if erase else apsw.SQLITE_CHECKPOINT_PASSIVE)
            self._erase = self._erase and not erase
        except apsw.Error as error:  # busy or full: the log grows on, and the next one does it
            self.note(error)
        finally:
            if erase:
                self._db.set_busy_timeout(self._patience)


def _is_lasting(error: BaseException | None) -> bool:
    """Whether nobody knows any more what is on the disk."""
    if isinstance(error, apsw.IOError):
        return getattr(error, "extendedresult", 0) in _NOT_SYNCED
    return isinstance(error, (apsw.CorruptError, apsw.NotADBError))


def _is_full(error: BaseException | None) -> bool:
    return isinstance(error, StoreUnavailable) and isinstance(error.__cause__, apsw.FullError)


def _refuse(batch: list[_Item], error: Exception) -> list[_Answer]:
    unavailable: Exception = error
    if isinstance(error, apsw.Error):
        unavailable = StoreUnavailable(f"{type(error).__name__}: {error}")
        unavailable.__cause__ = error
    return [(future, None, unavailable) for _, future, _ in batch]


def _deliver(answers: list[_Answer]) -> None:
    for future, result, error in answers:
        if future.done():  # its asker was cancelled; the commit stands
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
