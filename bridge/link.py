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
    """There is no answer: the other process is gone."""


class LinkFault(LinkLost):
    """There is none because what was asked met a mistake in its code, which it has logged."""


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
        self._outbox: list[tuple[Any, ...]] = []
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._answering: set[asyncio.Task[None]] = set()
        self._log = get_logger("link")

    def tell(self, kind: str, *words: Any) -> None:
        """News: nobody answers them. To a link that is lost nothing is said."""
        self._say((_NEWS, 0, kind, words))

    async def ask(self, kind: str, *words: Any) -> Any:
        """What the other end answers. Raises `LinkLost`."""
        if self._transport is None:
            raise LinkLost
        self._number += 1
        number = self._number
        future = self._asked[number] = self._loop.create_future()
        self._say((_QUESTION, number, kind, words))
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
            for said in marshal.loads(memoryview(inbox)[begin + _LENGTH : end]):  # noqa: S302  # our own process
                self._hear(*said)
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
                    future.set_exception(LinkFault(words))
                else:
                    future.set_result(words)

    async def _answer(self, number: int, kind: str, words: tuple[Any, ...]) -> None:
        try:
            answer = await self._answers[kind](*words)
        except Exception as error:  # noqa: BLE001  # logged; the other end must not wait for ever
            self._log.exception("internal error")
            self._say((_FAULT, number, kind, type(error).__name__))
        else:
            self._say((_ANSWER, number, "", answer))

    def _say(self, message: tuple[Any, ...]) -> None:
        self._outbox.append(message)
        if len(self._outbox) == 1:
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        said, self._outbox = self._outbox, []
        if said and self._transport is not None:
            octets = self._octets(said)
            self._transport.write(len(octets).to_bytes(_LENGTH) + octets)

    def _octets(self, said: list[tuple[Any, ...]]) -> bytes:
        try:
            return marshal.dumps(said)
        except ValueError:  # a word that is none: a mistake in our code, which must not cost others their answers
            self._log.exception("internal error")
        return marshal.dumps([one for message in said if (one := self._sayable(message)) is not None])

    def _sayable(self, message: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """What can be said of a message. A question that cannot be said is answered here, news are dropped."""
        try:
            marshal.dumps(message)
        except ValueError as error:
            what, number, kind, _ = message
            fault = (_FAULT, number, kind, type(error).__name__)
            if what == _QUESTION:
                self._hear(*fault)
            return fault if what == _ANSWER else None
        return message
