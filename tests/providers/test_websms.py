"""The websms client against real servers: what it asks, what it makes of answers, and of there being none."""

import asyncio
import base64
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer
from aioresponses import aioresponses

from bridge.message import Channel, Delivery, Receipt, Scope, Sms, Verdict, encode_sms
from bridge.providers import PROVIDERS, Provider
from bridge.providers.websms import Websms
from bridge.providers.websms.client import sender_address
from bridge.providers.websms.network import Attempt, Body

NOW = 1_700_000_000.0
TOKEN = "token-made-up"
PATH = "/rest/smsmessaging/text"
SHORT = aiohttp.ClientTimeout(total=5, connect=5, sock_read=0.2)
ACCEPTED = {
    "statusCode": 2000,
    "statusMessage": "OK",
    "clientMessageId": "m1-1",
    "transferId": "0068f1a2b3000a1b2c3d",
    "smsCount": 2,
}

Raw = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def delivery(sms: Sms | None = None, **changes: Any) -> Delivery:
    given: dict[str, Any] = {
        "id": "m1-1",
        "mail": "m1",
        "channel": Channel.SMS,
        "recipient": "436600000001",
        "payload": encode_sms(sms or Sms(text="Platte zu 95 % voll: größer kaufen")),
        "created_at": NOW,
        "next_at": NOW,
        "expires_at": NOW + 3600,
    }
    return Delivery(**(given | changes))


