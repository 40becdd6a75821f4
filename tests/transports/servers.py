"""Smarthosts to try a transport against: aiosmtpd where they behave, a scripted one where they do not."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from bridge.message import Channel, Delivery, Receipt
from bridge.transports.smtp import Smarthost

NOW = 1_700_000_000.0


MAIL = b"From: a@example.com\r\nSubject: x\r\nMessage-ID: <1@sms.example.com>\r\n\r\nHallo\r\n.\r\n..dots\r\n"


PASSWORD = "geheim-made-up"


def delivery(**changes: Any) -> Delivery:
    given: dict[str, Any] = {
        "id": "m1-1",
        "mail": "m1",
        "channel": Channel.MAIL,
        "recipient": "anna@example.com",
        "sender": "bounce+m1@sms.example.com",
        "payload": MAIL,
        "created_at": NOW,
        "next_at": NOW,
        "expires_at": NOW + 3600,
    }
    return Delivery(**(given | changes))


class Mailbox:
    """What a good smarthost took, and what it is told to say instead of yes."""

    def __init__(self) -> None:
        self.mails: list[Envelope] = []
        self.sessions: list[Session] = []
        self.to_mail = self.to_rcpt = ""
        self.to_data = "250 2.0.0 Ok: queued as 4T1X2Z"

    async def handle_EHLO(  # noqa: N802 - aiosmtpd names it
        self, server: SMTP, session: Session, _: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        if session not in self.sessions:
            self.sessions.append(session)
        return responses

    async def handle_MAIL(  # noqa: N802 - aiosmtpd names it
        self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.to_mail:
            return self.to_mail
        envelope.mail_from = address
        envelope.mail_options = list(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd names it
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        if self.to_rcpt:
            return self.to_rcpt
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd names it
        self.mails.append(envelope)
        return self.to_data


def check(_: SMTP, __: Session, ___: Envelope, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and data.password == PASSWORD.encode()
    return AuthResult(success=good, handled=False)


class Certificates:
    def __init__(self, name: str = "localhost") -> None:
        self.authority = trustme.CA()
        self.server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.authority.issue_cert(name).configure_cert(self.server)
        self.client = ssl.create_default_context()
        self.authority.configure_trust(self.client)


@asynccontextmanager
async def good(*, implicit: ssl.SSLContext | None = None, **settings: Any) -> AsyncIterator[tuple[Mailbox, int]]:
    """aiosmtpd on a free port."""
    box = Mailbox()
    loop = asyncio.get_running_loop()
    protocols: list[SMTP] = []

    def make() -> SMTP:
        protocols.append(SMTP(box, loop=loop, hostname="mx.example.com", **settings))
        return protocols[-1]

    server = await loop.create_server(make, "127.0.0.1", 0, ssl=implicit)
    try:
        yield box, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for protocol in protocols:
            if isinstance(protocol.transport, asyncio.WriteTransport):
                protocol.transport.abort()
        await server.wait_closed()


class Script:
    """A smarthost that can misbehave: `on` gives another reply for a verb, "" hangs up, None stays silent."""

    def __init__(self) -> None:
        self.on: dict[str, str | None] = {}
        self.extensions: list[str] = []
        self.lines: list[str] = []
        self.sessions = 0
        self.data: list[bytes] = []
        self.after_mail: str = ""
        self.refused = ""  # a recipient that does not exist here
        self.otherwise = "250 Ok\r\n"
        self._tasks: set[asyncio.Task[None]] = set()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.sessions += 1
        try:
            await self._talk(reader, writer)
        except (OSError, EOFError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self.on.get("banner", "220 mx.example.com ESMTP\r\n").encode())  # type: ignore[union-attr] # text
        while line := (await reader.readuntil(b"\r\n")).decode().rstrip("\r\n"):
            self.lines.append(line)
            verb = line.split()[0].upper()
            if self.refused and line == f"RCPT TO:<{self.refused}>":
                writer.write(b"550 5.1.1 no such mailbox\r\n")
                continue
            if not await self._say(writer, verb):
                return
            if verb == "QUIT":
                return
            if verb == "DATA" and self.on.get("DATA", "354").startswith("354"):  # type: ignore[union-attr] # text
                self.data.append(await reader.readuntil(b"\r\n.\r\n"))
                if not await self._say(writer, "dot"):
                    return
                if self.after_mail == "close":
                    return
                if self.after_mail:
                    writer.write(self.after_mail.encode())

    async def _say(self, writer: asyncio.StreamWriter, verb: str) -> bool:
        """False: hang up."""
        extensions = "".join(f"250-{extension}\r\n" for extension in self.extensions)
        usual = {
            "EHLO": f"250-mx.example.com\r\n{extensions}250 HELP\r\n",
            "DATA": "354 go\r\n",
            "QUIT": "221 bye\r\n",
        }
        reply = self.on.get(verb, usual.get(verb, self.otherwise))
        if reply is None:
            await asyncio.Event().wait()
        writer.write((reply or "").encode("utf-8", "surrogateescape"))
        await writer.drain()
        return bool(reply)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def scripted() -> AsyncIterator[tuple[Script, int]]:
    script = Script()
    server = await asyncio.start_server(script.talk, "127.0.0.1", 0)
    try:
        yield script, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await script.stop()


@asynccontextmanager
async def smarthost(port: int, **settings: Any) -> AsyncIterator[Smarthost]:
    there = Smarthost(host="localhost", port=port, **({"tls": "none", "hostname": "sms.example.com"} | settings))
    try:
        yield there
    finally:
        await there.close()


async def sent_to(port: int, *, changes: dict[str, Any] | None = None, **settings: Any) -> Receipt:
    async with smarthost(port, **settings) as there:
        return await there.send(delivery(**(changes or {})), NOW)
