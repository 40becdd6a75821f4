"""HTTP POSTs as fast as a server takes them, from a process of its own; its orders come as JSON on standard input.

Kept-open connections, one request after the other on each, finished octets, a bare protocol on uvloop. The body may
hold ``%(n)s``, the number of the request, as notifications must differ from each other.
"""

import asyncio
import json
import re
import sys
import time
from typing import Any, cast

import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)


class Posts:
    """`count` requests over `connections`; `good` is what each answer begins with. Times are of CLOCK_MONOTONIC."""

    def __init__(self, orders: dict[str, Any]) -> None:
        self.count: int = orders["count"]
        self.number: int = orders["first"]
        self.end = self.number + self.count
        self.good: bytes = orders["good"].encode()
        self.waits: list[float] = []
        self.began = self.ended = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lines = [f"POST {orders['path']} HTTP/1.1", "Host: bench.example.com", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in orders["headers"].items()]
        self._head = "\r\n".join(lines).encode() + b"\r\nContent-Length: "
        self._body = [part.encode() for part in orders["body"].split("%(n)s")]

    def request(self) -> bytes:
        """The next one."""
        body = (b"%d" % self.number).join(self._body)
        self.number += 1
        return b"%s%d\r\n\r\n%s" % (self._head, len(body), body)

    def answered(self, begun: float) -> None:
        """One more."""
        now = time.perf_counter()
        self.waits.append(now - begun)
        if len(self.waits) == self.count and not self.done.done():
            self.ended = now
            self.done.set_result(None)

    def fail(self, why: str) -> None:
        """The server is not what it should be."""
        if not self.done.done():
            self.done.set_exception(RuntimeError(why))


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, posts: Posts) -> None:
        self._posts = posts
        self._heard = b""
        self._begun = 0.0
        self._waiting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting:
            self._posts.fail(f"the server hung up: {exc}")

    def next_post(self) -> None:
        """Send one, if there are any left."""
        self._waiting = self._posts.number < self._posts.end
        if self._waiting:
            self._begun = time.perf_counter()
            self._transport.write(self._posts.request())

    def data_received(self, data: bytes) -> None:
        data = self._heard + data if self._heard else data
        head = data.find(b"\r\n\r\n")
        length = _LENGTH.search(data, 0, head + 2) if head >= 0 else None
        if head < 0 or (length and len(data) < head + 4 + int(length[1])):
            self._heard = data
            return
        self._heard = b""
        if not data.startswith(self._posts.good):
            self._posts.fail(f"{data[:300]!r} instead of {self._posts.good!r}")
            return
        self._posts.answered(self._begun)
        self.next_post()


async def _fire(orders: dict[str, Any]) -> dict[str, Any]:
    posts = Posts(orders)
    loop = asyncio.get_running_loop()
    clients = [
        (await loop.create_connection(lambda: Client(posts), "127.0.0.1", orders["port"]))[1]
        for _ in range(min(orders["connections"], posts.count))
    ]
    before = time.process_time()
    posts.began = time.perf_counter()
    for client in clients:
        client.next_post()
    await posts.done
    used = time.process_time() - before
    return {"began": posts.began, "ended": posts.ended, "busy": used, "waits": posts.waits}


def main() -> None:
    """Prints when it began and ended, how long this process was busy, and each request's wait, all in seconds."""
    print(json.dumps(uvloop.run(_fire(json.load(sys.stdin)))))


if __name__ == "__main__":
    main()
