"""The one thread that writes: everything that waits goes into one transaction, each asker is answered after it.

There is no timer: the commit that runs is the time in which the next batch gathers. On a slow disk that makes
thousands of acknowledgements share one fsync; on an idle bridge a message waits for its own fsync and nothing else.
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
_Item = tuple[Op, "asyncio.Future[Any]"]
_Answer = tuple["asyncio.Future[Any]", Any, BaseException | None]

MAX_BATCH = 1000

_OURS = (apsw.ConstraintError, apsw.SQLError, apsw.BindingsError, apsw.MismatchError, apsw.RangeError)
"""What SQLite says of our own mistakes; everything else it says means that the store is not available."""


class Writer:
    """Runs operations on the writing connection, in groups; an operation must do nothing but SQL."""

    def __init__(self, db: apsw.Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._db = db
        self._loop = loop
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._closed = False
        self.commits = 0
        self._thread = threading.Thread(target=self._run, name="spool-writer", daemon=True)
        self._thread.start()

    async def run(self, op: Callable[[apsw.Connection], T]) -> T:
        """Do `op` and commit it; returns only then. Raises what `op` raised, or `StoreUnavailable`."""
        if self._closed:
            raise StoreUnavailable("the spool is closed")
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.put((op, future))
        return await future

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
                answers = _refuse(batch, error)
            try:
                self._loop.call_soon_threadsafe(_deliver, answers)
            except RuntimeError:
                return  # the loop is gone, and with it everyone who asked
            if last:
                return

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
        try:
            self._rollback()  # what an earlier failed rollback left open must not be committed with this
            self._db.execute("BEGIN IMMEDIATE")
        except apsw.Error as error:
            return _refuse(batch, error)
        results: list[Any] = []
        try:
            results = [op(self._db) for op, _ in batch]
        except Exception as error:  # noqa: BLE001  # whatever one asker's operation raised is that asker's answer
            self._rollback()
            # One faulty operation must not spoil its neighbours: each gets a transaction of its own.
            if len(batch) > 1:
                return [answer for item in batch for answer in self._commit([item])]
            if isinstance(error, _OURS):
                return [(future, None, error) for _, future in batch]
            return _refuse(batch, error)
        try:
            self._db.execute("COMMIT")
        except apsw.Error as error:
            self._rollback()
            return _refuse(batch, error)
        self.commits += 1
        return [(future, result, None) for (_, future), result in zip(batch, results, strict=True)]

    def _rollback(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")


def _refuse(batch: list[_Item], error: Exception) -> list[_Answer]:
    unavailable: Exception = error
    if isinstance(error, apsw.Error):
        unavailable = StoreUnavailable(f"{type(error).__name__}: {error}")
        unavailable.__cause__ = error
    return [(future, None, unavailable) for _, future in batch]


def _deliver(answers: list[_Answer]) -> None:
    for future, result, error in answers:
        if future.done():  # its asker was cancelled; the commit stands
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
