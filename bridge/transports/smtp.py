"""Mail through a smarthost: one transaction per delivery over connections that are kept open.

A new connection with TLS for every mail costs several times the mail itself, so up to `connections` stay
open, for 30 s idle, and then we are the ones who say QUIT. That a kept connection was closed by the other
side shows with MAIL; nothing of the message has left then, so the delivery goes on over a fresh one at once,
without anybody having to wait. Where the server takes them together (PIPELINING), MAIL, RCPT and DATA are one step.

8-bit bytes: what the bridge writes is 7-bit clean, but forwarded mail may not be. It is sent with
BODY=8BITMIME where that is offered and unchanged without it where it is not: re-coding would break the
signatures in it, refusing would lose it, and servers that really cut the eighth bit are gone. SMTPUTF8 is
used for an address that needs it, and only then.
"""

import asyncio
import ssl
from contextlib import suppress
from typing import Final, Literal

import aiosmtplib

from bridge.message import Delivery, Receipt
from bridge.transports import replies
from bridge.transports.connections import Connections, Kept
from bridge.transports.session import Reply, Session, message

Tls = Literal["required", "implicit", "opportunistic", "none"]

COMMAND_TIMEOUT: Final = 60.0  # seconds for connecting and for each command
_GO_ON: Final = 354
_TAKEN: Final = 250
DATA_TIMEOUT: Final = 300.0  # seconds for the answer to the message: giving up early means sending it twice


class Smarthost:
    """A smarthost, a `bridge.transports.Transport`.

    `tls`: "required" is STARTTLS with a valid certificate for `host`, "implicit" is TLS from the first byte
    with the same check, "opportunistic" takes STARTTLS without checking if it is offered, "none" never.
    `hostname` is what EHLO says. A password is never sent in clear unless `tls` is "none".
    """

    def __init__(
        self,
        *,
        host: str,
        port: int = 587,
        tls: Tls = "required",
        username: str | None = None,
        password: str | None = None,
        hostname: str = "localhost",
        connections: int = 4,
        idle: float = 30.0,
        ssl_context: ssl.SSLContext | None = None,
        command_timeout: float = COMMAND_TIMEOUT,
        data_timeout: float = DATA_TIMEOUT,
    ) -> None:
        self._timeouts = command_timeout, data_timeout
        self._connections = Connections(
            host=host,
            port=port,
            tls=tls,
            login=None if username is None else (username, password or ""),
            hostname=hostname,
            most=connections,
            idle=idle,
            ssl_context=ssl_context,
            timeout=command_timeout,
        )

    async def send(self, delivery: Delivery, now: float) -> Receipt:
        """See `bridge.transports.Transport.send`."""
        try:
            async with self._connections.slot():
                return await self._over_any(delivery)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - a mail must not be lost to what nobody thought of
            return replies.unexpected(error)

    async def close(self) -> None:
        """See `bridge.transports.Transport.close`."""
        await self._connections.close()

    async def _over_any(self, delivery: Delivery) -> Receipt:
        """Over a kept connection, and once more over a fresh one if that turns out closed."""
        kept = self._connections.take()
        if kept is not None:
            with suppress(_ClosedEarly):
                return await self._over(kept, delivery)
        try:
            fresh = await self._connections.open()
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return replies.not_connected(error)
        try:
            return await self._over(fresh, delivery)
        except _ClosedEarly as early:
            return early.receipt

    async def _over(self, connection: Kept, delivery: Delivery) -> Receipt:
        try:
            receipt = await _transaction(connection.session, delivery, *self._timeouts)
        except BaseException:
            connection.session.close()
            raise
        self._connections.give_back(connection)
        return receipt


class _ClosedEarly(Exception):
    """The connection turned out closed before anything of the message was sent."""

    def __init__(self, receipt: Receipt) -> None:
        super().__init__(receipt.text)
        self.receipt = receipt


async def _transaction(session: Session, delivery: Delivery, within: float, data_within: float) -> Receipt:
    try:
        options = _options(session, delivery)
        sender, recipient = _path(session, delivery.sender), _path(session, delivery.recipient)
    except ValueError as error:
        return replies.bad_address(str(error))
    octets = message(delivery.payload)
    commands: dict[replies.Stage, bytes] = {
        "mail": b" ".join((b"MAIL FROM:" + sender, *options)),
        "rcpt": b"RCPT TO:" + recipient,
        "data": b"DATA",
    }
    try:
        refused = await _envelope(session, commands, within)
        if refused is not None:
            return refused
    except OSError as error:
        raise _ClosedEarly(replies.lost(error, "before the message was sent")) from error
    try:
        (reply,) = await session.say(octets, 1, data_within)
    except OSError as error:
        return replies.lost(error, "after the message was sent; it goes again with the same Message-ID")
    if reply.code == _TAKEN:
        return replies.accepted(*reply)
    await _reset(session, within)
    return replies.refused(*reply, "data")


async def _envelope(session: Session, commands: dict[replies.Stage, bytes], within: float) -> Receipt | None:
    """All that comes before the message; None when that may come now. Raises OSError, `_ClosedEarly`."""
    together = session.supports("pipelining")
    said: list[Reply] = []
    if together:
        said = await session.say(b"\r\n".join((*commands.values(), b"")), len(commands), within)
    for stage, command in commands.items():
        if not together:
            said = await session.say(command + b"\r\n", 1, within)
        if not said:
            raise ConnectionResetError("the connection was lost between two replies")
        reply = said.pop(0)
        if stage == "mail" and reply.code == replies.CLOSING:  # how a server ends a session that was idle for its taste
            session.close()
            raise _ClosedEarly(replies.refused(*reply, stage))
        if replies.is_positive(reply.code) if stage != "data" else reply.code == _GO_ON:
            continue
        await _reset(session, within, message_begun=bool(said) and said[-1].code == _GO_ON)
        return replies.refused(*reply, stage)
    return None


async def _reset(session: Session, within: float, *, message_begun: bool = False) -> None:
    """Clears the envelope; a connection on which that fails is closed, and one whose replies are out of step.

    A server that waits for the message, though nobody is left to get it, is given an empty one (RFC 2920, 3.1).
    """
    with suppress(OSError):
        if message_begun:
            await session.say(b".\r\n", 1, within)
        (reply,) = await session.say(b"RSET\r\n", 1, within)
        if not replies.is_positive(reply.code):
            session.close()


def _options(session: Session, delivery: Delivery) -> list[bytes]:
    options: list[bytes] = []
    if session.supports("size"):
        options.append(f"SIZE={len(delivery.payload)}".encode())
    if session.supports("8bitmime") and not delivery.payload.isascii():
        options.append(b"BODY=8BITMIME")
    if session.supports("smtputf8") and not (delivery.sender + delivery.recipient).isascii():
        options.append(b"SMTPUTF8")
    return options


def _path(session: Session, address: str) -> bytes:
    """An address in angle brackets; raises ValueError with a sentence for one that cannot be put there."""
    if not replies.is_mailbox(address):
        raise ValueError("the address cannot be written in an SMTP command")
    if address.isascii():
        return f"<{address}>".encode()
    if session.supports("smtputf8"):
        return f"<{address}>".encode()
    local, _, domain = address.rpartition("@")
    if not local.isascii():
        raise ValueError("the address needs SMTPUTF8, which the smarthost does not offer")
    try:
        return f"<{local}@".encode() + domain.encode("idna") + b">"
    except UnicodeError:
        raise ValueError("the address has an invalid domain") from None
