"""A POST as plain as ours and an answer as plain as the provider's, written and read without an HTTP library.

aiohttp takes 80 microseconds for a call, this takes 20. aiohttp opens the connections, secures, counts and keeps them,
and makes the first call; its header is sent again with every other. Such a call goes out in one piece on a connection
of aiohttp's pool. An answer is read here if it cannot be misread; with anything more the connection is aiohttp's at
once, and it reads this answer from its first octet. So both say the same, and a test compares them.
"""

import asyncio
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import HttpProcessingError
from yarl import URL

from bridge.providers.websms.answers import Answer
from bridge.providers.websms.network import Attempt

LONGEST_ANSWER: Final = 64 * 1024  # octets

_LONGEST_HEAD: Final = 4096
_START: Final = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9])(?: [!-~]*)*")
_FIELD: Final = re.compile(rb"([A-Za-z0-9-]+):[ \t]*([!-~]*(?:[ \t]+[!-~]+)*)[ \t]*")
_LENGTH: Final = re.compile("0|[1-9][0-9]{0,4}")
_WITHOUT_BODY: Final = (b"204", b"304")
_LOOKED_AT: Final = ("connection", "content-length", "content-type", "retry-after")
_NEWS: Final = frozenset(range(100, 200)) - {101}  # before the answer
_PATIENCE: Final = 300.0  # seconds, where a session sets no limit; aiohttp's own default
_NOT_PLAIN: Final = frozenset({"content-encoding", "trailer", "transfer-encoding", "upgrade"})
"""Fields that change how an answer is read; no others do, but for those that are looked at."""


class Head(NamedTuple):
    """What a plain answer says before its body."""

    status: int
    length: int  # octets of the body
    content_type: str
    retry_after: str | None


@lru_cache(maxsize=16)  # the next answer says the same, but for the second
def read_head(octets: bytes) -> Head | None:
    """The header of an answer up to its empty line; None where it is not plain enough to be read here."""
    first, *rest = octets.split(b"\r\n")
    start = _START.fullmatch(first)
    if start is None or start[1] in _WITHOUT_BODY:
        return None
    fields: dict[str, str] = {}
    for line in rest:
        found = _FIELD.fullmatch(line)
        name = found[1].decode().lower() if found is not None else ""
        if found is None or name in _NOT_PLAIN or (name in fields and name in _LOOKED_AT):
            return None
        fields[name] = found[2].decode()
    length = fields.get("content-length", "")
    if not _LENGTH.fullmatch(length) or fields.get("connection", "keep-alive").lower() != "keep-alive":
        return None
    return Head(int(start[1]), int(length), fields.get("content-type", ""), fields.get("retry-after"))


def read(octets: bytes) -> Answer | None:
    """The one whole answer in `octets`; None where it is not plain, not whole, or not all there is."""
    end = octets.find(b"\r\n\r\n", 0, _LONGEST_HEAD)
    head = read_head(octets[:end]) if end >= 0 else None
    if head is None or head.length > LONGEST_ANSWER or len(octets) != end + 4 + head.length:
        return None
    return Answer(
        status=head.status, content_type=head.content_type, retry_after=head.retry_after, body=octets[end + 4 :]
    )


async def bounded(content: aiohttp.StreamReader, until: float | None = None) -> bytes | None:
    """A body, or None if it is longer than we read or does not arrive whole, by `until` of the loop's clock; the status
    has been said by then.
    """
    body = b""
    try:
        async with asyncio.timeout_at(until):
            while piece := await content.readany():
                body += piece
                if len(body) > LONGEST_ANSWER:
                    return None
    except (aiohttp.ClientError, OSError):
        return None
    return body