class Site:
    """A real HTTP server that records each request and gives the answer it was told to."""

    def __init__(self) -> None:
        self.requests: list[web.BaseRequest] = []
        self.bodies: list[bytes] = []
        self.peers: set[object] = set()
        self.reply: Callable[[], web.StreamResponse] = lambda: web.json_response(ACCEPTED)

    async def take(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(request)
        self.bodies.append(await request.read())
        assert request.transport is not None
        self.peers.add(request.transport.get_extra_info("peername"))
        return self.reply()

    @property
    def fields(self) -> dict[str, Any]:
        found = json.loads(self.bodies[-1])
        assert isinstance(found, dict)
        return found


@asynccontextmanager
async def site() -> AsyncIterator[tuple[Site, str]]:
    wanted = Site()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", wanted.take)
    async with TestServer(app) as server:
        yield wanted, str(server.make_url("/rest"))


@asynccontextmanager
async def raw(talk: Raw, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server that says whatever bytes it wants; yields its base URL."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await talk(reader, writer)
        except (OSError, EOFError):
            pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    scheme = "http" if context is None else "https"
    try:
        yield f"{scheme}://localhost:{server.sockets[0].getsockname()[1]}/rest"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def client(url: str, **settings: Any) -> AsyncIterator[Websms]:
    given = settings if "username" in settings else {"token": TOKEN} | settings
    websms = Websms(url=url, **given)
    try:
        yield websms
    finally:
        await websms.close()


async def sent_to(url: str, **settings: Any) -> Receipt:
    async with client(url, **settings) as websms:
        return await websms.send(delivery(), NOW)


async def request_of(reader: asyncio.StreamReader) -> bytes:
    """Reads one whole request."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    return head + await reader.readexactly(length)


def response(
    body: bytes, *, status: str = "200 OK", kind: str = "application/json", length: int | None = None
) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n\r\n".encode() + body


# --- what is asked ---------------------------------------------------------------------------------------------------


async def test_it_is_a_provider_and_listed() -> None:
    provider: Provider = Websms(url="https://api.example.com/rest", token=TOKEN)  # mypy is the test
    await provider.close()
    for module in PROVIDERS.values():
        import_module(module)


async def test_the_smallest_request_holds_nothing_that_is_not_set() -> None:
    async with site() as (there, url), client(url) as websms:
        found = await websms.send(delivery(), NOW)
        assert there.requests[0].method == "POST"
        assert there.requests[0].path == PATH
        assert there.fields == {
            "recipientAddressList": ["436600000001"],
            "messageContent": "Platte zu 95 % voll: größer kaufen",
            "maxSmsPerMessage": 3,
            "clientMessageId": "m1-1",
            "validityPeriode": 3600,
        }
    assert found == Receipt(
        verdict=Verdict.ACCEPTED,
        code="2000",
        text="OK",
        status="2.0.0",
        transfer_id="0068f1a2b3000a1b2c3d",
        parts=2,
    )


async def test_the_fullest_request() -> None:
    sms = Sms(text="x", originator="4366099887766", max_parts=9, flash=True, priority=0, category="informational")
    callback = "https://bridge.example.net/websms/s3cret-made-up"
    async with site() as (there, url), client(url, test=True, callback_url=callback) as websms:
        await websms.send(delivery(sms), NOW)
        assert there.fields == {
            "recipientAddressList": ["436600000001"],
            "messageContent": "x",
            "senderAddress": "4366099887766",
            "senderAddressType": "international",
            "maxSmsPerMessage": 9,
            "clientMessageId": "m1-1",
            "validityPeriode": 3600,
            "notificationCallbackUrl": callback,
            "sendAsFlashSms": True,
            "priority": 0,
            "contentCategory": "informational",
            "test": True,
        }


async def test_headers() -> None:
    async with site() as (there, url), client(url) as websms:
        await websms.send(delivery(), NOW)
        headers = there.requests[0].headers
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert headers["Accept"] == "application/json"
    assert headers["Content-Type"] == "application/json;charset=UTF-8"
    assert headers["User-Agent"].startswith("smsbridge/")
    assert headers["Content-Length"] == str(len(there.bodies[0]))
    assert "Expect" not in headers
    assert "Cookie" not in headers
    assert "Transfer-Encoding" not in headers


async def test_basic_authentication_is_utf8() -> None:
    async with site() as (there, url), client(url, username="anna@example.com", password="größe") as websms:
        await websms.send(delivery(), NOW)
        scheme, _, value = there.requests[0].headers["Authorization"].partition(" ")
    assert scheme == "Basic"
    assert base64.b64decode(value).decode() == "anna@example.com:größe"


@pytest.mark.parametrize(("left", "asked"), [(-5.0, 60), (59.0, 60), (61.9, 61), (259_200.0, 259_200), (9e9, 259_200)])
async def test_validity_is_what_is_left_within_bounds(left: float, asked: int) -> None:
    async with site() as (there, url), client(url) as websms:
        await websms.send(delivery(expires_at=NOW + left), NOW)
        assert there.fields["validityPeriode"] == asked


@pytest.mark.parametrize(
    ("originator", "expected"),
    [
        ("436600000001", ("436600000001", "international")),
        ("+436600000001", ("436600000001", "international")),
        ("4366000", ("4366000", "international")),
        ("0828270000001", ("0828270000001", "national")),
        ("800100", ("800100", "shortcode")),
        ("80", ("80", "shortcode")),
        ("ALARM", ("ALARM", "alphanumeric")),
        ("Alarm 24", ("Alarm 24", "alphanumeric")),
        ("٠١٢٣٤٥٦٧", ("٠١٢٣٤٥٦٧", "alphanumeric")),
    ],
)
def test_sender_address(originator: str, expected: tuple[str, str]) -> None:
    assert sender_address(originator) == expected


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "api.example.com", "token": "x"},
        {"url": "ftp://api.example.com", "token": "x"},
        {"url": "https://me:secret@api.example.com/rest", "token": "x"},
        {"url": "https://api.example.com/rest?access_token=1", "token": "x"},
        {"url": "https://api.example.com/rest"},
        {"url": "https://api.example.com/rest", "token": "two words\r\nX: y"},
        {"url": "https://api.example.com/rest", "token": ""},
        {"url": "https://api.example.com/rest", "username": "anna"},
        {"url": "https://api.example.com/rest", "username": "a:b", "password": "x"},
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"url|token|username"):
        Websms(**settings)  # type: ignore[arg-type] # each row is a set of keyword arguments


def test_secrets_do_not_show() -> None:
    websms = Websms(url="https://api.example.com/rest", username="anna", password="geheim-made-up")
    assert "geheim-made-up" not in repr(websms)


async def test_a_payload_that_cannot_be_read_is_held_and_not_sent() -> None:
    async with site() as (there, url), client(url) as websms:
        for payload in (b"{", b"[]", b'{"text":"x","colour":"red"}', b"\xff"):
            found = await websms.send(delivery(payload=payload), NOW)
            assert (found.verdict, found.scope, found.alert) == (Verdict.OURS, Scope.MESSAGE, True)
        assert not there.requests


# --- connections -----------------------------------------------------------------------------------------------------


async def test_one_connection_serves_many_calls() -> None:
    async with site() as (there, url), client(url) as websms:
        for _ in range(5):
            assert (await websms.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        assert len(there.peers) == 1


async def test_at_most_max_in_flight_connections() -> None:
    async with site() as (there, url), client(url, max_in_flight=3) as websms:
        found = await asyncio.gather(*(websms.send(delivery(), NOW) for _ in range(20)))
        assert {receipt.verdict for receipt in found} == {Verdict.ACCEPTED}
        assert len(there.peers) <= 3


async def test_a_client_can_be_used_again_after_close() -> None:
    async with site() as (there, url), client(url) as websms:
        await websms.send(delivery(), NOW)
        await websms.close()
        await websms.close()
        assert (await websms.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        assert len(there.requests) == 2


async def test_a_redirect_is_not_followed() -> None:
    async with site() as (there, url), client(url) as websms:
        for status in (301, 302, 303, 307, 308):
            there.requests.clear()
            there.reply = lambda status=status: web.Response(  # type: ignore[misc] # bound now, called without
                status=status, headers={"Location": "/elsewhere"}
            )
            found = await websms.send(delivery(), NOW)
            assert (found.verdict, found.scope, found.alert) == (Verdict.OURS, Scope.ACCOUNT, True)
            assert len(there.requests) == 1


async def test_retry_after_comes_from_the_header() -> None:
    async with site() as (there, url), client(url) as websms:
        there.reply = lambda: web.Response(status=429, headers={"Retry-After": "17"})
        found = await websms.send(delivery(), NOW)
    assert (found.verdict, found.retry_after) == (Verdict.THROTTLED, 17.0)


async def test_our_secrets_do_not_come_back_in_the_providers_words() -> None:
    callback = "https://bridge.example.net/websms/s3cret-made-up"
    async with site() as (there, url), client(url, callback_url=callback) as websms:
        there.reply = lambda: web.json_response(
            {"statusCode": 4016, "statusMessage": f"bad {callback} or s3cret-made-up for {TOKEN}"}
        )
        found = await websms.send(delivery(), NOW)
    assert found.text == "bad … or … for …"


# --- no answer: nothing left -----------------------------------------------------------------------------------------


async def test_refused_connection_is_surely_not_sent() -> None:
    async with raw(_silent) as url:
        pass
    found = await sent_to(url)
    assert (found.verdict, found.status, found.alert) == (Verdict.TEMPORARY, "4.4.1", False)


async def test_a_name_that_does_not_exist_is_surely_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)  # asking a real resolver takes as long as it likes
    found = await sent_to("https://nowhere.invalid/rest")
    assert (found.verdict, found.code, found.status) == (Verdict.TEMPORARY, "dns", "4.4.3")


async def test_a_handshake_without_answer_is_surely_not_sent() -> None:
    async with raw(_silent) as url:
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


async def test_a_valid_certificate() -> None:
    server, authority = _authority("localhost")
    async with raw(_accepting, server) as url:
        found = await sent_to(url, ssl_context=_trusting(authority))
    assert found.verdict is Verdict.ACCEPTED


@pytest.mark.parametrize(("name", "trusted"), [("localhost", False), ("other.example.com", True)])
async def test_a_bad_certificate_is_ours(name: str, trusted: bool) -> None:
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


async def test_a_server_with_old_tls_is_ours() -> None:
    async def too_old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(bytes([21, 3, 1, 0, 2, 2, 70]))  # TLS record: fatal alert, protocol_version
        await writer.drain()

    async with raw(too_old) as url:
        found = await sent_to(url.replace("http:", "https:"))
    assert (found.verdict, found.scope, found.status) == (Verdict.OURS, Scope.ACCOUNT, "4.7.5")


# --- no answer: it may have left -------------------------------------------------------------------------------------


async def _silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def _accepting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await request_of(reader)
        writer.write(response(json.dumps(ACCEPTED).encode()))
        await writer.drain()


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
    "talk", [_silent, _slow_body, _shut, _reset, _half_head, _half_body, _no_http, _endless, _huge_head]
)
async def test_what_happens_after_the_request_left_is_unknown(talk: Raw) -> None:
    async with raw(talk) as url:
        found = await sent_to(url, timeout=SHORT)
    assert found.verdict is Verdict.UNKNOWN
    assert found.scope is Scope.MESSAGE
    assert found.status == "4.4.2"
    assert found.text


@pytest.mark.parametrize(("size", "verdict"), [(65_536, Verdict.ACCEPTED), (65_537, Verdict.UNKNOWN)])
async def test_an_answer_is_read_up_to_64_kib(size: int, verdict: Verdict) -> None:
    async with site() as (there, url), client(url) as websms:
        there.reply = lambda: web.Response(
            body=json.dumps(ACCEPTED).encode().ljust(size), content_type="application/json"
        )
        assert (await websms.send(delivery(), NOW)).verdict is verdict


async def test_a_post_is_never_repeated_by_itself() -> None:
    asked: list[bytes] = []

    async def once_then_shut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await request_of(reader))
        writer.write(response(json.dumps(ACCEPTED).encode()))
        await writer.drain()
        asked.append(await request_of(reader))

    async with raw(once_then_shut) as url, client(url) as websms:
        assert (await websms.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        assert (await websms.send(delivery(), NOW)).verdict is Verdict.UNKNOWN
    assert len(asked) == 2


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


async def test_cancelling_a_call_is_passed_on() -> None:
    asked = asyncio.Event()

    async def hold(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await request_of(reader)
        asked.set()
        await asyncio.Event().wait()

    async with raw(hold) as url, client(url) as websms:
        call = asyncio.create_task(websms.send(delivery(), NOW))
        await asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


# --- aioresponses ----------------------------------------------------------------------------------------------------


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


async def test_an_answer_through_aioresponses() -> None:
    with aioresponses() as mocked:
        mocked.post("https://api.example.com" + PATH, payload=ACCEPTED)
        found = await sent_to("https://api.example.com/rest/")
    assert found.verdict is Verdict.ACCEPTED


async def test_the_repair_of_aioresponses_is_still_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the repair in tests/conftest.py when this fails: aioresponses can do without it."""
    monkeypatch.setattr("aioresponses.core.ClientResponse", aiohttp.ClientResponse)
    with aioresponses() as mocked:
        mocked.get("https://api.example.com/", payload={})
        async with aiohttp.ClientSession() as session:
            with pytest.raises(TypeError, match="stream_writer"):
                await session.get("https://api.example.com/")
