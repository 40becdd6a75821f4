"""Mails as fast as a server takes them, from a process of its own; its orders come as JSON on standard input.

The generator must not be what is measured: finished octets, a bare protocol on uvloop, no streams, no tasks. What it
reaches against a server that does nothing is a stage of its own. It waits for each answer, as every client must that
does not know PIPELINING; so a mail is four round trips, and seven with a connection of its own.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from typing import Any, cast

import uvloop

from tests.bench.load import SENDER, mails, recipient

_MAIL = f"MAIL FROM:<{SENDER}>\r\n".encode()
_EXPECTED = (b"250", b"250", b"354", b"250")
_CONNECTING = -3
"""Steps: -3 awaits the greeting, -2 the answer to EHLO; 0 to 3 those of a mail; 4 the one to QUIT."""
_LAST = len(_EXPECTED)


class Volley:
    """`count` mails over `connections`; with `each` every mail has one of its own. Times are of CLOCK_MONOTONIC."""

    def __init__(
        self, port: int, *, count: int, connections: int, each: bool, make: Callable[[int], bytes], first: int
    ) -> None:
        self.each = each
        self.make = make
        self.next = first
        self.end = first + count
        self.began = self.ended = 0.0
        self.waits: list[float] = []  # seconds from the first word of a mail to its 250
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._port = port
        self._unanswered = count
        self._introducing = connections
        self._clients: list[Client] = []

    async def fire(self) -> None:
        """All of it."""
        loop = asyncio.get_running_loop()
        if self.each:
            self.began = time.perf_counter()
            for _ in range(self._introducing):
                self.dial()
        else:
            for _ in range(self._introducing):
                _, client = await loop.create_connection(lambda: Client(self), "127.0.0.1", self._port)
                self._clients.append(client)
        await self.done

    def dial(self) -> None:
        """Another connection, if there is anything left to say."""
        if self.next >= self.end or self.done.done():
            return
        number = self.take()
        loop = asyncio.get_running_loop()
        dialling = loop.create_task(loop.create_connection(lambda: Client(self, number), "127.0.0.1", self._port))
        dialling.add_done_callback(self._dialled)

    def take(self) -> int:
        """The number of the next mail."""
        self.next += 1
        return self.next - 1

    def introduced(self) -> None:
        """A client is ready; the last one starts all."""
        self._introducing -= 1
        if self._introducing == 0:
            self.began = time.perf_counter()
            for client in self._clients:
                client.next_mail()

    def taken(self, begun: float) -> None:
        """A mail got its 250."""
        now = time.perf_counter()
        self.waits.append(now - begun)
        self._unanswered -= 1
        if self._unanswered == 0:
            self.ended = now
            if not self.done.done():
                self.done.set_result(None)

    def fail(self, why: str) -> None:
        """The server is not what it should be."""
        if not self.done.done():
            self.done.set_exception(RuntimeError(why))

    def _dialled(self, dialling: "asyncio.Task[Any]") -> None:
        if not dialling.cancelled() and dialling.exception() is not None:
            self.fail(f"no connection: {dialling.exception()}")


class Client(asyncio.Protocol):
    """One connection; with a `number` it is for that mail alone."""

    def __init__(self, volley: Volley, number: int | None = None) -> None:
        self._volley = volley
        self._step = _CONNECTING
        self._heard = b""
        self._number = number
        self._begun = time.perf_counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._step <= _LAST:
            self._volley.fail(f"the server hung up: {exc}")

    def data_received(self, data: bytes) -> None:
        if self._heard:
            data = self._heard + data
        if not data.endswith(b"\n") or data[data.rfind(b"\n", 0, -1) + 4 :][:1] == b"-":
            self._heard = data
            return
        self._heard = b""
        step = self._step
        if step < 0:
            self._introduce()
        elif step == _LAST:
            self._step += 1
            self._transport.close()
            self._volley.dial()
        elif not data.startswith(_EXPECTED[step]):
            self._volley.fail(f"{data!r} instead of {_EXPECTED[step]!r}")
        else:
            self._step = step + 1
            self._say()

    def next_mail(self) -> None:
        """Begin one, if there are any left."""
        if self._volley.next < self._volley.end:
            self._number = self._volley.take()
            self._begun = time.perf_counter()
            self._step = 0
            self._transport.write(_MAIL)
        else:
            self._step = _LAST + 1

    def _say(self) -> None:
        number = cast("int", self._number)
        if self._step == 1:
            self._transport.write(f"RCPT TO:<{recipient(number)}>\r\n".encode())
        elif self._step == 2:
            self._transport.write(b"DATA\r\n")
        elif self._step == 3:
            self._transport.write(self._volley.make(number))
        elif self._volley.each:
            self._transport.write(b"QUIT\r\n")
            self._volley.taken(self._begun)
        else:
            self._volley.taken(self._begun)
            self.next_mail()

    def _introduce(self) -> None:
        if self._step == _CONNECTING:
            self._step = -2
            self._transport.write(b"EHLO volley.example.org\r\n")
        elif self._volley.each:
            self._step = 0
            self._transport.write(_MAIL)
        else:
            self._step = -1
            self._volley.introduced()


async def _fire(orders: dict[str, Any]) -> dict[str, Any]:
    volley = Volley(
        orders["port"],
        count=orders["count"],
        connections=min(orders["connections"], orders["count"]),
        each=orders["each"],
        make=mails(orders["run"], orders["size"]),
        first=orders["first"],
    )
    before = time.process_time()
    await volley.fire()
    used = time.process_time() - before
    return {"began": volley.began, "ended": volley.ended, "busy": used, "waits": volley.waits}


def main() -> None:
    """Prints when it began and ended, how long this process was busy, and each mail's wait, all in seconds, as JSON."""
    print(json.dumps(uvloop.run(_fire(json.load(sys.stdin)))))


if __name__ == "__main__":
    main()
