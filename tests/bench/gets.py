"""HTTP GETs as fast as a server takes them, for Kannel, which takes texts so; otherwise as `posts`."""

import asyncio
import json
import sys
import time
from typing import Any

import uvloop

from tests.bench.posts import Client, Posts


class Gets(Posts):
    """`count` requests over `connections`; ``%(n)s`` in the path is the number of the request."""

    def __init__(self, orders: dict[str, Any]) -> None:
        super().__init__({"headers": {}, "body": "", **orders})
        self._path = [part.encode() for part in orders["path"].split("%(n)s")]

    def request(self) -> bytes:
        """The next one."""
        path = (b"%d" % self.number).join(self._path)
        self.number += 1
        return b"GET %s HTTP/1.1\r\nHost: bench.example.com\r\n\r\n" % path


async def _fire(orders: dict[str, Any]) -> dict[str, Any]:
    gets = Gets(orders)
    loop = asyncio.get_running_loop()
    clients = [
        (await loop.create_connection(lambda: Client(gets), "127.0.0.1", orders["port"]))[1]
        for _ in range(min(orders["connections"], gets.count))
    ]
    before = time.process_time()
    gets.began = time.perf_counter()
    for client in clients:
        client.next_post()
    await gets.done
    return {"began": gets.began, "ended": gets.ended, "busy": time.process_time() - before, "waits": gets.waits}


def main() -> None:
    """Prints what `posts` prints."""
    print(json.dumps(uvloop.run(_fire(json.load(sys.stdin)))))


if __name__ == "__main__":
    main()
