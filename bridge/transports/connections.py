"""Connections to the smarthost: opened and secured, kept while they are idle, closed by us before it closes
them.
"""

import asyncio
import ssl
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import Final

import aiosmtplib

from bridge.transports.session import Session

OLDEST: Final = 300.0  # seconds; a long run of mail still meets new addresses and certificates of the smarthost
_QUIT_TIMEOUT: Final = 2.0  # seconds


class Untrusted(aiosmtplib.SMTPException):
    """The connection cannot be secured as configured; nothing but a human changes that."""


class NoLogin(aiosmtplib.SMTPException):
    """The server offers no way to log in that we may use."""


@dataclass(slots=True)
class Kept:
    """An open connection, greeted, secured and logged in."""

    session: Session
    opened_at: float  # of the loop's clock, as is used_at: sockets age in real time
    used_at: float


class Connections:
    """At most `most` connections at once, each kept for `idle` seconds after its last use."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        tls: str,
        login: tuple[str, str] | None,
        hostname: str,
        most: int,
        idle: float,
        ssl_context: ssl.SSLContext | None,
        timeout: float,
    ) -> None:
        self._host, self._port, self._tls = host, port, tls
        self._login = login
        self._hostname = hostname
        self._idle_limit = idle
        self._ssl_context = ssl_context
        self._timeout = timeout
        self._slots = asyncio.Semaphore(most)
        self._idle: list[Kept] = []
        self._quitting: set[asyncio.Task[None]] = set()
        self._reaper: asyncio.TimerHandle | None = None

    def slot(self) -> AbstractAsyncContextManager[None]:
        """The right to use one connection, waited for in order."""
        return self._slots

    def take(self) -> Kept | None:
        """The most recently used open connection, or None."""
        self._reap()
        return self._idle.pop() if self._idle else None

    def give_back(self, kept: Kept) -> None:
        """Keeps the connection for the next one, unless it is closed or too old."""
        now = asyncio.get_running_loop().time()
        if not kept.session.is_open:
            kept.session.close()
        elif now - kept.opened_at > OLDEST:
            self._quit(kept)
        else:
            kept.used_at = now
            self._idle.append(kept)
            self._wake_reaper()

    async def open(self) -> Kept:
        """A new connection. Raises `Untrusted`, `NoLogin`, aiosmtplib's errors, or OSError (TLS errors among
        them).
        """
        smtp = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            use_tls=self._tls == "implicit",
            start_tls=False,  # done below, where each way to fail can be told apart
            tls_context=await self._context(),
            local_hostname=self._hostname,
            timeout=self._timeout,
        )
        try:
            await smtp.connect()
            await _greet(smtp)
            await self._secure(smtp)
            await self._log_in(smtp)
            session = Session(smtp)
        except BaseException:
            smtp.close()
            raise
        now = asyncio.get_running_loop().time()
        return Kept(session=session, opened_at=now, used_at=now)

    async def close(self) -> None:
        """Says QUIT on every idle connection."""
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None
        for kept in self._idle:
            self._quit(kept)
        self._idle.clear()
        if self._quitting:
            await asyncio.wait(self._quitting)

    async def _context(self) -> ssl.SSLContext | None:
        """Made once, and in a thread because it reads the system's certificates."""
        if self._tls == "none":
            return None
        if self._ssl_context is None:
            make = _unchecked_context if self._tls == "opportunistic" else _system_context
            self._ssl_context = await asyncio.to_thread(make)
        return self._ssl_context

    async def _secure(self, smtp: aiosmtplib.SMTP) -> None:
        if self._tls not in ("required", "opportunistic"):
            return
        if not smtp.supports_extension("starttls"):
            if self._tls == "required":
                raise Untrusted("the smarthost offers no STARTTLS")
            if self._login is not None:
                raise Untrusted("the smarthost offers no STARTTLS and the password is not sent in clear")
            return
        await smtp.starttls()
        await _greet(smtp)

    async def _log_in(self, smtp: aiosmtplib.SMTP) -> None:
        """One attempt with one mechanism: trying them all would count as several wrong passwords and lock us
        out.
        """
        if self._login is None:
            return
        username, password = self._login
        offered = smtp.server_auth_methods
        if "plain" in offered:
            await smtp.auth_plain(username, password)
        elif "login" in offered:
            await smtp.auth_login(username, password)
        elif "cram-md5" in offered:
            await smtp.auth_crammd5(username, password)
        else:
            raise NoLogin("the smarthost offers no AUTH PLAIN, LOGIN or CRAM-MD5")

    def _reap(self) -> None:
        """Lets go of what was closed under us or was idle for too long."""
        oldest = asyncio.get_running_loop().time() - self._idle_limit
        idle, self._idle = self._idle, []
        for kept in idle:
            if not kept.session.is_open:
                kept.session.close()
            elif kept.used_at <= oldest:
                self._quit(kept)
            else:
                self._idle.append(kept)

    def _wake_reaper(self) -> None:
        if self._reaper is None:
            loop = asyncio.get_running_loop()
            self._reaper = loop.call_later(self._idle_limit, self._reap_and_wait)

    def _reap_and_wait(self) -> None:
        self._reaper = None
        self._reap()
        if self._idle:
            self._wake_reaper()

    def _quit(self, kept: Kept) -> None:
        task = asyncio.get_running_loop().create_task(_say_quit(kept.session))
        self._quitting.add(task)
        task.add_done_callback(self._quitting.discard)


async def _greet(smtp: aiosmtplib.SMTP) -> None:
    try:
        await smtp.ehlo()
    except aiosmtplib.SMTPHeloError:
        if not smtp.is_connected:
            raise
        await smtp.helo()


async def _say_quit(session: Session) -> None:
    with suppress(OSError):
        await session.say(b"QUIT\r\n", 1, _QUIT_TIMEOUT)
    session.close()


def _system_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _unchecked_context() -> ssl.SSLContext:
    """For "opportunistic": better than clear text, and no proof of who is on the other side (RFC 7435)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
