"""The octets of one connection: what came and is not read, what is to be said, and how long we wait for either.

The frame is aiosmtpd's `SMTP`: its protocol life cycle and flow control, nothing of its readers, timers, command loop
or address parser, which lose or leak too much. This file and `connection` use private names of
aiosmtpd (pinned to one version for that reason): `_handle_client`, `_original_transport`, `_handler_coroutine`,
`_set_rset_state`, and `_paused` and `_drain_helper` of asyncio's flow control.
"""

import asyncio
import enum
import ipaddress
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from bridge.smtpd import replies
from bridge.smtpd.alarm import FOREVER, Alarm
from bridge.smtpd.contract import Peer, Reply, Terms

HIGH_WATER = 64 * 1024  # octets read ahead while nobody asks for them
MAX_COMMAND = 12288  # RFC 4954 4: the longest line there is, an AUTH

Work = Coroutine[Any, Any, None]
"""What a client wants that cannot be done at once."""


class Gone(Exception):
    """The client is no longer there."""


class Farewell(Exception):
    """The session ends with this reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.reply = reply


class Phase(enum.Enum):
    """What a session is doing, which says how long it may do so and whether it may be told to go."""

    HANDSHAKE = enum.auto()
    COMMAND = enum.auto()  # reads commands: may be dismissed
    DATA = enum.auto()
    BUSY = enum.auto()  # works for the client: no time limit of ours
    LEAVING = enum.auto()


class Wire(SMTP):
    """Reading and writing with limits. `admit` is asked before a byte is written: a `Reply` refuses the connection."""

    _paused: bool  # of asyncio's flow control: the client does not take what we say …
    _drain_helper: Callable[[], Awaitable[None]]  # … and this waits until it has

    def __init__(
        self,
        *,
        terms: Terms,
        mode: str,
        admit: Callable[[Any], Reply | None],
        client: tuple[str, int] | None = None,
    ) -> None:
        """`client` is address and port as a proxy gave them; None: they are the socket's."""
        # Not SMTP.__init__: it looks up the host name and inspects all members of two objects for each connection.
        self.loop = asyncio.get_running_loop()
        # Without streams: nobody would read them.
        asyncio.StreamReaderProtocol.__init__(self, None, loop=self.loop)  # type: ignore[arg-type]  # typeshed is stricter
        self.session: Session | None = None
        self.envelope: Envelope | None = None
        self.transport: asyncio.BaseTransport | None = None
        self._original_transport: asyncio.BaseTransport | None = None  # stays so: aiosmtpd's STARTTLS is not used
        self._handler_coroutine: asyncio.Task[None] | None = None

        self.terms = terms
        self.peer = Peer(host="", port=0, mode=mode)
        self.phase = Phase.COMMAND
        self.since = self.loop.time()  # when the present phase, or the wait for a command, began
        self.dismissal: Reply | None = None  # what to say instead of reading another command
        self._admit = admit
        self._client = client
        self._wire: asyncio.Transport | None = None
        self._alarm = Alarm(self.loop, self._expired, self._data_bonus)
        self._inbox = bytearray()
        self._outbox: list[bytes] = []
        self._received = 0
        self._data_began = 0  # value of `_received` when DATA began
        self._searched = 0  # octets of the inbox without the end of a line
        self._overlong = False  # the line that is coming is too long: what came of it is gone
        self._waiter: asyncio.Future[Work | None] | None = None
        self._reading_paused = False
        self._hung_up = False  # nothing more will come
        self._lost: asyncio.Future[None] = self.loop.create_future()
        self._unsent = 0  # octets the client had not taken when last looked at

    # What the event loop tells us.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = wire = cast("asyncio.Transport", transport)
        wire.set_write_buffer_limits(high=0)  # so that "paused" means "the client does not read"
        self.peer.host, self.peer.port = name_of(self._client or transport.get_extra_info("peername"))
        if self.peer.mode == "implicit":
            self.phase = Phase.HANDSHAKE
        refusal = self._admit(self)
        if refusal is None:
            super(SMTP, self).connection_made(transport)  # not SMTP's: it makes a session and a line of log of its own
            self.transport = transport
            self._alarm.set(self.terms.limits.command_timeout)
            self._handler_coroutine = self.loop.create_task(self._handle_client())
            return
        if self.peer.mode != "implicit":
            wire.write(refusal.encode())
        wire.close()

    def data_received(self, data: bytes) -> None:
        self._inbox += data
        self._received += len(data)
        if self._waiter is not None:
            if not self._waiter.done():
                self._serve(self._waiter)
        elif len(self._inbox) > HIGH_WATER and self._wire is not None and not self._reading_paused:
            self._reading_paused = True
            self._wire.pause_reading()

    def _serve(self, waiter: asyncio.Future[Work | None]) -> None:
        """There is more for whoever waits."""
        waiter.set_result(None)

    def eof_received(self) -> bool:
        self._hang_up()
        return not self.peer.tls  # a half-closed connection still gets its answers; TLS knows no half

    def connection_lost(self, error: Exception | None) -> None:
        super(SMTP, self).connection_lost(error)  # not SMTP's: it would cancel the task in mid-commit
        self._hang_up()
        if not self._lost.done():
            self._lost.set_result(None)

    def _hang_up(self) -> None:
        self._hung_up = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _set_rset_state(self) -> None:
        """Forgets the mail at hand."""

    # Time.

    def _enter(self, phase: Phase, patience: float = FOREVER) -> None:
        self.phase = phase
        self.since = now = self.loop.time()
        self._alarm.set_at(now + patience)

    def _data_bonus(self) -> float:
        """Seconds that the octets received in this DATA are worth."""
        if self.phase is not Phase.DATA or self._paused:
            return 0.0
        return (self._received - self._data_began) / self.terms.limits.data_rate

    def _expired(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(Farewell(replies.TIMEOUT))
        elif self._wire is not None and (self._paused or self._wire.is_closing()):
            unsent = self._wire.get_write_buffer_size()
            if 0 < unsent < self._unsent:
                self._unsent = unsent
                self._alarm.set(self.terms.limits.write_timeout)
            else:
                self._wire.abort()  # `close` would wait for the client for ever

    # Reading and writing.

    def _say(self, octets: bytes) -> None:
        """Keeps whole lines for the client; they leave together when we next wait for it."""
        self._outbox.append(octets)

    async def _flush(self) -> None:
        wire = self._send()
        if self._paused:
            await self._until_taken(wire)

    def _send(self) -> asyncio.Transport:
        """Hands what was said to the transport, which it gives back."""
        wire = self._wire
        if wire is None or self._lost.done():
            raise Gone
        if self._outbox:
            wire.write(b"".join(self._outbox))
            self._outbox.clear()
        return wire

    async def _until_taken(self, wire: asyncio.Transport) -> None:
        """Waits for a client that does not read."""
        self._unsent = wire.get_write_buffer_size()
        began, deadline = self.loop.time(), self._alarm.deadline
        self._alarm.set(self.terms.limits.write_timeout)
        try:
            await self._drain_helper()
        except OSError:
            raise Gone from None
        self._alarm.set_at(deadline + self.loop.time() - began)

    async def _more(self) -> Work | None:
        """Waits until there is more in the inbox, or something to do that `_serve` made of it."""
        wire = self._send()
        if self._paused:
            seen = self._received
            await self._until_taken(wire)
            if self._received != seen:
                return None
        if self._hung_up:
            raise Gone
        if self.dismissal is not None and self.phase is Phase.COMMAND:
            raise Farewell(self.dismissal)
        if self._reading_paused:
            self._reading_paused = False
            wire.resume_reading()
        self._waiter = self.loop.create_future()
        try:
            return await self._waiter
        finally:
            self._waiter = None

    def _await_line(self) -> None:
        """From now on the client has a while for another line."""
        if self.dismissal is not None:
            raise Farewell(self.dismissal)
        self._enter(Phase.COMMAND, self.terms.limits.command_timeout)

    async def _line(self) -> bytes | None:
        """The next line, as `_take_line` gives it."""
        self._await_line()
        while (end := self._end_of_line()) < 0:
            await self._more()
        return self._take_line(end)

    def _end_of_line(self) -> int:
        """Where a line ends in the inbox, less than 0 where none does; what is too long is thrown away till then."""
        inbox = self._inbox
        end = inbox.find(b"\n", self._searched)
        if end < 0:
            self._overlong = self._overlong or len(inbox) > MAX_COMMAND
            if self._overlong:
                inbox.clear()
            self._searched = len(inbox)
        return end

    def _take_line(self, end: int) -> bytes | None:
        """The line without its end (LF alone will do); None: it was too long and is gone."""
        line = bytes(self._inbox[:end]).removesuffix(b"\r")
        del self._inbox[: end + 1]
        overlong = self._overlong or len(line) > MAX_COMMAND
        self._searched, self._overlong = 0, False
        return None if overlong else line


def name_of(peername: Any) -> tuple[str, int]:
    """Address and port as a `Peer` has them; "" and 0 for a Unix socket."""
    if not isinstance(peername, tuple):  # a Unix socket
        return "", 0
    host, port = str(peername[0]).partition("%")[0], int(peername[1])
    if ":" in host and (mapped := ipaddress.IPv6Address(host).ipv4_mapped) is not None:
        return str(mapped), port
    return host, port
