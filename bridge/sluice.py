"""Work in slices: so many of those who come together go on in one turn of the loop, the others in the next ones.

Clients that were answered by one commit come again together. Were all their mails read in one turn, the other
processes, which ask this one to commit, and the disk would have nothing to do until it ends, and this one nothing
after it. One process alone has only itself to wait for, and needs none of this.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Coroutine
from typing import TypeVar

T = TypeVar("T")


class Sluice:
    """Lets `most` through in a turn of the loop, in the order in which they came; everybody where it is None."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._room = most or 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._turns = False

    def through(self, work: Awaitable[T]) -> Awaitable[T]:
        """The same work, to be awaited: at once or when its turn has come. To be called in the task that does so."""
        turn = self._wait(self._most) if self._most is not None else None
        return work if turn is None else _then(turn, work)

    def _wait(self, most: int) -> asyncio.Future[None] | None:
        loop = asyncio.get_running_loop()
        if not self._turns:
            self._turns = True
            loop.call_soon(self._turn, loop, most)
        if self._room and not self._waiting:
            self._room -= 1
            return None
        turn = loop.create_future()
        self._waiting.append(turn)
        return turn

    def _turn(self, loop: asyncio.AbstractEventLoop, most: int) -> None:
        self._room = most
        while self._room and self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # else it was given up
                turn.set_result(None)
                self._room -= 1
        self._turns = self._room < most
        if self._turns:
            loop.call_soon(self._turn, loop, most)


async def _then(turn: asyncio.Future[None], work: Awaitable[T]) -> T:
    try:
        await turn
    except asyncio.CancelledError:
        if isinstance(work, Coroutine):  # or Python complains that nobody awaited it
            work.close()
        raise
    return await work
