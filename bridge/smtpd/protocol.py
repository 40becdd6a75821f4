# ruff: noqa: N802 - the methods have the names by which aiosmtpd knows commands
"""The SMTP commands: RFC 5321 with SIZE, 8BITMIME, SMTPUTF8, PIPELINING, DSN, STARTTLS and AUTH.

Every reply is decided here or by the policy; how octets travel is `connection`'s and `wire`'s. Replies to pipelined
commands leave in one write. Nothing the client says is logged: its next line may be a password.
"""

import asyncio
from typing import Any

from bridge import metrics
from bridge.log import get_logger
from bridge.smtpd import replies
from bridge.smtpd.addresses import BadPath, Path, parse_path
from bridge.smtpd.contract import Reply
from bridge.smtpd.introduction import CLOSING, Introduction
from bridge.smtpd.parameters import check_mail, check_rcpt
from bridge.smtpd.proxy import speaks_proxy
from bridge.smtpd.reader import DataReader, Flood
from bridge.smtpd.room import Share
from bridge.smtpd.wire import Farewell, Gone, Phase

log = get_logger("smtpd")

COMMAND_SIZE = 512  # RFC 5321 4.5.3.1.4, CRLF included
COMMAND_SIZES = {
    "MAIL": 1400,  # + SIZE 26, SMTPUTF8 10, BODY 17 (RFC 1870, 6531, 6152), AUTH 500 (4954), DSN 120 (3461)
    "RCPT": 1200,  # + DSN 528 (3461)
    "AUTH": 12288,  # RFC 4954 4
}
UNPRODUCTIVE = frozenset({"NOOP", "RSET", "VRFY", "EXPN", "HELP", "HELO", "EHLO", "STARTTLS", "AUTH"})


