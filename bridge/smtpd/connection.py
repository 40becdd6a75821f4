"""The course of one connection: TLS, the conversation, and an orderly end. It knows no SMTP command.

A session is one task (`_handle_client`), and nobody cancels it: a client that leaves shows up as `Gone` where the
task next reads or writes, so a commit under way always comes to its end.
"""

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from bridge import metrics
from bridge.log import get_logger
from bridge.smtpd import replies
from bridge.smtpd.certificates import names_in
from bridge.smtpd.contract import Reply
from bridge.smtpd.wire import Farewell, Gone, Phase, Wire

log = get_logger("smtpd")

_ORDERLY = frozenset({replies.BYE, replies.TIMEOUT, replies.MAKING_ROOM, replies.SHUTTING_DOWN})


class Connection(Wire):
    """Begins, secures and ends a session; subclasses give `_converse`.

    `leave` is called once for each admitted connection, when its socket is closed.
    """

    def __init__(self, *, leave: Callable[[Any], None], **rest: Any) -> None:
        """The rest: `Wire`."""
        super().__init__(**rest)
        self.trusted = False  # set by `admit`
        self._leave = leave
        self._handshake: Coroutine[Any, Any, asyncio.Transport | None] | None = None
        self._handshake_waits_for: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        begins = self.phase is Phase.HANDSHAKE and self.terms.ssl_context is not None
        if begins and not transport.is_closing():
            # Its first step connects the transport to TLS, and must be taken before the loop reads from it. uvloop
            # does so right after this method: a task would be too late and find the handshake in its inbox.
            self._handshake = self._start_tls()
            self._handshake_waits_for = self._handshake.send(None)

    @property
    def is_idle(self) -> bool:
        """Whether it is the client's turn and no mail is being read."""
        return self.dismissal is None and (
            self.phase is Phase.HANDSHAKE or (self.phase is Phase.COMMAND and self._waiter is not None)
        )

    def behind(self, patience: float) -> float:
        """Seconds for which the client has kept us waiting, less than 0 if it has not.

        For a command, or for a mail: then beyond what the octets received so far are worth, and from `patience` on.
        """
        if self.is_idle:
            return max(0.0, self.loop.time() - self.since)
        if self.phase is not Phase.DATA or self.dismissal is not None:
            return -1.0
        late = self.loop.time() - self.since - self._data_bonus()
        return late if late > patience else -1.0

    def dismiss(self, reply: Reply, *, in_data: bool = False) -> None:
        """Ends the session with `reply`: now if it waits for the client, else before the next command.

        A client that is sending a mail is interrupted only with `in_data`.
        """
        self.dismissal = reply
        if self.phase is Phase.HANDSHAKE:
            self.abort()
        elif self._waiter is None or self._waiter.done():
            return
        elif self.phase is Phase.COMMAND or (in_data and self.phase is Phase.DATA):
            self._waiter.set_exception(Farewell(reply))

    def abort(self) -> None:
        """Drops the connection as it is. Work for the client that is under way goes on."""
        if self._wire is not None:
            self._wire.abort()

    async def _start_tls(self) -> asyncio.Transport | None:
        limits, wire = self.terms.limits, self._wire
        if wire is None or self.terms.ssl_context is None:
            log.error("no tls", peer=self.peer.host, reason="no certificate")
            return None
        try:
            secured = await self.loop.start_tls(
                wire,
                self,
                self.terms.ssl_context,
                server_side=True,
                ssl_handshake_timeout=limits.handshake_timeout,
                ssl_shutdown_timeout=limits.linger,
            )
            # uvloop gives a transport all the same when the connection was lost during the handshake.
            return secured if secured is not None and secured.get_extra_info("ssl_object") is not None else None
        except OSError as problem:  # ssl.SSLError, ConnectionError and TimeoutError are OSErrors
            log.info("no tls", peer=self.peer.host, reason=str(problem))
            return None

    async def _secure(self) -> None:
        """Changes to TLS. What came in plain text and was not read is forgotten (CVE-2024-34083)."""
        self._inbox.clear()
        self._enter(Phase.HANDSHAKE)
        if self._handshake is None:
            secured = await self._start_tls()
        else:
            secured = await _go_on(self._handshake, self._handshake_waits_for)
        if secured is None:
            self.abort()
            if not self._lost.done():  # asyncio does not tell when it was in the handshake
                self.connection_lost(None)
            raise Gone
        self.transport = self._wire = secured
        secured.set_write_buffer_limits(high=1)  # here 0 would mean always paused
        peer = self.peer
        peer.tls, peer.helo, peer.esmtp, peer.user = True, "", False, None
        peer.certificate = names_in(secured.get_extra_info("ssl_object").getpeercert())
        self._set_rset_state()

    async def _converse(self) -> None:
        raise NotImplementedError

    async def _handle_client(self) -> None:
        try:
            if self.phase is Phase.HANDSHAKE:
                await self._secure()
            await self._converse()
            await self._flush()
        except Gone:
            pass
        except Farewell as last:
            if last.reply not in _ORDERLY or (last.reply is replies.TIMEOUT and self.phase is Phase.DATA):
                self._note_refusal(last.reply)
            await self._say_farewell(last.reply)
        except Exception:
            log.exception("session failed", peer=self.peer.host)
        finally:
            await self._hang()

    def _note_refusal(self, reply: Reply) -> None:
        """For whoever looks for the mail that never came; the policy does so for what it refuses itself."""
        metrics.rejected(reply.code, reply.status)
        log.warning("reject", peer=self.peer.host, code=f"{reply.code} {reply.status}", reason=reply.text)

    async def _say_farewell(self, reply: Reply) -> None:
        """Says `reply` in such a way that a client which is still sending can read it: reads on until it is silent.

        To close with unread input would reset the connection and could take the reply with it.
        """
        limits, in_data = self.terms.limits, self.phase is Phase.DATA
        silence = limits.linger
        until = self.loop.time() + (limits.write_timeout if in_data else silence)
        sending = in_data or bool(self._inbox)
        self._enter(Phase.LEAVING)
        try:
            self._say(reply.encode())
            await self._flush()
            if not sending or self._wire is None:
                return
            if self._wire.can_write_eof():
                self._wire.write_eof()
            while self.loop.time() < until:
                self._inbox.clear()
                self._alarm.set(silence)
                await self._more()
        except (Gone, Farewell, OSError):  # the last of `write_eof`, to a client that is gone
            pass

    async def _hang(self) -> None:
        """Closes the socket and waits until it is closed; a client that does not read what is left is cut off."""
        self.phase = Phase.LEAVING
        if self._wire is not None and not self._lost.done():
            self._unsent = self._wire.get_write_buffer_size()
            self._wire.close()
            if self._unsent or self.peer.tls:  # else nothing waits for the client any more
                self._alarm.set(self.terms.limits.write_timeout)
            await self._lost
        self._alarm.stop()
        self._leave(self)


@types.coroutine
def _go_on(begun: Coroutine[Any, Any, Any], waits_for: Any) -> Generator[Any, Any, Any]:
    """Awaits a coroutine whose first steps have been taken by hand; `waits_for` is what they came to."""
    try:
        while True:
            try:
                yield waits_for
            except BaseException as error:  # noqa: BLE001 - it is not ours, it belongs into the coroutine
                waits_for = begun.throw(error)
            else:
                waits_for = begun.send(None)
    except StopIteration as end:
        return end.value
    finally:
        begun.close()
