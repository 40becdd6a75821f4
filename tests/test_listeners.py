"""Where an HTTP application is served."""

import asyncio
import logging
import os
import socket
import subprocess
import sys
from asyncio import StreamWriter as Writer
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bridge.census import Census, shared
from bridge.config import Endpoint
from bridge.crowd import Bounds
from bridge.listeners import HttpListener
from bridge.routing import Network
from tests.flows.program import ROOT
from tests.wait import PATIENCE, until, until_async

LONG = 16 * 1024 * 1024
"""Octets that no socket's buffers hold."""

ANY = Endpoint(host="127.0.0.1", port=0)


class Slow:
    """An application whose answer waits."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.asked = 0
        self.app = web.Application()
        self.app.router.add_get("/", self.answer)
        self.app.router.add_get("/long", self.long)

    async def answer(self, _: web.Request) -> web.Response:
        self.asked += 1
        await self.gate.wait()
        return web.Response(text="yes")

    async def long(self, _: web.Request) -> web.Response:
        return web.Response(body=b"x" * LONG)


async def test_it_serves_on_every_address_and_then_no_more() -> None:
    slow = Slow()
    slow.gate.set()
    listener = HttpListener(slow.app)
    await listener.open([ANY, ANY])
    one, two = listener.ports
    assert one != two
    async with aiohttp.ClientSession() as client:
        for port in (one, two):
            async with client.get(f"http://127.0.0.1:{port}/") as answer:
                assert await answer.text() == "yes"
    await listener.close()
    with pytest.raises(OSError, match=r"refused|Connect"):
        await asyncio.open_connection("127.0.0.1", one)
    await listener.close()  # twice is no error


async def test_sockets_that_were_handed_over_take_the_place_of_the_addresses() -> None:
    slow = Slow()
    slow.gate.set()
    with socket.socket() as handed:
        handed.bind(("127.0.0.1", 0))
        handed.listen()
        port = handed.getsockname()[1]
        listener = HttpListener(slow.app)
        await listener.open([ANY], [handed])
        assert listener.ports == [port]
        async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{port}/") as answer:
            assert answer.status == 200
        await listener.close()


async def test_of_two_on_one_socket_each_takes_its_part_of_a_crowd() -> None:
    descriptor = shared(2)
    counts = [Census(descriptor, rows=2, row=row) for row in range(2)]
    os.close(descriptor)
    slows = [Slow(), Slow()]
    listeners = [HttpListener(slow.app, census=own, at_once=1) for slow, own in zip(slows, counts, strict=True)]
    with socket.create_server(("127.0.0.1", 0)) as server:
        for listener, slow in zip(listeners, slows, strict=True):
            slow.gate.set()
            await listener.open((), [server.dup()])
        async with AsyncExitStack() as stack:
            opened = [await stack.enter_async_context(connected(server.getsockname()[1])) for _ in range(12)]
            assert all([await answered(*one) for one in opened])
            assert all(slow.asked for slow in slows)
            assert sum(slow.asked for slow in slows) == 12
    for listener in listeners:
        await listener.close()


async def test_a_taken_port_is_an_oserror() -> None:
    first, second = HttpListener(Slow().app), HttpListener(Slow().app)
    await first.open([ANY])
    with pytest.raises(OSError, match="in use"):
        await second.open([Endpoint(host="127.0.0.1", port=first.ports[0])])
    await first.close()
    await second.close()


async def test_closing_lets_requests_under_way_end() -> None:
    slow = Slow()
    listener = HttpListener(slow.app)
    await listener.open([ANY])
    async with aiohttp.ClientSession() as client:
        request = asyncio.create_task(client.get(f"http://127.0.0.1:{listener.ports[0]}/"))
        await until(lambda: slow.asked)
        closing = asyncio.create_task(listener.close())
        await asyncio.sleep(0.05)
        slow.gate.set()
        answer = await request
        assert (answer.status, await answer.text()) == (200, "yes")
        answer.release()
        await closing


LIMIT, CALLERS = 48, 80
CRAMPED = f"""
import asyncio, ctypes, resource, sys
ctypes.CDLL(None).prctl(1, 9)  # the kernel ends this process when the test goes
import uvloop
from bridge import log
from bridge.listeners import HttpListener
from tests.test_listeners import ANY, Slow

