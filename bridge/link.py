"""A link between two processes of one bridge: questions, their answers, and news, over a pair of connected sockets.

What is said in one turn of the loop goes out together. Words are what `marshal` knows (numbers, text, octets, tuples,
lists, dicts, None): it is the fastest there is, both ends are one program, and reading it can run nothing.
"""

import asyncio
import marshal
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, cast

from bridge.log import get_logger

_LENGTH: Final = 4  # octets of a frame that say how long the rest is
_NEWS: Final = 0
_QUESTION: Final = 1
_ANSWER: Final = 2
_FAULT: Final = 3


class LinkLost(Exception):
    """No answer comes: the other process is gone."""


class Mistake(LinkLost):
    """What was asked met a mistake in the other process's code, which it has logged; asked again it would, again."""


class Link(asyncio.Protocol):
    """One end. `hears` are called with news of their kind, `answers` with a question of theirs; both by name."""

    def __init__(
        self,
        *,
        hears: Mapping[str, Callable[..., None]],
        answers: Mapping[str, Callable[..., Awaitable[Any]]],
        lost: Callable[[], None],
    ) -> None:
        """`lost` is called once, when the other end is closed."""
        self._hears = hears
        self._answers = answers
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._inbox = bytearray()
        self._outbox: list[bytes] = []
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._answering: set[asyncio.Task[None]] = set()
        self._log = get_logger("link")

    def tell(self, kind: str, *words: Any) -> None:
        """News: nobody answers them. To a link that is lost nothing is said. Raises ValueError, as `ask` does."""
        self._say((_NEWS, 0, kind, words))

    async def ask(self, kind: str, *words: Any) -> Any:
        """What the other end answers. Raises `LinkLost`, and ValueError for words that `marshal` does not know."""
        if self._transport is None:
            raise LinkLost
        self._number += 1
        number = self._number
        self._say((_QUESTION, number, kind, words))
        future = self._asked[number] = self._loop.create_future()
        try:
            return await future
        finally:
            self._asked.pop(number, None)

    def close(self) -> None:
        """Say what waits and hang up."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    # What the loop tells us.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        for future in self._asked.values():
            if not future.done():
                future.set_exception(LinkLost())
        self._lost()

    def data_received(self, data: bytes) -> None:
        inbox = self._inbox
        inbox += data
        begin = 0
        while len(inbox) - begin >= _LENGTH:
            end = begin + _LENGTH + int.from_bytes(inbox[begin : begin + _LENGTH])
            if len(inbox) < end:
                break
            self._hear(*marshal.loads(memoryview(inbox)[begin + _LENGTH : end]))  # noqa: S302  # our own process
            begin = end
        del inbox[:begin]

    def _hear(self, what: int, number: int, kind: str, words: Any) -> None:
        if what == _NEWS:
            self._hears[kind](*words)
        elif what == _QUESTION:
            task = self._loop.create_task(self._answer(number, kind, words))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        else:
            future = self._asked.get(number)
            if future is not None and not future.done():
                if what == _FAULT:
                    future.set_exception(Mistake(words))
                else:
                    future.set_result(words)

    async def _answer(self, number: int, kind: str, words: tuple[Any, ...]) -> None:
        try:
            self._say((_ANSWER, number, "", await self._answers[kind](*words)))
        except Exception as error:  # noqa: BLE001  # logged; the other end must not wait for ever
            self._log.exception("internal error")
            self._say((_FAULT, number, kind, type(error).__name__))

    def _say(self, message: tuple[Any, ...]) -> None:
        octets = marshal.dumps(message)  # here, so that who says what cannot be said hears of it, and nobody else
        self._outbox += len(octets).to_bytes(_LENGTH), octets
        if len(self._outbox) == 2:  # noqa: PLR2004  # the first
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        said, self._outbox = self._outbox, []
        if said and self._transport is not None:
            self._transport.writelines(said)
