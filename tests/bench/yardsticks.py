"""What one would write without the bridge: `python -m tests.bench.yardsticks KIND PORT [PORT BEHIND | FILE]`.

`null` answers a notification and forgets it, `single` commits each by itself before it answers, `relay` is the naive
script: a mail of EmailMessage over a connection of its own for each SMS, nothing stored. `forward` is the least there
is between a mail and a provider: canned SMTP replies, and the content posted over a kept connection as it comes. All on
uvloop, which is in their favour, and answering as the bridge does.
"""

import asyncio
import json
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from typing import cast

import aiosmtplib
import uvloop
from aiohttp import web

_TAKEN = '{"statusCode":2000,"statusMessage":"ok"}'


async def _null(_port: int, _more: str) -> Callable[[bytes], Awaitable[None]]:
    async def keep(_body: bytes) -> None:
        return None

    return keep


async def _single(_port: int, file: str) -> Callable[[bytes], Awaitable[None]]:
    # A thread, as one must not stop the loop for a disk; one, since SQLite has one writer.
    pool = ThreadPoolExecutor(1)
    loop = asyncio.get_running_loop()

    def opened() -> sqlite3.Connection:
        db = sqlite3.connect(file, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE notifications (id TEXT PRIMARY KEY, body BLOB NOT NULL, state TEXT NOT NULL)")
        return db

    db = await loop.run_in_executor(pool, opened)

    async def keep(body: bytes) -> None:
        row = (json.loads(body)["notificationId"], body)
        sql = "INSERT INTO notifications (id, body, state) VALUES (?, ?, 'queued')"
        await loop.run_in_executor(pool, db.execute, sql, row)

    return keep


async def _relay(_port: int, smarthost: str) -> Callable[[bytes], Awaitable[None]]:
    async def keep(body: bytes) -> None:
        sms = json.loads(body)
        mail = EmailMessage()
        mail["From"] = f"{sms['senderAddress']}@sms.example.com"
        mail["To"] = "office@example.org"
        mail["Subject"] = f"SMS from +{sms['senderAddress']}"
        mail.set_content(sms["textMessageContent"])
        await aiosmtplib.send(mail, hostname="127.0.0.1", port=int(smarthost), start_tls=False)

    return keep


WEB = {"null": _null, "single": _single, "relay": _relay}


async def _serve(kind: str, port: int, more: str) -> None:
    keep = await WEB[kind](port, more)

    async def take(request: web.Request) -> web.Response:
        await keep(await request.read())
        return web.Response(text=_TAKEN, content_type="application/json")

    app = web.Application()
    app.router.add_post("/websms/{secret}", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1000).start()
    await asyncio.Event().wait()


class _Http(asyncio.Protocol):
    """The kept connection to the provider; what it answers is not looked at."""


class _Forward(asyncio.Protocol):
    """Says what must be said and posts what comes after DATA; the connection for that is there before the greeting."""

    def __init__(self, provider: int) -> None:
        self._port = provider
        self._provider: asyncio.WriteTransport | None = None
        self._heard: bytes | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._dialling = asyncio.get_running_loop().create_task(self._dial())

    def connection_lost(self, exc: Exception | None) -> None:
        self._dialling.cancel()
        if self._provider is not None:
            self._provider.close()

    def data_received(self, data: bytes) -> None:
        if self._heard is None:
            self._heard = b"" if data.startswith(b"DATA") else None
            self._transport.write(b"250 2.0.0 OK\r\n" if self._heard is None else b"354 go on\r\n")
            return
        self._heard += data
        if self._heard.endswith(b"\r\n.\r\n") and self._provider is not None:
            self._provider.write(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(self._heard), self._heard))
            self._transport.write(b"250 2.0.0 OK\r\n")
            self._heard = None

    async def _dial(self) -> None:
        self._provider, _ = await asyncio.get_running_loop().create_connection(_Http, "127.0.0.1", self._port)
        self._transport.write(b"220 forward.example.com ESMTP\r\n")


async def _forward(port: int, provider: int) -> None:
    await asyncio.get_running_loop().create_server(lambda: _Forward(provider), "127.0.0.1", port)
    await asyncio.Event().wait()


def main() -> None:
    """Serve until killed."""
    kind, port, more = sys.argv[1], int(sys.argv[2]), "".join(sys.argv[3:4])
    uvloop.run(_forward(port, int(more)) if kind == "forward" else _serve(kind, port, more))


if __name__ == "__main__":
    main()