class Session(Introduction):
    """What a client can say, and what it is answered."""

    def __init__(self, *, share: Share, commits: set[asyncio.Task[Any]], **rest: Any) -> None:
        """`share` is what it may keep of a mail; `commits` holds the tasks of those whose mail is being taken, whether
        or not their client is still there. The rest: `Connection`.
        """
        self._share = share
        super().__init__(**rest)
        self.command_size_limits = COMMAND_SIZES  # aiosmtpd's is one dictionary for the class, and grows
        self._commits = commits
        self._unproductive = 0  # commands since the last mail taken

    # The conversation.

    async def _converse(self) -> None:
        await asyncio.sleep(0)  # the loop reads a new connection only after it has told us of it
        await asyncio.sleep(0)
        if self._inbox:
            raise Farewell(replies.NOT_A_PROXY if speaks_proxy(self._inbox) else replies.OUT_OF_SYNC)
        terms = self.terms
        try:
            refusal = terms.policy.connected(self.peer)
        except Exception as error:  # noqa: BLE001 - as below
            await self.handle_exception(error)
            refusal = replies.BROKEN
        if refusal is not None:
            raise Farewell(refusal)
        self._say(f"220 {terms.hostname} ESMTP\r\n".encode())
        while True:
            line = await self._line()
            try:
                await self._obey(line)
            except (Farewell, Gone):
                raise
            except Exception as error:  # noqa: BLE001 - whatever broke, the client is told to come back later
                self._say((await self.handle_exception(error)).encode() + b"\r\n")

    async def handle_exception(self, error: Exception) -> str:
        """Logs what broke, forgets the mail at hand and gives a temporary reply without a word about the cause."""
        log.error("session failed", peer=self.peer.host, exc_info=error)
        self.terms.policy.broke(self.peer)
        self._set_rset_state()
        return "451 4.3.0 temporary failure, try again later"

    async def _obey(self, line: bytes | None) -> None:
        if line is None:
            return await self._answer(replies.LINE_TOO_LONG)
        if 0 in line:  # NUL
            return await self._answer(replies.SYNTAX)
        head, _, tail = line.partition(b" ")
        verb = head.upper().decode("ascii", "replace")
        if len(line) + 2 > self.command_size_limits.get(verb, COMMAND_SIZE):
            return await self._answer(replies.LINE_TOO_LONG)
        if verb in UNPRODUCTIVE:
            self._unproductive += 1
            if self._unproductive > self.terms.limits.max_idle_commands:
                raise Farewell(replies.TOO_MANY_COMMANDS)
        command = self.commands.get(verb)
        if command is None:
            if verb == "PROXY":
                raise Farewell(replies.NOT_A_PROXY)
            return await self._answer(replies.UNKNOWN_COMMAND)
        return await command(self, tail.decode("utf-8", "surrogateescape").strip(" "))

    # A mail.

    async def smtp_MAIL(self, arg: str | None) -> None:
        if self.terms.require_tls and not self.peer.tls:
            return await self._answer(replies.NEED_TLS)
        if not self.peer.helo or self._mail.sender is not None:
            return await self._answer(replies.OUT_OF_ORDER)
        path = _path("FROM:", arg or "")
        if isinstance(path, Reply):
            return await self._answer(path)
        problem = check_mail(path.params, max_size=self.terms.limits.max_message_size)
        if problem is None:
            decision = self.terms.policy.mail(self.peer, path.address, path.params)
            if decision is not None and not isinstance(decision, Reply):
                self._enter(Phase.BUSY)
                decision = await decision
            problem = decision
        if problem is not None:
            return await self._answer(problem)
        self._mail.sender, self._mail.params = path.address, path.params
        return self._say(replies.SENDER_OK)

    async def smtp_RCPT(self, arg: str | None) -> None:
        mail = self._mail
        if mail.sender is None:
            return await self._answer(replies.OUT_OF_ORDER)
        mail.has_rcpt = True
        if len(mail.recipients) >= self.terms.limits.max_recipients:
            return await self._answer(replies.TOO_MANY_RECIPIENTS)
        path = _path("TO:", arg or "", recipient=True, smtputf8="SMTPUTF8" in mail.params)
        if isinstance(path, Reply):
            return await self._answer(path)
        if (problem := check_rcpt(path.params)) is not None:
            return await self._answer(problem)
        decision = self.terms.policy.rcpt(self.peer, mail.sender, path.address, path.params)
        if isinstance(decision, Reply):
            # A relay of ours hands on what people mistype: cut off after twenty it could not send the others' mail.
            known = self.trusted or self.peer.user is not None
            return self._say(decision.encode()) if known and decision.code != CLOSING else await self._answer(decision)
        mail.recipients.append(decision)
        return self._say(replies.RECIPIENT_OK)

    async def smtp_DATA(self, arg: str) -> None:
        if self._inbox and self.peer.user is None:
            raise Farewell(replies.OUT_OF_SYNC)
        if self._mail.has_rcpt and not self._mail.recipients:
            return self._say(replies.NO_RECIPIENTS.encode())  # no error of its own: it was sent behind its RCPTs
        if self._mail.sender is None or not self._mail.recipients:
            return await self._answer(replies.OUT_OF_ORDER)
        if arg:
            return await self._answer(replies.SYNTAX)
        self._say(replies.SEND_DATA)
        content = await self._read_data()
        if isinstance(content, Reply):
            reply = content
            self._note_refusal(reply)
        else:
            reply = await self._hand_over(content)
        self._set_rset_state()
        if reply.code < CLOSING:
            self._errors = self._unproductive = 0
        return await self._answer(reply)

    async def _read_data(self) -> bytes | Reply:
        self._data_began = self._received - len(self._inbox)
        self._enter(Phase.DATA, self.terms.limits.data_timeout)
        normalize = self.peer.mode == "legacy"  # and only peers of ours get so far
        reader = DataReader(self._inbox, self.terms.limits, self._hold, normalize=normalize)
        try:
            while (found := reader.step()) is None:
                await self._more()
        except Flood:
            self._note_refusal(replies.TOO_BIG)
            self.abort()
            raise Gone from None
        if found is replies.BARE_LINE_END:
            raise Farewell(found)
        return found

    def _hold(self, octets: int) -> bool:
        return self._share.hold(octets, trusted=self.trusted)

    def _set_rset_state(self) -> None:
        super()._set_rset_state()
        self._share.release()

    async def _hang(self) -> None:
        self._share.release()
        await super()._hang()

    async def _hand_over(self, content: bytes) -> Reply:
        """Gives the mail to the policy, which ends with it whatever becomes of the client: nobody cancels a session."""
        self._enter(Phase.BUSY)
        mail, task = self._mail, self._handler_coroutine
        assert task is not None  # noqa: S101 - it is what runs this
        self._commits.add(task)
        try:
            reply = await self.terms.policy.data(self.peer, mail.sender or "", mail.recipients, content, mail.params)
        finally:
            self._commits.discard(task)
        if reply.code < CLOSING:
            metrics.DOOR.add(self.loop.time() - self.since)
        return reply

    # The rest.

    async def smtp_RSET(self, arg: str) -> None:
        self._set_rset_state()
        self._say(replies.OK)

    async def smtp_NOOP(self, arg: str) -> None:
        self._say(replies.OK)

    async def smtp_VRFY(self, arg: str) -> None:
        self._say(replies.CANNOT_VERIFY)

    async def smtp_EXPN(self, arg: str) -> None:
        await self._answer(replies.NOT_IMPLEMENTED)

    async def smtp_QUIT(self, arg: str) -> None:
        raise Farewell(replies.BYE)

    async def smtp_HELP(self, arg: str) -> None:
        self._say(replies.HELP)


def _path(keyword: str, arg: str, *, recipient: bool = False, smtputf8: bool = False) -> Path | Reply:
    if arg[: len(keyword)].upper() != keyword or not arg[len(keyword) :].strip(" "):
        return replies.SYNTAX
    try:
        return parse_path(arg[len(keyword) :], smtputf8, recipient=recipient)
    except BadPath as bad:
        return Reply(bad.code, bad.status, bad.text)
