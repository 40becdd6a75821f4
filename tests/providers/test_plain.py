"""Calls without an HTTP library: they must say and hear the same as those of aiohttp, and find out the same faults."""

import asyncio
import json
import zlib
from collections.abc import Callable

import aiohttp
import pytest
import uvloop
from aiohttp import web
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from bridge.message import Receipt, Scope, Sms, Verdict
from bridge.providers.websms import Websms, network, plain
from tests.providers.servers import (
    ACCEPTED,
    NOW,
    SHORT,
    TOKEN,
    Raw,
    client,
    delivery,
    raw,
    request_of,
    response,
    silent,
    site,
)
from tests.providers.test_network import (
    _authority,
    _endless,
    _half_body,
    _half_head,
    _huge_head,
    _no_http,
    _reset,
    _shut,
    _slow_body,
    _trusting,
)

GOOD = json.dumps(ACCEPTED).encode()
REFUSED = json.dumps({"statusCode": 4001, "statusMessage": "bad"}).encode()
JSON = b"Content-Type: application/json\r\n"
GZIP = zlib.compress(GOOD, wbits=31)


def _of(head: bytes, body: bytes = GOOD) -> bytes:
    return head + JSON + b"\r\n" + body


PLAIN = [
    _of(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(GOOD)),
    _of(b"HTTP/1.1 200\r\ncontent-length:%d \r\nX-Empty:\r\n" % len(GOOD)),
    _of(b"HTTP/1.1 400 Not so\r\nConnection: Keep-Alive\r\nContent-Length: %d\r\n" % len(REFUSED), REFUSED),
    _of(b"HTTP/1.1 429 Slow\r\nRetry-After: 17\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nContent-Length: 0\r\n", b""),
    b"HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno",
    _of(b"HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n", GOOD.ljust(65536)),
]
OTHER = [
    _of(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n" % len(GOOD)),
    _of(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n" % len(GOOD)),
    _of(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", b"%x\r\n%b\r\n0\r\n\r\n" % (len(GOOD), GOOD)),
    _of(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", b"zz\r\n"),
    _of(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n" % len(GZIP), GZIP),
    _of(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n" % len(GOOD)),
    _of(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: %d\r\n" % len(GOOD)),
    _of(b"HTTP/1.1 200 OK\r\nContent-Length: +%d\r\n" % len(GOOD)),
    _of(b"HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n", GOOD.ljust(65537)),
    _of(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(GOOD), GOOD + b"HTTP/1.1 400 No\r\n\r\n"),
    _of(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n" % len(GOOD)),
    _of(b"HTTP/1.1 200 OK\r\nX: \xc3\xa4\r\nContent-Length: %d\r\n" % len(GOOD)),
    _of(b"HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nContent-Length: %d\r\n" % len(GOOD)),
    _of(b"HTTP/1.1 200 OK\nContent-Length: %d\r\n" % len(GOOD)),
    _of(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(GOOD)),
    _of(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(GOOD)),
    _of(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n", b""),
    _of(b"HTTP/1.1 204 None\r\n", b""),
    _of(b"HTTP/1.1 304 Same\r\nContent-Length: %d\r\n" % len(GOOD), b""),
    _of(b"HTTP/1.1 200 OK\r\nX: %b\r\nContent-Length: %d\r\n" % (b"x" * 5000, len(GOOD))),
    _of(b"HTTP/1.1 99 Odd\r\nContent-Length: %d\r\n" % len(GOOD)),
    _of(b"HTTP/1.1 200 OK\r\nno field\r\nContent-Length: %d\r\n" % len(GOOD)),
]
UNFRAMED = _of(b"HTTP/1.1 200 OK\r\n")
"""An answer that ends with its connection."""


def _says(octets: bytes) -> Raw:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(octets)
        await writer.drain()
        await asyncio.Event().wait()

    return talk


def _says_in_pieces(*pieces: bytes, shut: bool = False) -> Raw:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.02)  # they need not come apart, but mostly do
        if not shut:
            await asyncio.Event().wait()

    return talk


def _after_one(talk: Raw) -> Raw:
    """A server that first answers as it should."""

    async def both(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(response(GOOD))
        await writer.drain()
        await talk(reader, writer)

    return both


async def _once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.write(PLAIN[0])
    await reader.read()


async def _by_aiohttp(talk: Raw) -> Receipt:
    async with raw(talk) as url, client(url, timeout=SHORT) as websms:
        return await websms.send(delivery(), NOW)


async def _by_us(talk: Raw) -> Receipt:
    async with raw(_after_one(talk)) as url, client(url, timeout=SHORT) as websms:
        assert (await websms.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        return await websms.send(delivery(), NOW)


@pytest.fixture
def through_aiohttp(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A word for each call that aiohttp makes."""
    calls: list[str] = []
    original = network.Call.send

    async def noted(self: network.Call, conn: Connection) -> aiohttp.ClientResponse:
        calls.append(self.url.raw_path)
        return await original(self, conn)

    monkeypatch.setattr(network.Call, "send", noted)
    return calls


@pytest.mark.parametrize("octets", PLAIN)
def test_a_plain_answer_is_read(octets: bytes) -> None:
    found = plain.read(octets)
    assert found is not None
    assert found.body == octets.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("octets", [*OTHER, UNFRAMED, *(one[:-1] for one in PLAIN), *(one + b"x" for one in PLAIN)])
def test_any_other_is_not(octets: bytes) -> None:
    assert plain.read(octets) is None


@pytest.mark.parametrize("octets", [*PLAIN, *OTHER])
async def test_both_hear_the_same(octets: bytes) -> None:
    assert await _by_us(_says(octets)) == await _by_aiohttp(_says(octets))


@pytest.mark.parametrize(
    "talk",
    [
        _says_in_pieces(PLAIN[0][:10], PLAIN[0][10:70], PLAIN[0][70:]),
        _says_in_pieces(PLAIN[0][: -len(GOOD)], GOOD),
        _says_in_pieces(PLAIN[0], shut=True),
        _says_in_pieces(UNFRAMED[:50], UNFRAMED[50:], shut=True),
        _says_in_pieces(UNFRAMED, shut=True),
        _says_in_pieces(OTHER[2][:-10], shut=True),
        *(silent, _slow_body, _shut, _reset, _half_head, _half_body, _no_http, _endless, _huge_head),
    ],
)
async def test_both_find_out_the_same_faults(talk: Raw) -> None:
    assert await _by_us(talk) == await _by_aiohttp(talk)


def test_the_same_under_uvloop() -> None:
    async def compare() -> None:
        for talk in (_says(PLAIN[0]), _says(OTHER[2]), _says(OTHER[7]), _shut, _reset, _half_body, _endless):
            assert await _by_us(talk) == await _by_aiohttp(talk)

    uvloop.run(compare())


@pytest.mark.parametrize(
    "talk", [silent, _slow_body, _shut, _reset, _half_head, _half_body, _no_http, _endless, _huge_head]
)
async def test_row_86_what_happens_after_a_plain_request_left_is_unknown(talk: Raw) -> None:
    found = await _by_us(talk)
    assert (found.verdict, found.scope, found.status) == (Verdict.UNKNOWN, Scope.MESSAGE, "4.4.2")


async def test_both_say_the_same(through_aiohttp: list[str]) -> None:
    asked: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            asked.append(await request_of(reader))
            writer.write(response(GOOD))

    kinds = [delivery(), delivery(Sms(text="x", segments=(b"\x00" * 140,) * 255))]
    for settings in ({}, {"token_in": "query"}, {"username": "anna", "password": "größe"}):
        asked.clear()
        through_aiohttp.clear()
        async with raw(note) as url, client(url, **settings) as websms:
            for one in (*kinds, *kinds):
                assert (await websms.send(one, NOW)).verdict is Verdict.ACCEPTED
        assert len(through_aiohttp) == 2  # the first of each kind
        assert asked[:2] == asked[2:]


async def test_one_connection_serves_both(through_aiohttp: list[str]) -> None:
    async with site() as (there, url), client(url) as websms:
        for octets in (2, 70_000, 2, 2):
            there.reply = lambda octets=octets: web.json_response(  # type: ignore[misc] # bound now
                ACCEPTED, headers={"X-Long": "x" * (octets // 20)}
            )
            assert (await websms.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        assert (len(there.peers), len(there.requests), len(through_aiohttp)) == (1, 4, 1)


async def test_at_most_max_in_flight_connections_once_it_is_plain() -> None:
    async with site() as (there, url), client(url, max_in_flight=3) as websms:
        await websms.send(delivery(), NOW)
        found = await asyncio.gather(*(websms.send(delivery(), NOW) for _ in range(20)))
        assert {receipt.verdict for receipt in found} == {Verdict.ACCEPTED}
        assert len(there.peers) <= 3


async def _settled(websms: Websms, until: Callable[[ResponseHandler], bool]) -> None:
    """Wait until all that is kept open is so."""
    assert websms._session is not None
    assert isinstance(websms._session.connector, aiohttp.TCPConnector)
    async with asyncio.timeout(10):
        for kept in websms._session.connector._conns.values():
            while not all(until(protocol) for protocol, _ in kept):
                await asyncio.sleep(0.01)


async def test_row_85_a_provider_that_is_gone_is_surely_not_asked(through_aiohttp: list[str]) -> None:
    async with raw(_once) as url:
        websms = Websms(url=url, token=TOKEN)
        assert (await websms.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
    await _settled(websms, lambda protocol: not protocol.is_connected())
    found = await websms.send(delivery(), NOW)
    await websms.close()
    assert (found.verdict, found.code, found.status) == (Verdict.TEMPORARY, "connect", "4.4.1")
    assert len(through_aiohttp) == 1


async def test_row_90_a_certificate_that_changed_is_ours() -> None:
    good, authority = _authority("localhost")
    other, _ = _authority("localhost")
    async with raw(_once, good) as url:
        websms = Websms(url=url, token=TOKEN, ssl_context=_trusting(authority))
        assert (await websms.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
    await _settled(websms, lambda protocol: not protocol.is_connected())
    async with raw(_once, other, port=int(url.rpartition(":")[2].partition("/")[0])):
        found = await websms.send(delivery(), NOW)
    await websms.close()
    assert (found.verdict, found.scope, found.status) == (Verdict.OURS, Scope.ACCOUNT, "4.7.5")


async def test_tls_all_the_way() -> None:
    server, authority = _authority("localhost")
    for octets in (PLAIN[0], OTHER[2]):
        talk = _after_one(_says(octets))
        async with raw(talk, server) as url, client(url, ssl_context=_trusting(authority)) as websms:
            for _ in range(2):
                assert (await websms.send(delivery(), NOW)).verdict is Verdict.ACCEPTED


async def test_a_connection_closed_while_idle_is_not_used_again(through_aiohttp: list[str]) -> None:
    calls: list[bytes] = []

    async def noted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(await request_of(reader))
        writer.write(PLAIN[0])
        await writer.drain()

    async with raw(noted) as url, client(url) as websms:
        for _ in range(3):
            assert (await websms.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
            await _settled(websms, lambda protocol: not protocol.is_connected())
    assert (len(calls), len(through_aiohttp)) == (3, 1)


async def test_what_comes_unasked_is_no_answer() -> None:
    """It may be half of one, and the rest of it would answer the next call."""
    calls: list[bytes] = []

    async def talkative(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            calls.append(await request_of(reader))
            writer.write(PLAIN[0])
        await asyncio.sleep(0.05)  # not together with the answer
        writer.write(PLAIN[0])
        calls.append(await request_of(reader))

    async with raw(talkative) as url, client(url) as websms:
        for _ in range(2):
            assert (await websms.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        await _settled(websms, lambda protocol: protocol.should_close)
        found = await websms.send(delivery(), NOW)
        assert (found.verdict, found.status) == (Verdict.TEMPORARY, "4.4.2")
        assert len(calls) == 2
        assert (await websms.send(delivery(), NOW)).verdict is Verdict.ACCEPTED  # over another one


async def test_a_post_is_never_repeated() -> None:
    asked: list[bytes] = []

    async def twice_then_shut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            asked.append(await request_of(reader))
            writer.write(PLAIN[0])
        asked.append(await request_of(reader))

    async with raw(twice_then_shut) as url, client(url) as websms:
        found = [(await websms.send(delivery(), NOW)).verdict for _ in range(3)]
    assert found == [Verdict.ACCEPTED, Verdict.ACCEPTED, Verdict.UNKNOWN]
    assert len(asked) == 3


@pytest.mark.parametrize("octets", [b"", OTHER[2][:-10]], ids=["no answer yet", "half an answer"])
@pytest.mark.parametrize("way", ["cancelled", "closed"])
async def test_a_call_that_is_given_up_closes_its_connection(octets: bytes, way: str) -> None:
    asked, gone = asyncio.Event(), asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(octets)
        asked.set()
        try:
            await reader.read()
        finally:
            gone.set()

    async with raw(_after_one(hold)) as url, client(url) as websms:
        await websms.send(delivery(), NOW)
        call = asyncio.create_task(websms.send(delivery(), NOW))
        await asked.wait()
        if way == "cancelled":
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        else:
            await websms.close()
            assert (await call).verdict is Verdict.UNKNOWN
        async with asyncio.timeout(10):
            await gone.wait()
