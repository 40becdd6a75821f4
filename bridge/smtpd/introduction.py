# ruff: noqa: N802 - the methods have the names by which aiosmtpd knows commands
"""What comes before a mail: HELO and EHLO, STARTTLS, AUTH; and how errors are answered and counted."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.log import get_logger
from bridge.smtpd import replies
from bridge.smtpd.auth import MECHANISMS, NoLogin, read_login
from bridge.smtpd.connection import Connection
from bridge.smtpd.contract import Reply
from bridge.smtpd.wire import Farewell, Phase

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


class Introduction(Connection):
    """Who the client is, how it is protected, and how much nonsense it has talked."""

    def __init__(self, **rest: Any) -> None:
        self._mail = Transaction()
        super().__init__(**rest)
        self._errors = 0  # since the last mail taken
        self._failed_logins = 0

    def _set_rset_state(self) -> None:
        self._mail = Transaction()

    async def _answer(self, reply: Reply) -> None:
        if reply.code == CLOSING:
            raise Farewell(reply)
        if reply.code >= PERMANENT:
            self._errors += 1
            limits = self.terms.limits
            if self._errors >= limits.max_errors:
                raise Farewell(replies.TOO_MANY_ERRORS)
            if self._errors > limits.slow_errors and limits.error_delay:
                await self._flush()
                await asyncio.sleep(limits.error_delay)
        self._say(reply.encode())

    async def smtp_HELO(self, hostname: str) -> None:
        if not hostname:
            return await self._answer(replies.SYNTAX)
        self._introduce(hostname, esmtp=False)
        return self._say(f"250 {self.terms.hostname}\r\n".encode())

    async def smtp_EHLO(self, hostname: str) -> None:
        if not hostname:
            return await self._answer(replies.SYNTAX)
        self._introduce(hostname, esmtp=True)
        lines = [self.terms.hostname, f"SIZE {self.terms.limits.max_message_size}", "8BITMIME", "SMTPUTF8"]
        # DSN parameters are taken and not announced: a relay that hears DSN leaves the notices to us.
        lines += ["PIPELINING", "ENHANCEDSTATUSCODES"]
        if self._may_start_tls() and not self.peer.tls:
            lines.append("STARTTLS")
        if self.peer.tls and self.terms.offers_auth:
            lines.append("AUTH " + " ".join(MECHANISMS))
        text = "".join(f"250-{line}\r\n" for line in lines[:-1]) + f"250 {lines[-1]}\r\n"
        return self._say(text.encode())

    def _introduce(self, name: str, *, esmtp: bool) -> None:
        self._set_rset_state()
        self.peer.esmtp = esmtp
        self.peer.helo = "".join(c if c.isascii() and c.isprintable() else "?" for c in name[:MAX_HELO])

    def _may_start_tls(self) -> bool:
        return self.terms.ssl_context is not None and self.peer.mode in ("starttls", "legacy")

    async def smtp_STARTTLS(self, arg: str) -> None:
        if arg:
            return await self._answer(replies.SYNTAX)
        if self.peer.tls:
            return await self._answer(replies.OUT_OF_ORDER)
        if not self._may_start_tls():
            return await self._answer(replies.NO_TLS)
        if self._inbox:
            raise Farewell(replies.OUT_OF_SYNC)
        self._say(replies.GO_TLS)
        await self._flush()
        return await self._secure()

    async def smtp_AUTH(self, arg: str | None) -> None:
        words = (arg or "").split()
        mechanism = words[0].upper() if words else ""
        peer = self.peer
        if not peer.helo or peer.user is not None or self._mail.sender is not None:
            return await self._answer(replies.OUT_OF_ORDER)
        if not peer.tls:
            if len(words) > 1:
                log.warning("password sent without tls", peer=peer.host)
            return await self._answer(replies.AUTH_NEEDS_TLS)
        if not self.terms.offers_auth:
            return await self._answer(replies.NOT_IMPLEMENTED)
        if mechanism not in MECHANISMS:
            return await self._answer(replies.UNKNOWN_MECHANISM if mechanism else replies.SYNTAX)
        if len(words) > 2:  # noqa: PLR2004 - mechanism and initial response
            return await self._answer(replies.SYNTAX)
        try:
            name, password = await read_login(mechanism, words[1] if len(words) > 1 else None, self._ask)
        except NoLogin as no:
            return await (self._refuse_login() if no.reply is replies.WRONG_LOGIN else self._answer(no.reply))
        self._enter(Phase.BUSY)
        found = await self.terms.policy.authenticate(peer, name, password)
        if found is None:
            return await self._refuse_login()
        if isinstance(found, Reply):
            return await self._answer(found)
        peer.user = found
        return self._say(replies.LOGGED_IN)

    async def _ask(self, challenge: bytes) -> bytes | None:
        self._say(challenge)
        return await self._line()

    async def _refuse_login(self) -> None:
        self._failed_logins += 1
        await self._answer(replies.WRONG_LOGIN)
        if self._failed_logins >= self.terms.limits.max_auth_failures:
            raise Farewell(replies.TOO_MANY_LOGINS)
