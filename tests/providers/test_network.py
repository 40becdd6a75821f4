"""A call without an answer, against servers that fail in every way: what may have left and what surely has not."""

import asyncio
import json
import socket
import ssl
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp.client_reqrep import ConnectionKey
from aioresponses import aioresponses

from bridge.message import Scope, Verdict
from bridge.providers.websms.network import Attempt, Body, receipt
from tests.providers.servers import (
    ACCEPTED,
    NOW,
    PATH,
    SHORT,
    Raw,
    client,
    delivery,
    raw,
    request_of,
    response,
    sent_to,
    silent,
    site,
)


async def test_row_85_refused_connection_is_surely_not_sent() -> None:
    async with raw(silent) as url:
        pass
    found = await sent_to(url)
    assert (found.verdict, found.status, found.alert) == (Verdict.TEMPORARY, "4.4.1", False)


async def test_row_85_a_name_that_does_not_exist_is_surely_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)  # asking a real resolver takes as long as it likes
    found = await sent_to("https://nowhere.invalid/rest")
    assert (found.verdict, found.code, found.status) == (Verdict.TEMPORARY, "dns", "4.4.3")


async def test_row_85_a_handshake_without_answer_is_surely_not_sent() -> None:
    async with raw(silent) as url:
        found = await sent_to(url.replace("http:", "https:"), timeout=aiohttp.ClientTimeout(total=5, connect=0.2))
    assert (found.verdict, found.status) == (Verdict.TEMPORARY, "4.4.1")


async def test_a_failed_handshake_is_surely_not_sent() -> None:
    async def no_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with raw(no_tls) as url:
        found = await sent_to(url.replace("http:", "https:"))
    assert (found.verdict, found.code, found.status) == (Verdict.TEMPORARY, "tls", "4.4.1")


