"""Servers that a websms client can be tried against, a client for them, and a delivery to send."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from bridge.message import Channel, Delivery, Receipt, Sms, encode_sms
from bridge.providers.websms import Websms

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
async def raw(talk: Raw, context: ssl.SSLContext | None = None, *, port: int = 0) -> AsyncIterator[str]:
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

    server = await asyncio.start_server(serve, "127.0.0.1", port, ssl=context)
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


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()
