"""Requests that are read without an HTTP library: what is plain, and that both ways say the same."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from bridge.config import Endpoint
from bridge.listeners import PLAIN, HttpListener
from bridge.posts import MOST, Answer, Head, Post, octets_of, read_head
from tests.wait import PATIENCE, until

HEAD = b"POST /in/1 HTTP/1.1\r\nHost: x.example.com\r\nContent-Length: 5\r\n"


class Counted:
    """An application that answers plain requests, and all others by aiohttp: with what it was sent."""

    def __init__(self) -> None:
        self.plain = self.others = 0
        self.broken = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.app = web.Application(client_max_size=MOST * 2)
        self.app.router.add_post("/in/1", self.other)
        self.app[PLAIN] = self.ask

    def ask(self, post: Post) -> Awaitable[Answer] | None:
        if post.head.path != "/in/1":
            return None
        self.plain += 1
        return self.answer(post.body)

    async def answer(self, body: bytes) -> Answer:
        await self.gate.wait()
        if self.broken:
            raise ValueError("a bug")
        return Answer(status=200, content_type="text/plain", body=body.upper(), headers={"X-Way": "same"})

    async def other(self, request: web.Request) -> web.Response:
        self.others += 1
        answer = await self.answer(await request.read())
        return web.Response(status=answer.status, body=answer.body, content_type="text/plain", headers=answer.headers)


Talk = tuple[Counted, asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def talking() -> AsyncIterator[Talk]:
    counted = Counted()
    listener = HttpListener(counted.app)
    await listener.open([Endpoint(host="127.0.0.1", port=0)])
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.ports[0])
    try:
        yield counted, reader, writer
    finally:
        writer.close()
        await listener.close()


async def answered(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    async with asyncio.timeout(PATIENCE):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-2])}
        return int(head[0].split()[1]), fields, await reader.readexactly(int(fields["content-length"]))


def test_a_plain_head_is_read() -> None:
    assert read_head(HEAD[:-2]) == Head(path="/in/1", length=5)
    named = HEAD + b"AUTHORIZATION: Basic eA==\r\nConnection: Keep-Alive\r\nX-Forwarded-For: 192.0.2.1, 192.0.2.2"
    assert read_head(named) == Head(path="/in/1", length=5, authorization="Basic eA==")


@pytest.mark.parametrize(
    "head",
    [
        HEAD.replace(b"POST", b"GET"),
        HEAD.replace(b"POST", b"post"),
        HEAD.replace(b"1.1", b"1.0"),
        HEAD.replace(b"/in/1", b"/in/%31"),
        HEAD.replace(b"/in/1", b"/in/1?x=1"),
        HEAD.replace(b"/in/1", b"/../1"),
        HEAD.replace(b"/in/1", b"http://x.example.com/in/1"),
        HEAD.replace(b" HTTP", b"  HTTP"),
        HEAD.replace(b"Host: x.example.com\r\n", b""),
        HEAD.replace(b"Host:", b"Host :"),
        HEAD.replace(b"Content-Length: 5", b"Content-Length: +5"),
        HEAD.replace(b"Content-Length: 5", b"Content-Length: 05"),
        HEAD.replace(b"Content-Length: 5", b"Content-Length: 0"),
        HEAD.replace(b"Content-Length: 5", b"Content-Length: 5, 5"),
        HEAD.replace(b"Content-Length: 5", b"Content-Length: %d" % (MOST + 1)),
        HEAD.replace(b"Content-Length: 5\r\n", b""),
        HEAD.replace(b"\r\n", b"\n"),
        HEAD + b"Content-Length: 5\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n",
        HEAD + b"Content-Encoding: gzip\r\n",
        HEAD + b"Expect: 100-continue\r\n",
        HEAD + b"Upgrade: h2c\r\n",
        HEAD + b"Connection: close\r\n",
        HEAD + b"Connection: keep-alive, upgrade\r\n",
        HEAD + b"Accept: a\r\n b\r\n",
        HEAD + b"Accept: a\x00b\r\n",
        HEAD + b"Accept: \xc3\xa4\r\n",
        HEAD + b"Accept:\r\n",
        HEAD + b"X-Unheard-Of: 1\r\n",
    ],
)
def test_what_is_anything_more_is_not_read(head: bytes) -> None:
    assert read_head(head[:-2]) is None


def test_an_answer_as_it_is_sent() -> None:
    answer = Answer(status=503, content_type="text/plain", body=b"no", headers={"Retry-After": "60"})
    assert octets_of(answer, 0.9) == (
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n"
        b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nRetry-After: 60\r\n\r\nno"
    )


async def test_plain_requests_follow_each_other_and_then_comes_another() -> None:
    async with talking() as (counted, reader, writer):
        for _ in range(3):
            writer.write(HEAD + b"\r\nhallo")
            assert (await answered(reader))[::2] == (200, b"HALLO")
        writer.write(HEAD + b"X-Unheard-Of: 1\r\n\r\nhallo")
        assert (await answered(reader))[::2] == (200, b"HALLO")
        writer.write(HEAD + b"\r\nhallo")  # it stays where it is
        assert (await answered(reader))[::2] == (200, b"HALLO")
        assert (counted.plain, counted.others) == (3, 2)


@pytest.mark.parametrize("cut", [1, 20, len(HEAD) + 1, len(HEAD) + 2, len(HEAD) + 4])
async def test_a_request_in_two_pieces(cut: int) -> None:
    async with talking() as (counted, reader, writer):
        whole = HEAD + b"\r\nhallo"
        writer.write(whole[:cut])
        await asyncio.sleep(0.02)
        writer.write(whole[cut:])
        assert (await answered(reader))[::2] == (200, b"HALLO")
        assert counted.plain == (1 if cut >= len(HEAD) + 2 else 0), "a header in pieces is aiohttp's"


async def test_a_body_that_is_late_or_in_many_pieces_is_left_to_aiohttp() -> None:
    async with talking() as (counted, reader, writer):
        writer.write(HEAD + b"\r\nhal")
        await until(lambda: counted.others, "patience ended")
        writer.write(b"lo")
        assert (await answered(reader))[::2] == (200, b"HALLO")
        assert counted.plain == 0


async def test_requests_sent_at_once_are_answered_in_turn() -> None:
    async with talking() as (counted, reader, writer):
        counted.gate.clear()
        writer.write(HEAD + b"\r\nhallo")
        await until(lambda: counted.plain, "the first is there")
        writer.write((HEAD + b"\r\nzweit") + HEAD + b"X-Unheard-Of: 1\r\n\r\ndritt")
        await asyncio.sleep(0.05)
        assert (counted.plain, counted.others) == (1, 0)
        counted.gate.set()
        assert [(await answered(reader))[2] for _ in range(3)] == [b"HALLO", b"ZWEIT", b"DRITT"]


async def test_both_ways_say_the_same() -> None:
    async with talking() as (counted, reader, writer):
        said = []
        for more in (b"", b"X-Unheard-Of: 1\r\n"):
            writer.write(HEAD + more + b"\r\nhallo")
            status, fields, body = await answered(reader)
            said.append((status, {name: fields[name] for name in fields if name not in {"date", "server"}}, body))
        plain, other = said
        assert plain == other
        assert (counted.plain, counted.others) == (1, 1)


async def test_what_is_refused_here_is_aiohttps() -> None:
    async with talking() as (counted, reader, writer):
        writer.write(HEAD.replace(b"/in/1", b"/in/2") + b"\r\nhallo")
        assert (await answered(reader))[0] == 404
        assert counted.plain == 0


@pytest.mark.parametrize("under_way", [True, False])
async def test_closing_answers_what_is_under_way(under_way: bool) -> None:
    counted = Counted()
    listener = HttpListener(counted.app)
    await listener.open([Endpoint(host="127.0.0.1", port=0)])
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.ports[0])
    writer.write(HEAD + b"\r\nhallo")
    assert (await answered(reader))[2] == b"HALLO"
    if under_way:
        counted.gate.clear()
        writer.write(HEAD + b"\r\nzweit")
        await until(lambda: counted.plain == 2, "the second is there")
    closing = asyncio.create_task(listener.close())
    await asyncio.sleep(0.05)
    assert closing.done() is not under_way
    counted.gate.set()
    if under_way:
        assert (await answered(reader))[2] == b"ZWEIT"
    await closing
    assert await reader.read() == b""
    writer.close()


async def test_an_answer_that_fails_closes_the_connection_and_is_logged(stream: io.StringIO) -> None:
    async with talking() as (counted, reader, writer):
        counted.broken = True
        writer.write(HEAD + b"\r\nhallo")
        async with asyncio.timeout(PATIENCE):
            assert await reader.read() == b""
    assert "a bug" in stream.getvalue()
