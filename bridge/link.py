"""A link between two processes of one bridge: questions, their answers, and news, over a pair of connected sockets.

What is said in one turn of the loop goes out together. Words are what `marshal` knows (numbers, text, octets, tuples,
lists, dicts, None): it is the fastest there is, both ends are one program, and reading it can run nothing.

Several questions pass for every message, so none of them gets a task where a future does: that costs as much as all the
rest of it.
"""

import asyncio
import marshal
from collections.abc import Awaitable, Callable, Collection, Mapping
from functools import partial
from typing import Any, Final, NamedTuple, cast

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


class Later(NamedTuple):
    """An answer that `then` makes words of, once it is there."""

    answer: Awaitable[Any]
    then: Callable[[Any], Any]


Answer = Callable[..., Awaitable[Any] | Later]


class Link(asyncio.Protocol):
    """One end. `hears` are called with news of their kind, `answers` with a question of theirs; both by name."""

    def __init__(
        self,
        *,
        hears: Mapping[str, Callable[..., None]],
        answers: Mapping[str, Answer],
        refusals: Collection[type[Exception]] = (),
        lost: Callable[[], None],
    ) -> None:
        """`refusals` are answers, too: whatever raises one there raises one of these here, with the same words; `lost`
        is called once, when the other end is closed.
        """
        self._hears = hears
        self._answers = answers
        self._refusals = {kind.__name__: kind for kind in refusals}
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._inbox = bytearray()
        self._outbox: list[bytes] = []
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._answering: set[asyncio.Future[Any]] = set()
        self._log = get_logger("link")

    def tell(self, kind: str, *words: Any) -> None:
        """News: nobody answers them. To a link that is lost nothing is said. Raises ValueError, as `ask` does."""
        self._say((_NEWS, 0, kind, words))

    def ask(self, kind: str, *words: Any) -> "asyncio.Future[Any]":
        """What the other end answers; else awaiting it raises `LinkLost`, a refusal, or ValueError for words that
        `marshal` does not know.
        """
        future = self._loop.create_future()
        self._number += 1
        try:
            if self._transport is None:
                raise LinkLost  # noqa: TRY301  # it is told as the other one is
            self._say((_QUESTION, self._number, kind, words))
        except (LinkLost, ValueError) as error:
            future.set_exception(error)
        else:
            self._asked[self._number] = future
        return future

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
            self._begin(number, kind, words)
        else:
            future = self._asked.pop(number, None)
            if future is None or future.done():  # whoever asked has given up
                return
            if what == _ANSWER:
                future.set_result(words)
            else:
                future.set_exception(self._refusals.get(kind, Mistake)(words))

    def _begin(self, number: int, kind: str, words: tuple[Any, ...]) -> None:
        """To answer."""
        try:
            found = self._answers[kind](*words)
        except Exception as error:  # noqa: BLE001  # as below
            self._fail(number, error)
            return
        answer, then = found if isinstance(found, Later) else (found, None)
        future = asyncio.ensure_future(answer)
        if future.done():
            self._end(number, then, future)
            return
        self._answering.add(future)
        future.add_done_callback(partial(self._end, number, then))

    def _end(self, number: int, then: Callable[[Any], Any] | None, future: "asyncio.Future[Any]") -> None:
        self._answering.discard(future)
        if future.cancelled():
            return
        try:
            found = future.result()
            self._say((_ANSWER, number, "", found if then is None else then(found)))
        except Exception as error:  # noqa: BLE001  # logged; the other end must not wait for ever
            self._fail(number, error)

    def _fail(self, number: int, error: Exception) -> None:
        refusal = next((name for name, kind in self._refusals.items() if isinstance(error, kind)), "")
        if not refusal:
            self._log.exception("internal error", exc_info=error)
        self._say((_FAULT, number, refusal, str(error) if refusal else type(error).__name__))

    def _say(self, message: tuple[Any, ...]) -> None:
        octets = marshal.dumps(message)  # here, so that who says what cannot be said hears of it, and nobody else
        self._outbox += len(octets).to_bytes(_LENGTH), octets
        if len(self._outbox) == 2:  # noqa: PLR2004  # the first
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        said, self._outbox = self._outbox, []
        if said and self._transport is not None:
            self._transport.write(b"".join(said))
