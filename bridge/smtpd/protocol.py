# ruff: noqa: N802 - the methods have the names of commands
"""The SMTP commands: RFC 5321 with SIZE, 8BITMIME, SMTPUTF8, PIPELINING, DSN, STARTTLS and AUTH.

Every reply is decided here or by the policy; how octets travel is `connection`'s and `wire`'s. Replies to pipelined
commands leave in one write. Nothing the client says is logged: its next line may be a password.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any

from bridge import metrics
from bridge.sluice import Sluice
from bridge.smtpd import replies
from bridge.smtpd.addresses import BadPath, Path, parse_path
from bridge.smtpd.contract import Reply
from bridge.smtpd.conversation import Conversation
from bridge.smtpd.introduction import CLOSING
from bridge.smtpd.parameters import check_mail, check_rcpt
from bridge.smtpd.reader import DataReader, Flood
from bridge.smtpd.room import Share
from bridge.smtpd.wire import Farewell, Gone, Phase, Work


class Session(Conversation):
    """What a client can say, and what it is answered: a method `obey_VERB` for each command."""

    def __init__(self, *, share: Share, sluice: Sluice, commits: set[asyncio.Task[Any]], **rest: Any) -> None:
        """`share` is what it may keep of a mail; `sluice` what its mails go through; `commits` holds the tasks of those
        whose mail is being taken, whether or not their client is still there. The rest: `Connection`.
        """
        self._share = share
        self._sluice = sluice
        super().__init__(**rest)
        self._commits = commits
        self._mail_reader: DataReader | None = None  # while a mail is coming

    # A mail.

    def obey_MAIL(self, arg: str) -> Work | None:
        if self.terms.require_tls and not self.peer.tls:
            return self._answer(replies.NEED_TLS)
        if not self.peer.helo or self._mail.sender is not None:
            return self._answer(replies.OUT_OF_ORDER)
        path = _path("FROM:", arg)
        if isinstance(path, Reply):
            return self._answer(path)
        decision = check_mail(path.params, max_size=self.terms.limits.max_message_size)
        if decision is None:
            found = self.terms.policy.mail(self.peer, path.address, path.params)
            if found is not None and not isinstance(found, Reply):
                return self._begin_later(path, found)
            decision = found
        return self._begin(path, decision)

    async def _begin_later(self, path: Path, found: Awaitable[Reply | None]) -> None:
        self._enter(Phase.BUSY)
        if (later := self._begin(path, await found)) is not None:
            await later

    def _begin(self, path: Path, refusal: Reply | None) -> Work | None:
        if refusal is not None:
            return self._answer(refusal)
        self._mail.sender, self._mail.params = path.address, path.params
        self._say(replies.SENDER_OK)
        return None

    def obey_RCPT(self, arg: str) -> Work | None:
        mail = self._mail
        if mail.sender is None:
            return self._answer(replies.OUT_OF_ORDER)
        mail.has_rcpt = True
        if len(mail.recipients) >= self.terms.limits.max_recipients:
            return self._answer(replies.TOO_MANY_RECIPIENTS)
        path = _path("TO:", arg, recipient=True, smtputf8="SMTPUTF8" in mail.params)
        if isinstance(path, Reply):
            return self._answer(path)
        if (problem := check_rcpt(path.params)) is not None:
            return self._answer(problem)
        decision = self.terms.policy.rcpt(self.peer, mail.sender, path.address, path.params)
        if not isinstance(decision, Reply):
            mail.recipients.append(decision)
            self._say(replies.RECIPIENT_OK)
            return None
        # A relay of ours hands on what people mistype: cut off after twenty it could not send the others' mail.
        known = self.trusted or self.peer.user is not None
        if not known or decision.code == CLOSING:
            return self._answer(decision)
        self._say(decision.encode())
        return None

    def obey_DATA(self, arg: str) -> Work | None:
        if self._inbox and self.peer.user is None:
            raise Farewell(replies.OUT_OF_SYNC)
        mail = self._mail
        if mail.has_rcpt and not mail.recipients:
            self._say(replies.NO_RECIPIENTS.encode())  # no error of its own: it was sent behind its RCPTs
            return None
        if mail.sender is None or not mail.recipients:
            return self._answer(replies.OUT_OF_ORDER)
        if arg:
            return self._answer(replies.SYNTAX)
        self._say(replies.SEND_DATA)
        self._data_began = self._received - len(self._inbox)
        self._enter(Phase.DATA, self.terms.limits.data_timeout)
        normalize = self.peer.mode == "legacy"  # and only peers of ours get so far
        self._mail_reader = DataReader(self._inbox, self.terms.limits, self._hold, normalize=normalize)
        return None

    def _read_mail(self) -> Work | None:
        reader = self._mail_reader
        if reader is None or not self._inbox:
            return None
        try:
            found = reader.step()
        except Flood:
            self._note_refusal(replies.TOO_BIG)
            self.abort()
            raise Gone from None
        if found is None:
            return None
        if found is replies.BARE_LINE_END:
            raise Farewell(replies.BARE_LINE_END)
        self._mail_reader = None
        return self._end_data(found)

    async def _end_data(self, content: bytes | Reply) -> None:
        if isinstance(content, Reply):
            reply = content
            self._note_refusal(reply)
        else:
            reply = await self._hand_over(content)
        self._set_rset_state()
        if reply.code < CLOSING:
            self._errors = self._unproductive = 0
        await self._answer_in_time(reply)

    def _hold(self, octets: int) -> bool:
        return self._share.hold(octets, trusted=self.trusted)

    def _drop_mail(self) -> None:
        self._mail_reader = None
        self._share.release()

    def _set_rset_state(self) -> None:
        super()._set_rset_state()
        self._drop_mail()

    async def _hang(self) -> None:
        self._drop_mail()
        await super()._hang()

    async def _hand_over(self, content: bytes) -> Reply:
        """Gives the mail to the policy, which ends with it whatever becomes of the client: nobody cancels a session."""
        self._enter(Phase.BUSY)
        mail, task = self._mail, self._handler_coroutine
        assert task is not None  # noqa: S101 - it is what runs this
        self._commits.add(task)
        try:
            taking = self.terms.policy.data(self.peer, mail.sender or "", mail.recipients, content, mail.params)
            reply = await self._sluice.through(taking)
        finally:
            self._commits.discard(task)
        if reply.code < CLOSING:
            metrics.DOOR.add(self.loop.time() - self.since)
        return reply

    # The rest.

    def obey_RSET(self, arg: str) -> None:
        self._set_rset_state()
        self._say(replies.OK)

    def obey_NOOP(self, arg: str) -> None:
        self._say(replies.OK)

    def obey_VRFY(self, arg: str) -> None:
        self._say(replies.CANNOT_VERIFY)

    def obey_EXPN(self, arg: str) -> Work | None:
        return self._answer(replies.NOT_IMPLEMENTED)

    async def obey_QUIT(self, arg: str) -> None:  # in the task, which it ends: an error is raised once there
        raise Farewell(replies.BYE)

    def obey_HELP(self, arg: str) -> None:
        self._say(replies.HELP)


def _path(keyword: str, arg: str, *, recipient: bool = False, smtputf8: bool = False) -> Path | Reply:
    if arg[: len(keyword)].upper() != keyword or not arg[len(keyword) :].strip(" "):
        return replies.SYNTAX
    try:
        return parse_path(arg[len(keyword) :], smtputf8, recipient=recipient)
    except BadPath as bad:
        return Reply(bad.code, bad.status, bad.text)
