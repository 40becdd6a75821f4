"""The one thread of a node that writes: what waits goes into one transaction, each asker is answered after its commit.

As `bridge.spool.writer` does it for SQLite, with what a server over there adds: transactions that meet another node's,
or whose connection broke before they were committed, are done again.
"""

import asyncio
import random
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from bridge.log import get_logger
from bridge.message import Delivery, StoreUnavailable
from bridge.spool import Accepted, Intake
from bridge.spool.postgres.link import Link, Target, is_conflict, is_lost, is_ours, unavailable
from bridge.spool.postgres.moving import Hand, Moves
from bridge.spool.postgres.nodes import Node
from bridge.spool.postgres.starting import Start
from bridge.spool.postgres.transactions import Fenced, Transactions, What

T = TypeVar("T")
_Item = tuple[What, "asyncio.Future[Any]"]
_Answer = tuple["asyncio.Future[Any]", Any, BaseException | None]

MAX_BATCH: Final = 1000
TRY_FOR: Final = 10.0
"""Seconds in which a transaction that broke, or met another node's, is begun again."""

_TRIES: Final = 5

_log = get_logger("spool")


class Lane:
    """Runs operations in groups on a connection of its own; each must do nothing but SQL, and may be done twice."""

    def __init__(
        self,
        where: Target,
        node: Node,
        loop: asyncio.AbstractEventLoop,
        *,
        every: float,
        idle: Callable[["Lane"], None],
        frozen_after: float,
    ) -> None:
        """`idle` is called in the thread every `every` seconds; a transaction that stands still for `frozen_after`
        seconds is ended by the server, so that a frozen node holds nobody up.
        """
        self._work = Transactions(where, node, frozen_after)
        self._loop = loop
        self._every, self._idle = every, idle
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="spool-lane", daemon=True)
        self._thread.start()

    @property
    def node(self) -> Node:
        """This node's row."""
        return self._work.node

    @property
    def hand(self) -> Hand:
        """What this node has in hand."""
        return self._work.hand

    @property
    def commits(self) -> int:
        """Transactions so far."""
        return self._work.commits

    async def run(self, op: Callable[[Link], T]) -> T:
        """Do `op` and commit it; returns only then. Raises what `op` raised, or `StoreUnavailable`."""
        done: T = await self._ask(op)
        return done

    async def accept(self, intake: Intake) -> Accepted:
        """`taking.accept_many`, together with what else comes in meanwhile."""
        accepted: Accepted = await self._ask(intake)
        return accepted

    async def move(self, moves: Moves) -> list[bool]:
        """`moving.move_many`, together with what else is moved meanwhile."""
        moved: list[bool] = await self._ask(moves)
        return moved

    async def start(self, wanted: Start) -> list[Delivery]:
        """`starting.start`, after the moves it asks for."""
        started: list[Delivery] = await self._ask(wanted)
        return started

    def now(self, op: Callable[[Link], T]) -> T:
        """For `idle`, which runs in the thread: do `op` and commit it."""
        future: asyncio.Future[T] = asyncio.Future(loop=self._loop)
        ((_, result, error),) = self._commit([(op, future)])
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return] # what op gave

    def look(self, op: Callable[[Link], T]) -> T:
        """For `idle`: only read."""
        return self._work.look(op)

    async def close(self) -> None:
        """Commit what waits, take this node's row away and end the thread."""
        self._closed = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def abandon(self) -> None:
        """End the thread as if the program were killed: nothing is tidied up. For tests of exactly that."""
        self._closed = True
        self.node.id = ""
        self._queue.put(None)
        self._thread.join()

    async def _ask(self, what: What) -> Any:
        if self._closed:
            raise StoreUnavailable("the spool is closed")
        future: asyncio.Future[Any] = self._loop.create_future()
        self._queue.put((what, future))
        return await future

    def _run(self) -> None:
        tick = time.monotonic() + self._every
        while True:
            try:
                item = self._queue.get(timeout=max(0.0, tick - time.monotonic()))
            except Empty:
                tick = time.monotonic() + self._every
                self._idling()
                continue
            batch, last = self._gather(item)
            if batch and not self._answered(batch):
                break
            if last:
                break
            if time.monotonic() > tick:  # never idle: the others want to be looked at all the same
                tick = time.monotonic() + self._every
                self._idling()
        self._work.leave()

    def _idling(self) -> None:
        try:
            self._idle(self)
        except StoreUnavailable:
            return  # whoever asks hears of it
        except Exception as error:  # noqa: BLE001  # whatever it is, this thread must outlive it
            if is_lost(error):
                self._work.drop()
            _log.warning("the other nodes could not be looked at", reason=f"{type(error).__name__}: {error}")

    def _answered(self, batch: list[_Item]) -> bool:
        try:
            answers = self._commit(batch)
        except Exception as error:  # noqa: BLE001  # a bug of ours must not end this thread
            answers = [(future, None, error) for _, future in batch]
        try:
            self._loop.call_soon_threadsafe(_deliver, answers)
        except RuntimeError:
            return False  # the loop is gone, and with it everyone who asked
        return True

    def _gather(self, first: _Item | None) -> tuple[list[_Item], bool]:
        batch: list[_Item] = []
        item = first
        while item is not None:
            batch.append(item)
            if len(batch) >= MAX_BATCH:
                return batch, False
            try:
                item = self._queue.get_nowait()
            except Empty:
                return batch, False
        return batch, True

    def _commit(self, batch: list[_Item]) -> list[_Answer]:
        begun = time.monotonic()
        for tries in range(1, _TRIES + 1):
            try:
                results = self._work.commit([what for what, _ in batch])
            except Fenced:
                continue  # under a new name now
            except Exception as error:  # noqa: BLE001  # whatever one asker's operation raised is that asker's answer
                hopeful = tries < _TRIES and time.monotonic() - begun < TRY_FOR
                if hopeful and (is_lost(error) or is_conflict(error)):
                    # Two nodes that met must not meet again.
                    time.sleep(random.uniform(0, 0.01 * tries))  # noqa: S311  # nothing secret
                    continue
                if len(batch) > 1 and not isinstance(error, StoreUnavailable) and not is_lost(error):
                    # One faulty operation must not spoil its neighbours: each gets a transaction of its own.
                    return [answer for item in batch for answer in self._commit([item])]
                return [(future, None, error if is_ours(error) else unavailable(error)) for _, future in batch]
            return [(future, result, None) for (_, future), result in zip(batch, results, strict=True)]
        raise StoreUnavailable("other nodes take this one for dead again and again: is it frozen now and then?")


def _deliver(answers: list[_Answer]) -> None:
    for future, result, error in answers:
        if future.done():  # its asker was cancelled; the commit stands
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
