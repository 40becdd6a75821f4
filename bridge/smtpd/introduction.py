# ruff: noqa: N802 - the methods have the names of commands
"""What comes before a mail: HELO and EHLO, STARTTLS, AUTH; and how errors are answered and counted."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from bridge.log import get_logger
from bridge.smtpd import replies
from bridge.smtpd.auth import EXTERNAL, MECHANISMS, NoLogin, decode, read_external, read_login
from bridge.smtpd.connection import Connection
from bridge.smtpd.contract import Reply
from bridge.smtpd.wire import Farewell, Phase, Work

log = get_logger("smtpd")

MAX_HELO = 255
CLOSING = 421
PERMANENT = 500  # from here on a reply counts as an error


@dataclass(slots=True)
class Transaction:
    """One mail in the making, from MAIL to the end of DATA."""

    sender: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    recipients: list[object] = field(default_factory=list)
    has_rcpt: bool = False  # whether or not it was taken


class Introduction(Connection):
    """Who the client is, how it is protected, and how much nonsense it has talked."""

    def __init__(self, **rest: Any) -> None:
        self._mail = Transaction()
        super().__init__(**rest)
        self._errors = 0  # since the last mail taken
        self._failed_logins = 0
        self._certified: str | None = None  # the user whom the client's certificate logs in
        self._has_logged_in = False  # by AUTH

    def _set_rset_state(self) -> None:
        self._mail = Transaction()

    def _answer(self, reply: Reply) -> Work | None:
        """Says it, or gives what says it later: who makes many mistakes has to wait."""
        if reply.code == CLOSING:
            raise Farewell(reply)
        if reply.code >= PERMANENT:
            self._errors += 1
            limits = self.terms.limits
            if self._errors >= limits.max_errors:
                raise Farewell(replies.TOO_MANY_ERRORS)
            if self._errors > limits.slow_errors and limits.error_delay:
                return self._answer_late(reply)
        self._say(reply.encode())
        return None

    async def _answer_late(self, reply: Reply) -> None:
        await self._flush()
        await asyncio.sleep(self.terms.limits.error_delay)
        self._say(reply.encode())

    async def _answer_in_time(self, reply: Reply) -> None:
        """The same for what is under way already."""
        later = self._answer(reply)
        if later is not None:
            await later

    def obey_HELO(self, hostname: str) -> Work | None:
        if not hostname:
            return self._answer(replies.SYNTAX)
        self._introduce(hostname, esmtp=False)
        self._say(f"250 {self.terms.hostname}\r\n".encode())
        return None

    def obey_EHLO(self, hostname: str) -> Work | None:
        if not hostname:
            return self._answer(replies.SYNTAX)
        self._introduce(hostname, esmtp=True)
        terms = self.terms
        offers_tls = self._may_start_tls() and not self.peer.tls
        if self.peer.mode == "legacy":  # there one line, as to HELO: some devices stumble over a second one
            self._say(_lines(terms.hostname))
        else:
            self._say(_offer(terms.hostname, terms.limits.max_message_size, offers_tls, self._mechanisms()))
        return None

    def _mechanisms(self) -> tuple[str, ...]:
        """The ways to log in that are open now."""
        passwords = MECHANISMS if self.peer.tls and self.terms.offers_auth else ()
        return (*passwords, EXTERNAL) if self._certified is not None else passwords

    def _introduce(self, name: str, *, esmtp: bool) -> None:
        self._set_rset_state()
        self.peer.esmtp = esmtp
        name = name[:MAX_HELO]
        if not (name.isascii() and name.isprintable()):
            name = "".join(c if c.isascii() and c.isprintable() else "?" for c in name)
        self.peer.helo = name

    def _may_start_tls(self) -> bool:
        return self.terms.ssl_context is not None and self.peer.mode == "starttls"

    async def _secure(self) -> None:
        await super()._secure()
        peer = self.peer
        if not peer.certificate:
            return
        try:
            self._certified = self.terms.policy.certified(peer)
        except Exception:
            log.exception("session failed", peer=peer.host)
            raise Farewell(replies.BROKEN) from None
        if self._certified is not None:
            peer.user = self._certified

    async def obey_STARTTLS(self, arg: str) -> None:
        if arg:
            return await self._answer_in_time(replies.SYNTAX)
        if self.peer.tls:
            return await self._answer_in_time(replies.OUT_OF_ORDER)
        if not self._may_start_tls():
            return await self._answer_in_time(replies.NO_TLS)
        if self._inbox:
            raise Farewell(replies.OUT_OF_SYNC)
        self._say(replies.GO_TLS)
        await self._flush()
        return await self._secure()

    async def obey_AUTH(self, arg: str | None) -> None:
        words = (arg or "").split()
        mechanism = words[0].upper() if words else ""
        peer = self.peer
        if not peer.tls and mechanism == "PLAIN" and len(words) > 1:
            self._note_exposure(words[1])
        # A certificate is no AUTH: who has one may still say who he is, once.
        if not peer.helo or self._has_logged_in or self._mail.sender is not None:
            return await self._answer_in_time(replies.OUT_OF_ORDER)
        if (refusal := self._no_auth(words, mechanism)) is not None:
            return await self._answer_in_time(refusal)
        initial = words[1] if len(words) > 1 else None
        try:
            if mechanism == EXTERNAL:
                await read_external(initial, self._ask, self._certified or "")
                return self._log_in(self._certified or "")
            name, password = await read_login(mechanism, initial, self._ask)
        except NoLogin as no:
            return await (self._refuse_login() if no.reply is replies.WRONG_LOGIN else self._answer_in_time(no.reply))
        self._enter(Phase.BUSY)
        found = await self.terms.policy.authenticate(peer, name, password)
        if found is None:
            return await self._refuse_login()
        if isinstance(found, Reply):
            return await self._answer_in_time(found)
        return self._log_in(found)

    def _no_auth(self, words: list[str], mechanism: str) -> Reply | None:
        peer = self.peer
        if not peer.tls and peer.mode != "legacy":
            return replies.AUTH_NEEDS_TLS
        offered = self._mechanisms()
        if not offered:
            return replies.NOT_IMPLEMENTED
        if mechanism not in offered:
            return replies.UNKNOWN_MECHANISM if mechanism else replies.SYNTAX
        return replies.SYNTAX if len(words) > 2 else None  # noqa: PLR2004 - mechanism and initial response

    def _log_in(self, user: str) -> None:
        self.peer.user, self._has_logged_in = user, True
        self._say(replies.LOGGED_IN)

    async def _ask(self, challenge: bytes) -> bytes | None:
        self._say(challenge)
        return await self._line()

    def _note_exposure(self, initial: str) -> None:
        """Whatever becomes of this AUTH, the password has been on the wire for everybody to read."""
        with contextlib.suppress(NoLogin):
            parts = decode(initial.encode("ascii", "replace")).split(b"\0")
            if len(parts) == 3:  # noqa: PLR2004 - authorization identity, name, password
                self.terms.policy.exposed(self.peer, parts[1])

    async def _refuse_login(self) -> None:
        limits = self.terms.limits
        doublings = max(self._failed_logins, self.peer.login_doublings)
        self._failed_logins += 1
        await self._keep_waiting(min(limits.longest_login_delay, limits.login_delay * 2**doublings))
        await self._answer_in_time(replies.WRONG_LOGIN)
        if self._failed_logins >= self.terms.limits.max_auth_failures:
            raise Farewell(replies.TOO_MANY_LOGINS)

    async def _keep_waiting(self, seconds: float) -> None:
        """Lets time pass before a reply. Meanwhile it counts as idle: who guesses must not hold places others need."""
        if seconds <= 0:
            return
        await self._flush()
        if self._wire is not None and not self._reading_paused:
            self._reading_paused = True  # else whatever it sends would be kept
            self._wire.pause_reading()
        self._enter(Phase.COMMAND)
        until = self.since + seconds
        try:
            while not self._hung_up and (left := until - self.loop.time()) > 0:
                if self.dismissal is not None:
                    raise Farewell(self.dismissal)
                self._waiter = self.loop.create_future()
                await asyncio.wait([self._waiter], timeout=left)
                if self._waiter.done():
                    self._waiter.result()  # raises when we are told to go
        finally:
            self._waiter = None


@lru_cache(maxsize=64)  # said to everybody, in the few ways there are
def _offer(hostname: str, size: int, offers_tls: bool, mechanisms: tuple[str, ...]) -> bytes:
    """The answer to EHLO."""
    words = [f"SIZE {size}", "8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES", "DSN"]
    if offers_tls:
        words.append("STARTTLS")
    if mechanisms:
        words.append("AUTH " + " ".join(mechanisms))
    return _lines(hostname, *words)


def _lines(*lines: str) -> bytes:
    return ("".join(f"250-{line}\r\n" for line in lines[:-1]) + f"250 {lines[-1]}\r\n").encode()
