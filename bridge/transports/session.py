"""One open SMTP connection after login: commands out, in groups where the server allows it, replies in.

aiosmtplib opens it, secures it and logs in, and answers one command at a time. From then on this reads the replies, so
that MAIL, RCPT and DATA share one way there and back (PIPELINING, RFC 2920). What comes unasked, or is no reply, ends
the connection: no reply may ever be taken for that to another command.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Final, NamedTuple, cast

import aiosmtplib

_LONGEST_REPLY: Final = 32 * 1024  # octets, as in aiosmtplib
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_DOT: Final = re.compile(rb"(?m)^\.")
_CODE: Final = re.compile(rb"[2-5][0-9]{2}(?:[ -]|\r?\Z)")


class Reply(NamedTuple):
    """A whole reply; lines are joined by LF, octets that are no UTF-8 are lone surrogates."""

    code: int
    message: str


class Session(asyncio.Protocol):
    """Takes over the connection of `smtp`, which is not used any more. Raises `ConnectionError` if there is none."""

    def __init__(self, smtp: aiosmtplib.SMTP) -> None:
        if smtp.transport is None or smtp.transport.is_closing():
            raise ConnectionResetError("the connection was closed")
        self._extensions: Mapping[str, str] = dict(smtp.esmtp_extensions)
        self._transport = cast("asyncio.Transport", smtp.transport)
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._begun = b""  # the lines before the last of a reply of several
        self._replies: list[Reply] = []
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self._transport.set_protocol(self)

    def supports(self, extension: str) -> bool:
        """Whether the server announced it."""
        return extension in self._extensions

    @property
    def is_open(self) -> bool:
        """Whether something can be said on it."""
        return not self._transport.is_closing()

    async def say(self, octets: bytes, replies: int, within: float) -> list[Reply]:
        """Send whole commands and wait `within` so many seconds for so many replies.

        Where the server hangs up after some, those. Raises `TimeoutError` or `ConnectionError`; then it is closed.
        """
        if not self.is_open:
            raise ConnectionResetError("the connection was closed")
        self._waiter = self._loop.create_future()
        self._wanted = replies
        late = self._loop.call_later(within, self._fail, TimeoutError())
        self._transport.write(octets)
        try:
            await self._waiter
        except BaseException:
            self.close()
            raise
        finally:
            late.cancel()
            self._waiter = None
            self._wanted = 0
        said, self._replies = self._replies, []
        if self._buffer:
            self.close()  # more than was asked for
        return said

    def close(self) -> None:
        """Close it without a word."""
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._waiter is None or self._waiter.done():
            self.close()
            return
        self._buffer += data
        while len(self._replies) < self._wanted and (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end]).rstrip()
            del self._buffer[: end + 1]
            if not _CODE.match(line):
                self._fail(ConnectionAbortedError("the server does not speak SMTP"))
                return
            self._begun += (b"\n" if self._begun else b"") + line[4:].strip()
            if line[3:4] != b"-":
                self._replies.append(Reply(int(line[:3]), self._begun.decode("utf-8", "surrogateescape")))
                self._begun = b""
        if len(self._replies) == self._wanted:
            self._waiter.set_result(None)
        elif len(self._buffer) + len(self._begun) > _LONGEST_REPLY:
            self._fail(ConnectionAbortedError("a reply of the server does not end"))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._replies and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        self._fail(exc or ConnectionResetError("the connection was lost"))

    def _fail(self, error: Exception) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)


def message(payload: bytes) -> bytes:
    """A mail as DATA wants it: every line ends with CRLF, dots are doubled, and a dot alone ends it."""
    ends = payload.count(b"\r\n")
    if payload.count(b"\n") != ends or payload.count(b"\r") != ends:
        payload = _LINE_END.sub(b"\r\n", payload)
    if payload.startswith(b".") or b"\n." in payload:
        payload = _DOT.sub(b"..", payload)
    return payload + (b".\r\n" if payload.endswith(b"\r\n") else b"\r\n.\r\n")