class Plain:
    """Calls to one host by the connections of an aiohttp session. What goes wrong is raised as aiohttp raises it."""

    def __init__(self, session: aiohttp.ClientSession, connector: aiohttp.TCPConnector, url: URL) -> None:
        """`url` is one of those that will be called."""
        self._connector = connector
        self._timeout = session.timeout
        self._loop = asyncio.get_running_loop()
        # Never sent: it tells the pool where connections lead.
        self._whither = aiohttp.ClientRequest("POST", url, loop=self._loop, session=session)
        self._heads: dict[str, bytes] = {}

    def learn(self, path: str, fields: Mapping[str, str]) -> None:
        """The header of a call that aiohttp made."""
        lines = [f"{name}: {value}\r\n" for name, value in fields.items() if name.lower() != "content-length"]
        self._heads[path] = "".join((f"POST {path} HTTP/1.1\r\n", *lines, "Content-Length: ")).encode()

    def knows(self, path: str) -> bool:
        """Whether aiohttp has made such a call."""
        return path in self._heads

    async def post(self, path: str, body: bytes, attempt: Attempt) -> Answer:
        """Make one call; what may have left is told to `attempt`."""
        until = self._loop.time() + (self._timeout.total or _PATIENCE)
        connection = await self._connector.connect(self._whither, [], self._timeout)
        try:
            octets = b"%b%d\r\n\r\n%b" % (self._heads[path], len(body), body)
            answer = await self._ask(connection.protocol, octets, attempt, until)
        except BaseException:
            connection.close()
            raise
        connection.release()  # which closes it unless the answer was read to its end
        return answer

    async def _ask(self, handler: ResponseHandler | None, octets: bytes, attempt: Attempt, until: float) -> Answer:
        if handler is None or not handler.is_connected() or handler.should_close:
            raise aiohttp.ClientConnectionResetError("the connection was closed before the request was written")
        attempt.begun = True
        ear = await self._exchange(handler, octets, until)
        answer = read(ear.octets)
        return await self._read_on(handler, ear, until) if answer is None or ear.lost else answer

    async def _exchange(self, handler: ResponseHandler, octets: bytes, until: float) -> "_Ear":
        """Write, and listen until something is heard; then the connection is aiohttp's again."""
        transport = cast("asyncio.Transport", handler.transport)
        ear = _Ear(self._loop)
        within = min(until - self._loop.time(), self._timeout.sock_read or _PATIENCE)
        late = self._loop.call_later(within, ear.give_up)
        transport.set_protocol(ear)
        transport.write(octets)
        try:
            await ear.heard
        finally:
            late.cancel()
            transport.set_protocol(handler)
        return ear

    async def _read_on(self, handler: ResponseHandler, ear: "_Ear", until: float) -> Answer:
        """The answer as aiohttp reads it."""
        handler.set_response_params(read_until_eof=True, read_timeout=self._timeout.sock_read)
        if ear.octets:
            handler.data_received(ear.octets)
        if ear.lost:
            handler.connection_lost(ear.error)
        try:
            async with asyncio.timeout_at(until):
                message, content = await handler.read()
                while message.code in _NEWS:
                    message, content = await handler.read()
        except HttpProcessingError as error:
            raise aiohttp.ClientResponseError(self._whither.request_info, (), status=error.code) from error
        return Answer(
            status=message.code,
            content_type=message.headers.get("Content-Type", ""),
            retry_after=message.headers.get("Retry-After"),
            body=await bounded(content, until),
        )


class _Ear(asyncio.Protocol):
    """What comes on a connection until somebody takes it over."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.heard: asyncio.Future[None] = loop.create_future()
        self.octets = b""
        self.lost = False
        self.error: Exception | None = None

    def data_received(self, data: bytes) -> None:
        self.octets += data
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost, self.error = True, exc
        self._wake()

    def give_up(self) -> None:
        """Nothing came in time."""
        if not self.heard.done():
            self.heard.set_exception(aiohttp.SocketTimeoutError("no answer in time"))

    def _wake(self) -> None:
        if not self.heard.done():
            self.heard.set_result(None)
