"""The smarthost transport against real servers: aiosmtpd where they behave, a scripted one where they do not."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from bridge.message import Channel, Delivery, Receipt, Scope, Verdict
from bridge.transports import TRANSPORTS, Transport
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


Say = Callable[[str], Awaitable[None]]


class Script:
    """A smarthost that can misbehave: `on` gives another reply for a verb, "" hangs up, None stays silent."""

    def __init__(self) -> None:
        self.on: dict[str, str | None] = {}
        self.extensions: list[str] = []
        self.lines: list[str] = []
        self.sessions = 0
        self.data: list[bytes] = []
        self.after_mail: str = ""
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


# --- a mail and its envelope -----------------------------------------------------------------------------------------


async def test_it_is_a_transport_and_listed() -> None:
    there: Transport = Smarthost(host="localhost")  # mypy is the test
    await there.close()
    for module in TRANSPORTS.values():
        import_module(module)


async def test_a_mail_arrives_as_it_was_written() -> None:
    async with good() as (box, port):
        found = await sent_to(port)
    (mail,) = box.mails
    assert mail.content == MAIL
    assert mail.mail_from == "bounce+m1@sms.example.com"
    assert mail.rcpt_tos == ["anna@example.com"]
    assert [option.upper() for option in mail.mail_options] == [f"SIZE={len(MAIL)}"]
    assert box.sessions[0].host_name == "sms.example.com"
    assert found == Receipt(verdict=Verdict.ACCEPTED, code="250", text="2.0.0 Ok: queued as 4T1X2Z", status="2.0.0")


async def test_bare_line_ends_cannot_smuggle_a_second_mail() -> None:
    async with scripted() as (script, port):
        payload = b"Subject: x\r\n\r\na\n.\nMAIL FROM:<x@example.com>\r.\r\nb"
        assert (await sent_to(port, changes={"payload": payload})).verdict is Verdict.ACCEPTED
    assert script.data == [b"Subject: x\r\n\r\na\r\n..\r\nMAIL FROM:<x@example.com>\r\n..\r\nb\r\n.\r\n"]


@pytest.mark.parametrize(
    ("address", "written"),
    [
        ("", "<>"),
        ('"an na"@example.com', '<"an na"@example.com>'),
        ('"a\\"b"@example.com', '<"a\\"b"@example.com>'),
        ("o'neil+x=y@example.com", "<o'neil+x=y@example.com>"),
        ("anna@[192.0.2.1]", "<anna@[192.0.2.1]>"),
        ("anna@müller.example", "<anna@xn--mller-kva.example>"),
    ],
)
async def test_the_envelope_sender(address: str, written: str) -> None:
    async with scripted() as (script, port):
        assert (await sent_to(port, changes={"sender": address})).verdict is Verdict.ACCEPTED
    assert f"MAIL FROM:{written}" in script.lines


@pytest.mark.parametrize(
    "address",
    [
        "anna",
        "a@b@example.com",
        "anna@example.com> SIZE=1",
        "anna@example.com\r\nRCPT TO:<eve@example.com>",
        "an na@example.com",
        '"anna@example.com',
        "größe@example.com",
        "\ud800@example.com",
        "anna@ü..example",
    ],
)
async def test_an_address_that_cannot_be_said_is_refused_here(address: str) -> None:
    async with scripted() as (script, port):
        found = await sent_to(port, changes={"recipient": address})
    assert (found.verdict, found.status) == (Verdict.PERMANENT, "5.1.3")
    assert not [line for line in script.lines if line.startswith(("MAIL", "RCPT", "DATA"))]


async def test_smtputf8_is_used_where_it_is_needed_and_offered() -> None:
    async with scripted() as (script, port):
        script.extensions = ["SMTPUTF8", "8BITMIME"]
        async with smarthost(port) as there:
            await there.send(delivery(recipient="größe@example.com"), NOW)
            await there.send(delivery(), NOW)
    mails = [line for line in script.lines if line.startswith("MAIL")]
    assert [line.endswith("SMTPUTF8") for line in mails] == [True, False]
    assert "RCPT TO:<größe@example.com>" in script.lines


@pytest.mark.parametrize("offered", [True, False])
async def test_8bit_bytes_go_unchanged(offered: bool) -> None:
    payload = b"Subject: x\r\n\r\n\xc3\xa4\xff\r\n"
    async with scripted() as (script, port):
        script.extensions = ["8BITMIME"] if offered else []
        assert (await sent_to(port, changes={"payload": payload})).verdict is Verdict.ACCEPTED
    assert script.data == [payload + b".\r\n"]
    (mail,) = [line for line in script.lines if line.startswith("MAIL")]
    assert mail.endswith("BODY=8BITMIME") is offered


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "reply", "verdict", "scope", "status"),
    [
        ("RCPT", "550 5.1.1 no such user", Verdict.PERMANENT, Scope.MESSAGE, "5.1.1"),
        ("RCPT", "550 no such user", Verdict.PERMANENT, Scope.MESSAGE, "5.0.0"),
        ("RCPT", "550 4.1.1 confused", Verdict.PERMANENT, Scope.MESSAGE, "5.0.0"),
        ("RCPT", "450 4.2.0 greylisted", Verdict.TEMPORARY, Scope.MESSAGE, "4.2.0"),
        ("RCPT", "452 full", Verdict.TEMPORARY, Scope.MESSAGE, "4.0.0"),
        ("RCPT", "530 5.7.0 log in first", Verdict.OURS, Scope.ACCOUNT, "4.7.8"),
        ("MAIL", "530 5.7.0 log in first", Verdict.OURS, Scope.ACCOUNT, "4.7.8"),
        ("MAIL", "553 5.7.1 not your address", Verdict.OURS, Scope.MESSAGE, "4.3.5"),
        ("MAIL", "552 5.3.4 too large", Verdict.PERMANENT, Scope.MESSAGE, "5.3.4"),
        ("MAIL", "451 4.3.0 later", Verdict.TEMPORARY, Scope.MESSAGE, "4.3.0"),
        ("DATA", "554 5.5.1 no valid recipients", Verdict.PERMANENT, Scope.MESSAGE, "5.5.1"),
        ("DATA", "451 4.3.0 later", Verdict.TEMPORARY, Scope.MESSAGE, "4.3.0"),
        ("dot", "554 5.7.1 spam", Verdict.PERMANENT, Scope.MESSAGE, "5.7.1"),
        ("dot", "552 too large", Verdict.PERMANENT, Scope.MESSAGE, "5.3.4"),
        ("dot", "452 4.3.1 disk full", Verdict.TEMPORARY, Scope.MESSAGE, "4.3.1"),
    ],
)
async def test_a_refusal(verb: str, reply: str, verdict: Verdict, scope: Scope, status: str) -> None:
    async with scripted() as (script, port), smarthost(port) as there:
        script.on[verb] = reply + "\r\n"
        found = await there.send(delivery(), NOW)
        assert (found.verdict, found.scope, found.status) == (verdict, scope, status)
        assert (found.code, found.text) == (reply[:3], reply[4:])
        assert found.alert is (verdict is Verdict.OURS)
        script.on.clear()
        assert (await there.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
    assert script.sessions == 1


async def test_the_same_from_aiosmtpd() -> None:
    async with good() as (box, port), smarthost(port) as there:
        box.to_rcpt = "550 5.1.1 no such user"
        assert (await there.send(delivery(), NOW)).verdict is Verdict.PERMANENT
        box.to_rcpt, box.to_data = "", "451 4.3.0 later"
        assert (await there.send(delivery(), NOW)).verdict is Verdict.TEMPORARY
        box.to_data = "250 Ok"
        assert (await there.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        assert len(box.sessions) == 1


async def test_a_reply_of_many_odd_lines_becomes_one_line() -> None:
    async with scripted() as (script, port):
        script.on["RCPT"] = "550-5.1.1 no\x1b[31m\r\n550 5.1.1 such \udcff user\r\n"
        found = await sent_to(port)
    assert found.text == "5.1.1 no [31m 5.1.1 such \ufffd user"


@pytest.mark.parametrize(
    ("verb", "reply", "status"),
    [
        ("banner", "554 5.3.2 not today", "4.3.2"),
        ("banner", "421 4.7.0 too many of you", "4.7.0"),
        ("EHLO", "421 4.3.2 going down", "4.3.2"),
    ],
)
async def test_a_smarthost_that_takes_nobody_is_tried_later(verb: str, reply: str, status: str) -> None:
    async with scripted() as (script, port):
        script.on[verb] = reply + "\r\n"
        found = await sent_to(port)
    assert (found.verdict, found.status, found.code) == (Verdict.TEMPORARY, status, reply[:3])


async def test_a_smarthost_without_ehlo() -> None:
    async with scripted() as (script, port):
        script.on["EHLO"] = "502 what?\r\n"
        assert (await sent_to(port)).verdict is Verdict.ACCEPTED
    assert "HELO sms.example.com" in script.lines


# --- connections -----------------------------------------------------------------------------------------------------


async def test_connections_are_kept_and_bounded() -> None:
    async with good() as (box, port), smarthost(port, connections=2) as there:
        await asyncio.gather(*(there.send(delivery(id=f"m1-{n}"), NOW) for n in range(10)))
        await there.send(delivery(), NOW)
        assert len(box.mails) == 11
        assert len(box.sessions) == 2


@pytest.mark.parametrize("after", ["close", "421 4.4.2 idle for too long\r\n"])
async def test_a_kept_connection_closed_by_the_server_costs_nothing(after: str) -> None:
    async with scripted() as (script, port), smarthost(port) as there:
        script.after_mail = after
        for _ in range(3):
            assert (await there.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        assert len(script.data) == 3


@pytest.mark.parametrize("reply", ["", "421 4.4.2 idle for too long\r\n"])
async def test_a_kept_connection_that_ends_with_the_next_mail_is_replaced(reply: str) -> None:
    async with scripted() as (script, port), smarthost(port) as there:
        assert (await there.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        script.on["MAIL"] = reply
        found = await there.send(delivery(), NOW)
        assert (found.verdict, found.status) == (Verdict.TEMPORARY, "4.4.2")
        assert script.sessions == 2
        assert len(script.data) == 1
        script.on.clear()
        assert (await there.send(delivery(), NOW)).verdict is Verdict.ACCEPTED


async def test_an_idle_connection_is_closed_by_us_with_quit() -> None:
    async with scripted() as (script, port), smarthost(port, idle=0.05) as there:
        await there.send(delivery(), NOW)
        async with asyncio.timeout(10):
            while "QUIT" not in script.lines:
                await asyncio.sleep(0.01)
        await there.send(delivery(), NOW)
        assert script.sessions == 2


async def test_closing_says_quit() -> None:
    async with scripted() as (script, port):
        await sent_to(port)
        assert script.lines[-1] == "QUIT"


async def test_nobody_there() -> None:
    async with scripted() as (_, port):
        pass
    found = await sent_to(port)
    assert (found.verdict, found.status, found.alert) == (Verdict.TEMPORARY, "4.4.1", False)


async def test_no_such_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)  # asking a real resolver takes as long as it likes
    there = Smarthost(host="nowhere.invalid", tls="none")
    found = await there.send(delivery(), NOW)
    assert (found.verdict, found.status) == (Verdict.TEMPORARY, "4.4.1")


@pytest.mark.parametrize("verb", ["EHLO", "MAIL", "RCPT", "DATA", "dot"])
@pytest.mark.parametrize("how", ["", None], ids=["hangs up", "silent"])
async def test_a_lost_connection_means_again_later(verb: str, how: str | None) -> None:
    async with scripted() as (script, port), smarthost(port, command_timeout=0.2, data_timeout=0.2) as there:
        script.on[verb] = how
        found = await there.send(delivery(), NOW)
        assert (found.verdict, found.alert) == (Verdict.TEMPORARY, False)
        assert found.status in ("4.4.1", "4.4.2")
        script.on.clear()
        assert (await there.send(delivery(), NOW)).verdict is Verdict.ACCEPTED


async def test_a_smarthost_that_speaks_no_smtp() -> None:
    async with scripted() as (script, port):
        script.on["banner"] = "HTTP/1.1 400 Bad Request\r\n\r\n"
        found = await sent_to(port)
    assert found.verdict is Verdict.TEMPORARY


async def test_a_message_that_breaks_the_library_waits_for_somebody_to_look() -> None:
    async with scripted() as (script, port), smarthost(port) as there:
        found = await there.send(delivery(payload=None), NOW)
        assert (found.verdict, found.alert) == (Verdict.TEMPORARY, True)
        assert (await there.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        assert len(script.data) == 1


async def test_cancelling_drops_the_connection() -> None:
    async with scripted() as (script, port), smarthost(port, connections=1) as there:
        script.on["dot"] = None
        sending = asyncio.create_task(there.send(delivery(), NOW))
        async with asyncio.timeout(10):
            while not script.data:
                await asyncio.sleep(0.01)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        script.on.clear()
        async with asyncio.timeout(10):  # over the old connection it would wait for a minute
            assert (await there.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        assert script.sessions == 2


# --- TLS and login ---------------------------------------------------------------------------------------------------


async def test_starttls_with_a_verified_name() -> None:
    certificates = Certificates()
    async with good(tls_context=certificates.server, require_starttls=True) as (box, port):
        found = await sent_to(port, tls="required", ssl_context=certificates.client)
        assert found.verdict is Verdict.ACCEPTED
        assert box.sessions[-1].ssl is not None


async def test_implicit_tls() -> None:
    certificates = Certificates()
    async with good(implicit=certificates.server) as (box, port):
        found = await sent_to(port, tls="implicit", ssl_context=certificates.client)
        assert found.verdict is Verdict.ACCEPTED
        assert len(box.mails) == 1


@pytest.mark.parametrize("tls", ["required", "implicit"])
@pytest.mark.parametrize(("name", "trusted"), [("localhost", False), ("other.example.com", True)])
async def test_a_bad_certificate_is_ours(tls: str, name: str, trusted: bool) -> None:
    certificates = Certificates(name)
    settings: dict[str, Any] = {"tls": tls, "ssl_context": certificates.client if trusted else None}
    implicit = certificates.server if tls == "implicit" else None
    async with good(implicit=implicit, tls_context=None if implicit else certificates.server) as (box, port):
        found = await sent_to(port, username="anna", password=PASSWORD, **settings)
        assert (found.verdict, found.scope, found.status) == (Verdict.OURS, Scope.ACCOUNT, "4.7.5")
        assert found.alert
        assert not box.mails


async def test_no_starttls_where_it_is_required_is_ours() -> None:
    async with good() as (box, port):
        found = await sent_to(port, tls="required")
        assert (found.verdict, found.scope, found.status) == (Verdict.OURS, Scope.ACCOUNT, "4.7.4")
        assert not box.mails


@pytest.mark.parametrize(
    ("reply", "verdict"), [("454 4.7.0 TLS not available", Verdict.TEMPORARY), ("220 go\r\nnot TLS", Verdict.TEMPORARY)]
)
async def test_starttls_that_fails_for_now(reply: str, verdict: Verdict) -> None:
    async with scripted() as (script, port):
        script.extensions = ["STARTTLS"]
        script.on["STARTTLS"] = reply + "\r\n"
        found = await sent_to(port, tls="required", command_timeout=2.0)
    assert found.verdict is verdict
    assert not [line for line in script.lines if line.startswith("MAIL")]


async def test_a_server_that_speaks_no_tls_is_tried_later() -> None:
    async with scripted() as (script, port):
        found = await sent_to(port, tls="implicit", command_timeout=2.0)
        assert (found.verdict, found.code) == (Verdict.TEMPORARY, "tls")
        assert not script.lines


async def test_opportunistic_takes_any_certificate_or_none() -> None:
    certificates = Certificates("other.example.com")
    async with good(tls_context=certificates.server) as (box, port):
        assert (await sent_to(port, tls="opportunistic")).verdict is Verdict.ACCEPTED
        assert box.sessions[-1].ssl is not None
    async with good() as (box, port):
        assert (await sent_to(port, tls="opportunistic")).verdict is Verdict.ACCEPTED
        assert box.sessions[-1].ssl is None


@pytest.mark.parametrize("mechanisms", [("PLAIN", "LOGIN"), ("LOGIN",)])
async def test_login(mechanisms: tuple[str, ...]) -> None:
    certificates = Certificates()
    settings: dict[str, Any] = {"tls": "required", "ssl_context": certificates.client, "username": "anna"}
    excluded = [name for name in ("PLAIN", "LOGIN") if name not in mechanisms]
    async with good(
        tls_context=certificates.server, auth_required=True, authenticator=check, auth_exclude_mechanism=excluded
    ) as (box, port):
        assert (await sent_to(port, password=PASSWORD, **settings)).verdict is Verdict.ACCEPTED
        found = await sent_to(port, password="wrong", **settings)
        assert (found.verdict, found.scope, found.status) == (Verdict.OURS, Scope.ACCOUNT, "4.7.8")
        assert (found.code, found.alert) == ("535", True)
        found = await sent_to(port, **(settings | {"username": None}))
        assert (found.verdict, found.scope) == (Verdict.OURS, Scope.ACCOUNT)
        assert len(box.mails) == 1


async def test_a_wrong_password_is_tried_once() -> None:
    async with scripted() as (script, port):
        script.extensions = ["AUTH PLAIN LOGIN CRAM-MD5"]
        script.on["AUTH"] = "535 5.7.8 no\r\n"
        assert (await sent_to(port, username="anna", password="x")).verdict is Verdict.OURS
    assert len([line for line in script.lines if line.startswith("AUTH")]) == 1


async def test_cram_md5_where_nothing_else_is_offered() -> None:
    async with scripted() as (script, port):
        script.extensions = ["AUTH CRAM-MD5"]
        script.on = {"AUTH": "334 PDEyM0BteC5leGFtcGxlLmNvbT4=\r\n", "dot": "250 Ok\r\n"}
        script.otherwise = "235 Ok\r\n"
        assert (await sent_to(port, username="anna", password=PASSWORD)).verdict is Verdict.ACCEPTED
    assert PASSWORD not in "".join(script.lines)


async def test_a_login_that_fails_for_now() -> None:
    async with scripted() as (script, port):
        script.extensions = ["AUTH PLAIN"]
        script.on["AUTH"] = "454 4.7.0 database away\r\n"
        found = await sent_to(port, username="anna", password="x")
    assert (found.verdict, found.status) == (Verdict.TEMPORARY, "4.7.0")


async def test_no_way_to_log_in_is_ours() -> None:
    async with scripted() as (script, port):
        script.extensions = ["AUTH GSSAPI"]
        found = await sent_to(port, username="anna", password="x")
    assert (found.verdict, found.scope, found.status) == (Verdict.OURS, Scope.ACCOUNT, "4.7.8")


async def test_a_password_is_not_sent_in_clear_because_somebody_took_starttls_away() -> None:
    async with scripted() as (script, port):
        script.extensions = ["AUTH PLAIN"]
        found = await sent_to(port, tls="opportunistic", username="anna", password="x")
    assert (found.verdict, found.scope) == (Verdict.OURS, Scope.ACCOUNT)
    assert not [line for line in script.lines if line.startswith("AUTH")]