async def test_a_connection_closed_in_the_handshake_is_surely_not_sent() -> None:
    async def shut(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(10)

    async with raw(shut) as url:
        found = await sent_to(url.replace("http:", "https:"))
    assert (found.verdict, found.status) == (Verdict.TEMPORARY, "4.4.1")


def _authority(name: str) -> tuple[ssl.SSLContext, trustme.CA]:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(server)
    return server, authority


def _trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def _accepting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await request_of(reader)
        writer.write(response(json.dumps(ACCEPTED).encode()))
        await writer.drain()


async def test_a_valid_certificate() -> None:
    server, authority = _authority("localhost")
    async with raw(_accepting, server) as url:
        found = await sent_to(url, ssl_context=_trusting(authority))
    assert found.verdict is Verdict.ACCEPTED


@pytest.mark.parametrize(("name", "trusted"), [("localhost", False), ("other.example.com", True)])
async def test_row_90_a_bad_certificate_is_ours(name: str, trusted: bool) -> None:
    server, authority = _authority(name)
    asked: list[bytes] = []

    async def note(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(10))

    async with raw(note, server) as url:
        found = await sent_to(url, ssl_context=_trusting(authority) if trusted else None)
    assert (found.verdict, found.scope, found.status) == (Verdict.OURS, Scope.ACCOUNT, "4.7.5")
    assert found.alert
    assert "certificate" in found.text
    assert not any(asked)


async def test_row_90_a_server_with_old_tls_is_ours() -> None:
    async def too_old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(bytes([21, 3, 1, 0, 2, 2, 70]))  # TLS record: fatal alert, protocol_version
        await writer.drain()

    async with raw(too_old) as url:
        found = await sent_to(url.replace("http:", "https:"))
    assert (found.verdict, found.scope, found.status) == (Verdict.OURS, Scope.ACCOUNT, "4.7.5")


async def _slow_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.write(response(b'{"statusCode":', length=100))
    await asyncio.Event().wait()


async def _shut(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await request_of(reader)


async def _reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.transport.abort()


async def _half_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Ty")
    await writer.drain()


async def _half_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.write(response(json.dumps(ACCEPTED).encode()[:30], length=100))
    await writer.drain()


async def _no_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.write(b"220 mail.example.com ESMTP\r\n")
    await writer.drain()


async def _endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1000\r\n" + b" " * 4096 + b"\r\n")
        await writer.drain()


async def _huge_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 200_000 + b"\r\n\r\n")
    await writer.drain()


@pytest.mark.parametrize(
    "talk", [silent, _slow_body, _shut, _reset, _half_head, _half_body, _no_http, _endless, _huge_head]
)
async def test_row_86_what_happens_after_the_request_left_is_unknown(talk: Raw) -> None:
    async with raw(talk) as url:
        found = await sent_to(url, timeout=SHORT)
    assert found.verdict is Verdict.UNKNOWN
    assert found.scope is Scope.MESSAGE
    assert found.status == "4.4.2"
    assert found.text


async def test_a_kept_connection_closed_while_idle_is_not_used_again() -> None:
    closed = asyncio.Event()
    calls = 0

    async def one_each(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        await request_of(reader)
        writer.write(response(json.dumps(ACCEPTED).encode()))
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        closed.set()

    async with raw(one_each) as url, client(url) as websms:
        assert (await websms.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        await closed.wait()
        session = websms._session
        assert session is not None
        assert isinstance(session.connector, aiohttp.TCPConnector)
        async with asyncio.timeout(10):  # until our side has read the end of the connection
            while any(proto.is_connected() for conns in session.connector._conns.values() for proto, _ in conns):
                await asyncio.sleep(0.01)
        assert (await websms.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
    assert calls == 2


class _Gone:
    """As much of a writer as the body looks at, on a connection that is closed."""

    transport = None

    def __init__(self, output_size: int) -> None:
        self.output_size = output_size
        self.written = b""

    async def write(self, piece: bytes) -> None:
        self.written += piece


async def test_a_body_is_kept_back_from_a_closed_connection_only_if_the_head_was_too() -> None:
    attempt = Attempt(begun=True)
    with pytest.raises(ConnectionResetError):
        await Body(b"x", attempt).write_with_length(_Gone(0), 1)  # type: ignore[arg-type] # a stand-in
    assert attempt.kept_back
    assert not attempt.may_have_left

    attempt = Attempt(begun=True)
    await Body(b"x", attempt).write_with_length(_Gone(200), 1)  # type: ignore[arg-type] # a stand-in
    assert attempt.may_have_left


async def test_the_body_sees_the_closed_connection_before_it_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The race of a kept connection that goes away between being chosen and being written to."""
    original = Body.write_with_length

    async def lose_first(self: Body, writer: Any, content_length: int | None) -> None:
        writer.transport.abort()
        await original(self, writer, content_length)

    monkeypatch.setattr(Body, "write_with_length", lose_first)
    async with site() as (there, url), client(url) as websms:
        found = await websms.send(delivery(), NOW)
        assert (found.verdict, found.status) == (Verdict.TEMPORARY, "4.4.2")
        assert not there.requests


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (aiohttp.InvalidURL("x"), Verdict.OURS),
        (RuntimeError("a bug"), Verdict.OURS),
        (aiohttp.ServerDisconnectedError(), Verdict.TEMPORARY),
        (TimeoutError(), Verdict.TEMPORARY),
    ],
)
async def test_whatever_the_library_raises_becomes_a_receipt(error: Exception, verdict: Verdict) -> None:
    with aioresponses() as mocked:
        mocked.post("https://api.example.com" + PATH, exception=error)
        found = await sent_to("https://api.example.com/rest")
    assert found.verdict is verdict


# --- by itself


KEY = ConnectionKey("api.example.com", 443, True, True, None, None, None)
ERRORS: list[tuple[Exception, Verdict, str, str]] = [
    (
        aiohttp.ClientConnectorCertificateError(KEY, ssl.CertificateError("expired")),
        Verdict.OURS,
        "certificate",
        "4.7.5",
    ),
    (aiohttp.ClientConnectorSSLError(KEY, OSError(1, "wrong version")), Verdict.TEMPORARY, "tls", "4.4.1"),
    (aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "unknown name")), Verdict.TEMPORARY, "dns", "4.4.3"),
    (aiohttp.ClientConnectorError(KEY, OSError(111, "refused")), Verdict.TEMPORARY, "connect", "4.4.1"),
    (aiohttp.ConnectionTimeoutError(), Verdict.TEMPORARY, "connect", "4.4.1"),
    (aiohttp.SocketTimeoutError(), Verdict.TEMPORARY, "connect", "4.4.1"),
    (TimeoutError(), Verdict.TEMPORARY, "connect", "4.4.1"),
    (aiohttp.ServerDisconnectedError(), Verdict.TEMPORARY, "connect", "4.4.2"),
    (aiohttp.ClientOSError(104, "reset"), Verdict.TEMPORARY, "connect", "4.4.2"),
    (ConnectionResetError(), Verdict.TEMPORARY, "connect", "4.4.2"),
    (aiohttp.InvalidURL("made-up"), Verdict.OURS, "error", "4.3.5"),
    (aiohttp.ClientPayloadError("made-up"), Verdict.OURS, "error", "4.3.5"),
    (RuntimeError("made-up"), Verdict.OURS, "error", "4.3.5"),
]


@pytest.mark.parametrize(("error", "verdict", "code", "status"), ERRORS, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("attempt", [Attempt(), Attempt(begun=True, kept_back=True)], ids=["early", "kept back"])
def test_what_certainly_did_not_leave(
    error: Exception, verdict: Verdict, code: str, status: str, attempt: Attempt
) -> None:
    found = receipt(error, attempt)
    assert (found.verdict, found.code, found.status) == (verdict, code, status)
    assert found.alert is (verdict is Verdict.OURS)
    assert found.scope is (Scope.MESSAGE if code == "error" else Scope.ACCOUNT)
    assert found.text
    assert "made-up" not in found.text


@pytest.mark.parametrize("error", [row[0] for row in ERRORS], ids=lambda error: type(error).__name__)
def test_what_may_have_left_is_unknown_whatever_the_error(error: Exception) -> None:
    found = receipt(error, Attempt(begun=True))
    assert (found.verdict, found.scope, found.status, found.code) == (Verdict.UNKNOWN, Scope.MESSAGE, "4.4.2", "lost")
    assert found.alert is isinstance(error, RuntimeError)
    assert type(error).__name__ in found.text
    assert ("no answer in time" in found.text) is isinstance(error, TimeoutError)


@pytest.mark.parametrize(
    ("reason", "verdict"),
    [
        ("UNSUPPORTED_PROTOCOL", Verdict.OURS),
        ("TLSV1_ALERT_PROTOCOL_VERSION", Verdict.OURS),
        ("EOF", Verdict.TEMPORARY),
    ],
)
def test_a_server_too_old_is_a_lasting_reason(reason: str, verdict: Verdict) -> None:
    cause = ssl.SSLError(1, "x")
    cause.reason = reason
    assert receipt(aiohttp.ClientConnectorSSLError(KEY, cause), Attempt()).verdict is verdict
