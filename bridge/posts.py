"""HTTP requests as plain as a provider sends them: a POST with a length, read without an HTTP library.

aiohttp takes 60 microseconds for a request, this takes 6. It reads what cannot be misread and nothing else: with the
first octets that are anything more a connection is handed over to aiohttp for good, and everything else that HTTP knows
is answered there. So both say the same, and a test compares them.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from bridge.log import get_logger

MOST: Final = 16 * 1024
"""Octets of a body; a larger one is aiohttp's."""

_LONGEST_HEAD: Final = 4096
_MOST_PIECES: Final = 4  # in which a request may come: header and body apart, and a body cut by the network
_BODY_WITHIN: Final = 0.5  # seconds; after that aiohttp waits for the rest
_START: Final = re.compile(rb"POST (/[A-Za-z0-9/_-]*) HTTP/1\.1")
_FIELD: Final = re.compile(rb"([A-Za-z0-9-]+):[ \t]*([!-~]+(?:[ \t]+[!-~]+)*)[ \t]*")
_LENGTH: Final = re.compile(r"[1-9][0-9]{0,5}")
_HARMLESS: Final = frozenset(
    {"accept", "accept-charset", "accept-encoding", "accept-language", "authorization", "cache-control"}
    | {"connection", "content-length", "content-type", "date", "forwarded", "from", "host", "origin", "pragma"}
    | {"referer", "traceparent", "tracestate", "user-agent", "via", "x-correlation-id", "x-forwarded-for"}
    | {"x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-real-ip", "x-request-id"}
)
"""Fields that change nothing of how a request is read or answered, but for those that `read_head` looks at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a plain request says of itself."""

    path: str
    length: int  # octets of its body
    authorization: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One whole request."""

    head: Head
    peer: str  # an IP address, or "" on a Unix socket
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is answered."""

    status: int
    content_type: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


Ask = Callable[[Post], Awaitable[Answer] | None]
"""Gives the answer to a request, or None: then aiohttp decides what becomes of it."""


@lru_cache(maxsize=256)  # a provider says the same each time, but for the length
def read_head(octets: bytes) -> Head | None:
    """The header of a request up to its empty line; None where it is not plain enough to be read here."""
    first, *rest = octets.split(b"\r\n")
    start = _START.fullmatch(first)
    if start is None:
        return None
    fields: dict[str, str] = {}
    for line in rest:
        found = _FIELD.fullmatch(line)
        name = found[1].decode().lower() if found is not None else ""
        if found is None or name not in _HARMLESS or name in fields:
            return None
        fields[name] = found[2].decode()
    if "host" not in fields or fields.get("connection", "keep-alive").lower() != "keep-alive":
        return None
    length = fields.get("content-length", "")
    if not _LENGTH.fullmatch(length) or int(length) > MOST:
        return None
    return Head(path=start[1].decode(), length=int(length), authorization=fields.get("authorization", ""))


def octets_of(answer: Answer, now: float) -> bytes:
    """An answer as it is sent at `now`; the connection stays open."""
    more = "".join([f"{name}: {value}\r\n" for name, value in answer.headers.items()])
    return _head_of(answer.status, answer.content_type, len(answer.body), more, int(now)) + answer.body


@lru_cache(maxsize=8)  # those of one second are the same
def _head_of(status: int, content_type: str, length: int, more: str, second: int) -> bytes:
    return (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {length}\r\nDate: {formatdate(second, usegmt=True)}\r\n{more}\r\n"
    ).encode()


class Posts:
    """The plain requests of one connection, one after the other, until something comes that is not."""

    def __init__(
        self,
        transport: asyncio.Transport,
        peer: str,
        ask: Ask,
        *,
        idle: float,
        came: Callable[[], None],
        hand_over: Callable[[bytes], None],
        under_way: set[asyncio.Task[None]],
    ) -> None:
        """`idle`: seconds without a request after which it is closed; `came` is told of every header;
        `hand_over` takes what was read of a request that is not plain, and everything after it.
        """
        self._transport = transport
        self._peer = peer
        self._ask = ask
        self._idle = idle
        self._came = came
        self._hand_over = hand_over
        self._under_way = under_way
        self._loop = asyncio.get_running_loop()
        self._kept = b""
        self._pieces = 0
        self._busy = False
        self._ending = False
        self._heard_at = self._loop.time()
        self._clock: asyncio.TimerHandle | None = None
        self._patience: asyncio.TimerHandle | None = None

    def feed(self, data: bytes) -> None:
        """Octets came."""
        if self._kept:
            data = self._kept + data
        if self._busy:  # it is answered in turn; until then no more is read than this
            self._kept = data
            self._transport.pause_reading()
            return
        self._read(data)

    def end(self) -> None:
        """Take no further request; one under way is answered."""
        self._ending = True
        if not self._busy:
            self._transport.close()

    def stop(self) -> None:
        """The connection is gone, or somebody else's."""
        for timer in (self._clock, self._patience):
            if timer is not None:
                timer.cancel()
        self._clock = self._patience = None

    def _read(self, data: bytes) -> None:
        end = data.find(b"\r\n\r\n", 0, _LONGEST_HEAD)
        head = read_head(data[:end]) if end >= 0 else None
        if head is None:
            self._give_up(data)
            return
        self._came()
        whole = end + 4 + head.length
        if len(data) < whole:
            self._wait(data)
            return
        answer = self._ask(Post(head=head, peer=self._peer, body=data[end + 4 : whole]))
        if answer is None:
            self._give_up(data)
            return
        self._kept = data[whole:]
        self._pieces = 0
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._heard_at = self._loop.time()
        if self._clock is None:
            self._clock = self._loop.call_later(self._idle, self._look_at_clock)
        self._busy = True
        task = self._loop.create_task(self._reply(answer))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def _wait(self, data: bytes) -> None:
        """For the rest of a body, not for long: what is slow is aiohttp's."""
        self._kept = data
        self._pieces += 1
        if self._pieces >= _MOST_PIECES:
            self._give_up(data)
        elif self._patience is None:
            self._patience = self._loop.call_later(_BODY_WITHIN, self._lose_patience)

    def _lose_patience(self) -> None:
        self._patience = None
        self._give_up(self._kept)

    def _give_up(self, data: bytes) -> None:
        self.stop()
        self._kept = b""
        self._hand_over(data)

    async def _reply(self, answer: Awaitable[Answer]) -> None:
        try:
            octets = octets_of(await answer, time.time())
        except Exception:  # noqa: BLE001  # logged with its traceback; without an answer it comes again
            get_logger("posts").exception("internal error")
            self._transport.close()
            return
        self._busy = False
        if self._transport.is_closing():
            return
        self._transport.write(octets)
        self._heard_at = self._loop.time()
        if self._ending:
            self._transport.close()
        elif self._kept:
            data, self._kept = self._kept, b""
            self._transport.resume_reading()
            self._read(data)

    def _look_at_clock(self) -> None:
        left = self._idle if self._busy else self._heard_at + self._idle - self._loop.time()
        if left <= 0:
            self._transport.close()
            return
        self._clock = self._loop.call_later(left, self._look_at_clock)
