"""A client for hostile talk: sends octets as they are, and holds every answer against the grammar of RFC 5321.

It has no opinion on which answer is right. One well-formed reply in time for each line is all that it asks.
"""

import asyncio
import re
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

LONGEST_REPLY = 512  # octets, RFC 5321 4.5.3.1.5
_REPLY = re.compile(rb"([2345][0-5][0-9])([ -])(?:([245])\.([0-9]{1,3}\.[0-9]{1,3}) )?([ -~]*)")
_BARE_CODES = {220, 250, 334, 354}
"""May come without an enhanced status: greeting, HELO and EHLO, AUTH, DATA (RFC 2034 3)."""

_DELAYED = {421, 535}
"""May be delayed by intention, after a wrong login."""


class Broken(Exception):
    """The daemon did not keep to the protocol; says how."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One reply: its code, its enhanced status ("" without), the text of its last line."""

    code: int
    status: str
    text: str

    @property
    def is_farewell(self) -> bool:
        """Whether the daemon may hang up after it."""
        return self.code in {221, 421} or (self.code, self.status) in {(554, "5.5.0"), (550, "5.5.2")}


class Talk:
    """One connection. `reply` gives None once the daemon has hung up, whichever way."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: float) -> None:
        self.patience = patience  # seconds for any one reply; may be changed
        self.slowest = 0.0  # seconds that a reply took, but for those to wrong logins
        self.last: Heard | None = None
        self._reader = reader
        self._writer = writer
        self._inbox = bytearray()

    @classmethod
    async def connect(
        cls, port: int, patience: float, *, host: str = "127.0.0.1", context: ssl.SSLContext | None = None
    ) -> Self:
        """From the address `host`, with TLS from the first octet if there is a `context`."""
        name = "localhost" if context is not None else None
        async with asyncio.timeout(patience):
            opened = await asyncio.open_connection(
                "127.0.0.1", port, local_addr=(host, 0), ssl=context, server_hostname=name
            )
        return cls(*opened, patience)

    async def say(self, octets: bytes) -> None:
        """Send. That the daemon has hung up shows in the next `reply`."""
        with suppress(ConnectionError, ssl.SSLError):
            self._writer.write(octets)
            async with asyncio.timeout(self.patience):
                await self._writer.drain()

    async def reply(self) -> Heard | None:
        """The next reply. Raises `Broken` when it is none or does not come in time."""
        began, code = time.perf_counter(), None
        while True:
            line = await self._line()
            if line is None:
                if code is not None:
                    raise Broken("hung up in the middle of a reply")
                return None
            heard, more = _parsed(line)
            if code not in {None, heard.code}:
                raise Broken(f"a reply changes its mind: {line!r}")
            code = heard.code
            if not more:
                if heard.code not in _DELAYED:
                    self.slowest = max(self.slowest, time.perf_counter() - began)
                self.last = heard
                return heard

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """The handshake after a 220. Raises what a handshake raises."""
        self._inbox.clear()
        async with asyncio.timeout(self.patience):
            await self._writer.start_tls(context, server_hostname="localhost")

    async def quiet(self, seconds: float) -> None:
        """Reads whatever comes until the daemon hangs up; raises `Broken` if it does not within `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                with suppress(ConnectionError, ssl.SSLError):
                    while await self._reader.read(65536):
                        pass
        except TimeoutError:
            raise Broken("does not hang up") from None

    async def finish(self, seconds: float) -> None:
        """Says that no more will be said, and reads until the daemon hangs up. Over TLS there is no such thing."""
        if self._writer.can_write_eof():
            with suppress(OSError):
                self._writer.write_eof()
            await self.quiet(seconds)

    def drop(self) -> None:
        """Cuts the connection."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Hangs up."""
        self._writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(self.patience):
                await self._writer.wait_closed()

    async def _line(self) -> bytes | None:
        while (end := self._inbox.find(b"\n")) < 0:
            if len(self._inbox) > LONGEST_REPLY:
                raise Broken(f"an endless reply: {bytes(self._inbox[:80])!r}")
            try:
                async with asyncio.timeout(self.patience):
                    octets = await self._reader.read(65536)
            except TimeoutError:
                raise Broken(f"no reply within {self.patience:.0f} s") from None
            except (ConnectionError, ssl.SSLError):
                return None
            if not octets:
                if self._inbox:
                    raise Broken(f"half a line: {bytes(self._inbox)!r}")
                return None
            self._inbox += octets
        line = bytes(self._inbox[: end + 1])
        del self._inbox[: end + 1]
        return line


def _parsed(line: bytes) -> tuple[Heard, bool]:
    """The reply, and whether more lines of it follow. Raises `Broken`."""
    match = _REPLY.fullmatch(line.removesuffix(b"\r\n"))
    if match is None or not line.endswith(b"\r\n") or len(line) > LONGEST_REPLY:
        raise Broken(f"no reply: {line!r}")
    code, klass, more = int(match[1]), match[3], match[2] == b"-"
    if klass is None and code not in _BARE_CODES:
        raise Broken(f"a reply without status: {line!r}")
    if klass is not None and klass != match[1][:1]:
        raise Broken(f"code and status differ: {line!r}")
    status = "" if klass is None else f"{klass.decode()}.{match[4].decode()}"
    return Heard(code, status, match[5].decode("ascii")), more