async def main():
    slow = Slow()
    slow.gate.set()
    listener = HttpListener(slow.app)
    await listener.open([ANY])
    resource.setrlimit(resource.RLIMIT_NOFILE, ({LIMIT}, {LIMIT}))
    print(listener.ports[0], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await listener.close()

log.configure(json=False)
uvloop.run(main())
"""


async def test_without_descriptors_accepting_pauses_and_recovers(tmp_path: Path) -> None:
    said = tmp_path / "log"
    with said.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", CRAMPED],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        port = int(process.stdout.readline())
        async with AsyncExitStack() as stack:
            callers = [await stack.enter_async_context(connected(port)) for _ in range(CALLERS)]
            await until(lambda: "accepting paused" in said.read_text(), "the log says so")
            assert await answered(*callers[0]), "whoever is in is served as ever"
            for reader, writer in callers:  # one after the other they go, and whoever waits gets his turn
                assert await answered(reader, writer)
                writer.close()
        process.stdin.close()
        assert process.wait(PATIENCE) == 0, said.read_text()
    assert said.read_text().count("accepting paused") == 1
    assert "Traceback" not in said.read_text()


# --- bounds

FEW = Bounds(header_within=0.3, connections=4, per_address=2, spare_loopback=False)


@asynccontextmanager
async def bounded(
    bounds: Bounds = FEW, spared: Callable[[], tuple[Network, ...]] = tuple, *, gate: bool = True
) -> AsyncIterator[tuple[int, Slow]]:
    slow = Slow()
    if gate:
        slow.gate.set()
    listener = HttpListener(slow.app, bounds=bounds, spared=spared)
    await listener.open([Endpoint(host="0.0.0.0", port=0)])  # noqa: S104  # so that each address of loopback reaches it
    try:
        yield listener.ports[0], slow
    finally:
        slow.gate.set()
        await listener.close()


@asynccontextmanager
async def connected(port: int, address: str = "127.0.0.1") -> AsyncIterator[tuple[asyncio.StreamReader, Writer]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    try:
        yield reader, writer
    finally:
        writer.close()


async def is_closed(reader: asyncio.StreamReader) -> bool:
    """Whether the other side ends it while nothing is asked."""
    try:
        return await asyncio.wait_for(reader.read(), PATIENCE) == b""
    except ConnectionError:
        return True


async def answered(reader: asyncio.StreamReader, writer: Writer) -> bool:
    """Whether a request is answered; the connection stays open."""
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        await reader.readexactly(3)
    except (ConnectionError, asyncio.IncompleteReadError):
        return False
    return head.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("said", [b"", b"G", b"\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n"])
async def test_a_header_that_does_not_come_ends_the_connection(said: bytes) -> None:
    async with bounded() as (port, slow), connected(port) as (reader, writer):
        writer.write(said)
        assert await is_closed(reader)
        assert slow.asked == 0


async def test_a_trickle_does_not_lengthen_the_deadline() -> None:
    async with bounded() as (port, slow), connected(port) as (reader, writer):
        closed = asyncio.create_task(is_closed(reader))
        for byte in b"GET / HTTP/1.1\r\nX: " + b"x" * 10_000:
            if closed.done():
                break
            writer.write(bytes([byte]))
            await asyncio.sleep(0.01)
        assert await closed
        assert slow.asked == 0


async def test_an_answer_may_take_longer_than_the_header() -> None:
    async with bounded(gate=False) as (port, slow), connected(port) as (reader, writer):
        answer = asyncio.create_task(answered(reader, writer))
        await until(lambda: slow.asked)
        await asyncio.sleep(FEW.header_within * 2)
        slow.gate.set()
        assert await answer
        assert await answered(reader, writer), "and the connection goes on"


async def test_connections_of_one_address_are_bounded_and_others_come_in() -> None:
    bounds = replace(FEW, header_within=PATIENCE)
    async with bounded(bounds) as (port, _), AsyncExitStack() as stack:
        held = [await stack.enter_async_context(connected(port)) for _ in range(bounds.per_address)]
        assert all([await answered(*one) for one in held])
        assert not await answered(*await stack.enter_async_context(connected(port)))
        other = await stack.enter_async_context(connected(port, "127.0.0.2"))
        assert await answered(*other)
        held[0][1].close()

        async def place() -> bool:
            async with connected(port) as again:
                return await answered(*again)

        await until_async(place, "the place of one that went is free")


async def test_all_connections_are_bounded() -> None:
    bounds = replace(FEW, header_within=PATIENCE)
    async with bounded(bounds) as (port, _), AsyncExitStack() as stack:
        for number in range(bounds.connections):
            one = await stack.enter_async_context(connected(port, f"127.0.1.{number + 1}"))
            assert await answered(*one)
        assert not await answered(*await stack.enter_async_context(connected(port, "127.0.2.1")))


@pytest.mark.parametrize(
    ("bounds", "spared"),
    [(replace(FEW, spare_loopback=True), ()), (FEW, (ip_network("127.0.0.0/8"),))],
    ids=["loopback", "networks"],
)
async def test_a_proxy_is_not_counted(bounds: Bounds, spared: tuple[Network, ...]) -> None:
    async with (
        bounded(replace(bounds, header_within=PATIENCE), lambda: spared) as (port, _),
        AsyncExitStack() as stack,
    ):
        for _ in range(bounds.connections * 3):
            assert await answered(*await stack.enter_async_context(connected(port)))


async def test_who_reads_no_answer_loses_his_place() -> None:
    async with bounded(replace(FEW, unread_within=0.3)) as (port, _), AsyncExitStack() as stack:
        for _ in range(FEW.per_address):
            reader, writer = await stack.enter_async_context(connected(port))
            writer.write(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await asyncio.wait_for(reader.readline(), PATIENCE) == b"HTTP/1.1 200 OK\r\n"

        async def place() -> bool:
            async with connected(port) as again:
                return await answered(*again)

        await until_async(place, "the place of one that does not read")


async def test_who_reads_gets_all() -> None:
    async with bounded(replace(FEW, unread_within=PATIENCE)) as (port, _), connected(port) as (reader, writer):
        writer.write(b"GET /long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        said = await asyncio.wait_for(reader.read(), 3 * PATIENCE)
    assert len(said.partition(b"\r\n\r\n")[2]) == LONG


@pytest.mark.parametrize(
    "said",
    [
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: x\r\n" * 20_000 + b"\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n\x16\x03\x01\x02\x00",
    ],
    ids=["address", "long", "many", "length", "then TLS"],
)
async def test_what_is_no_http_is_answered_and_is_no_error_of_ours(
    said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever reaches a listener could fill the log with tracebacks, and with what he sent."""
    async with bounded() as (port, _), connected(port) as (reader, writer):
        writer.write(said)
        assert b" 400 Bad Request\r\n" in await asyncio.wait_for(reader.read(), PATIENCE)
    assert not [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_mistake_of_ours_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def break_down(_: web.Request) -> web.Response:
        raise ValueError("a bug")

    app = web.Application()
    app.router.add_get("/", break_down)
    listener = HttpListener(app)
    await listener.open([ANY])
    async with connected(listener.ports[0]) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b" 500 " in await asyncio.wait_for(reader.read(), PATIENCE)
    await listener.close()
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ValueError]


async def test_an_answer_that_ends_just_when_it_closes_does_not_keep_it_from_it() -> None:
    listener = HttpListener(web.Application())
    await listener.open([Endpoint(host="127.0.0.1", port=0)])
    answering = asyncio.create_task(asyncio.sleep(0, None))
    listener._under_way.add(answering)
    answering.add_done_callback(listener._under_way.discard)
    for _ in range(2):  # now it has ended, and the set is told in the next turn
        await asyncio.sleep(0)
    assert answering.done()
    assert listener._under_way
    await listener.close()
    assert not listener.ports
