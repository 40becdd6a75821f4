"""The course of a conversation: a greeting, lines, and what becomes of them. The commands themselves are `protocol`'s.

What needs no waiting is answered where the loop tells of the octets (`_serve`); the task of the session gets what
takes time. To wake it for each command would cost more than the command.
"""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar

from bridge.log import get_logger
from bridge.smtpd import replies
from bridge.smtpd.introduction import Introduction
from bridge.smtpd.proxy import speaks_proxy
from bridge.smtpd.wire import Farewell, Gone, Phase, Work

log = get_logger("smtpd")

COMMAND_SIZE = 512  # RFC 5321 4.5.3.1.4, CRLF included
COMMAND_SIZES = {
    "MAIL": 1400,  # + SIZE 26, SMTPUTF8 10, BODY 17 (RFC 1870, 6531, 6152), AUTH 500 (4954), DSN 120 (3461)
    "RCPT": 1200,  # + DSN 528 (3461)
    "AUTH": 12288,  # RFC 4954 4
}
UNPRODUCTIVE = frozenset({"NOOP", "RSET", "VRFY", "EXPN", "HELP", "HELO", "EHLO", "STARTTLS", "AUTH"})

Command = Callable[[Any, str], Work | None]
"""What obeys a verb: it has said the answer, or gives what will."""


class Conversation(Introduction):
    """Hears a client out; subclasses give a method `obey_VERB` for each command, and `_read_mail`."""

    _commands: ClassVar[dict[str, Command]] = {}

    def __init_subclass__(cls) -> None:
        cls._commands = {name[5:]: getattr(cls, name) for name in dir(cls) if name.startswith("obey_")}

    def __init__(self, **rest: Any) -> None:
        super().__init__(**rest)
        self._unproductive = 0  # commands since the last mail taken
        self._serves = False  # what comes now is for `_attend`

    async def _converse(self) -> None:
        await asyncio.sleep(0)  # the loop reads a new connection only after it has told us of it
        await asyncio.sleep(0)
        if self._inbox:
            raise Farewell(replies.NOT_A_PROXY if speaks_proxy(self._inbox) else replies.OUT_OF_SYNC)
        terms = self.terms
        try:
            refusal = terms.policy.connected(self.peer)
        except Exception as error:  # noqa: BLE001 - as below
            self._note_broken(error)
            refusal = replies.BROKEN
        if refusal is not None:
            raise Farewell(refusal)
        self._say(f"220 {terms.hostname} ESMTP\r\n".encode())
        while True:
            self._await_line()
            work = self._attend()
            while work is None:
                work = await self._served() or self._attend()
            try:
                await work
            except (Farewell, Gone):
                raise
            except Exception as error:  # noqa: BLE001 - whatever broke, the client is told to come back later
                self._say_broken(error)

    async def _served(self) -> Work | None:
        """Waits while all that comes can be answered at once, and gives what cannot."""
        self._serves = True
        try:
            return await self._more()
        finally:
            self._serves = False

    def _serve(self, waiter: "asyncio.Future[Work | None]") -> None:
        if not self._serves:
            return super()._serve(waiter)
        try:
            work = self._attend()
            if work is None:
                self._send()
        except Exception as error:  # noqa: BLE001 - it belongs to the task, which may end by it
            waiter.set_exception(error)
            del waiter  # the error knows this frame: as a circle all of it would stay until garbage is collected
        else:
            if work is not None or self._paused:
                waiter.set_result(work)

    def _attend(self) -> Work | None:
        """Answers what is in the inbox; gives the first thing that takes time, None where more has to come."""
        while self.phase is Phase.COMMAND:
            end = self._end_of_line()
            if end < 0:
                return None
            try:
                work = self._obey(self._take_line(end))
            except (Farewell, Gone):
                raise
            except Exception as error:  # noqa: BLE001 - as above
                self._say_broken(error)
                work = None
            if work is not None:
                return work
            if self.phase is Phase.COMMAND:
                self._await_line()
        return self._read_mail()

    def _read_mail(self) -> Work | None:
        """The same in the phase DATA, which a command has begun."""
        raise NotImplementedError

    def _note_broken(self, error: Exception) -> None:
        """Logs what broke and forgets the mail at hand."""
        log.error("session failed", peer=self.peer.host, exc_info=error)
        self.terms.policy.broke(self.peer)
        self._set_rset_state()

    def _say_broken(self, error: Exception) -> None:
        """The same with a temporary reply, without a word about the cause."""
        self._note_broken(error)
        self._say(replies.BROKE)

    def _obey(self, line: bytes | None) -> Work | None:
        if line is None:
            return self._answer(replies.LINE_TOO_LONG)
        if 0 in line:  # NUL
            return self._answer(replies.SYNTAX)
        head, _, tail = line.partition(b" ")
        verb = head.upper().decode("ascii", "replace")
        if len(line) + 2 > COMMAND_SIZES.get(verb, COMMAND_SIZE):
            return self._answer(replies.LINE_TOO_LONG)
        if verb in UNPRODUCTIVE:
            self._unproductive += 1
            if self._unproductive > self.terms.limits.max_idle_commands:
                raise Farewell(replies.TOO_MANY_COMMANDS)
        command = self._commands.get(verb)
        if command is None:
            if verb == "PROXY":
                raise Farewell(replies.NOT_A_PROXY)
            return self._answer(replies.UNKNOWN_COMMAND)
        return command(self, tail.decode("utf-8", "surrogateescape").strip(" "))
