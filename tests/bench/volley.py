"""Mails as fast as a server takes them, from a process of its own: its arguments are PORT COUNT CONNECTIONS.

The generator must not be what is measured: finished octets, a bare protocol on uvloop, no streams, no tasks. What it
reaches against a server that does nothing is part of the table. It waits for each answer, as every client must that
does not know PIPELINING; so a mail is four round trips.
"""

import asyncio
import json
import sys
import time
from typing import cast

import uvloop

from tests.bench.load import mail

_TALK = (
    (b"250", b"MAIL FROM:<alarm@example.org>\r\n"),
    (b"250", b"RCPT TO:<436600000001@sms.example.com>\r\n"),
    (b"354", b"DATA\r\n"),
    (b"250", mail(0, "volley")),
)
"""The answer to each, and what is said."""


class Volley:
    """`count` mails over `connections` kept ones; `seconds` from the first MAIL to the last 250."""

    def __init__(self, count: int, connections: int) -> None:
        self.left = count
        self.unanswered = count
        self.introducing = connections
        self.began = self.seconds = 0.0
        self.clients: list[Client] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def introduced(self) -> None:
        """A client is ready; the last one starts all."""
        self.introducing -= 1
        if self.introducing == 0:
            self.began = time.perf_counter()
            for client in self.clients:
                client.next_mail()

    def taken(self) -> None:
        """A mail got its 250."""
        self.unanswered -= 1
        if self.unanswered == 0:
            self.seconds = time.perf_counter() - self.began
            self.done.set_result(None)

    def fail(self, why: str) -> None:
        """The server is not what it should be."""
        if not self.done.done():
            self.done.set_exception(RuntimeError(why))


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, volley: Volley) -> None:
        self._volley = volley
        self._step = -2  # greeting, EHLO, then the steps of a mail
        self._heard = b""
        volley.clients.append(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._volley.fail(f"the server hung up: {exc}")

    def data_received(self, data: bytes) -> None:
        if self._heard:
            data = self._heard + data
        if not data.endswith(b"\n") or data[data.rfind(b"\n", 0, -1) + 4 :][:1] == b"-":
            self._heard = data
            return
        self._heard = b""
        if self._step < 0:
            self._introduce()
            return
        expected = _TALK[self._step][0]
        if not data.startswith(expected):
            self._volley.fail(f"{data!r} instead of {expected!r}")
            return
        self._step += 1
        if self._step < len(_TALK):
            self._transport.write(_TALK[self._step][1])
            return
        self._volley.taken()
        self.next_mail()

    def next_mail(self) -> None:
        """Begin one, if there are any left."""
        if self._volley.left > 0:
            self._volley.left -= 1
            self._step = 0
            self._transport.write(_TALK[0][1])

    def _introduce(self) -> None:
        self._step += 1
        if self._step == -1:
            self._transport.write(b"EHLO volley.example.org\r\n")
        else:
            self._volley.introduced()


async def _fire(port: int, count: int, connections: int) -> dict[str, float]:
    volley = Volley(count, connections)
    for _ in range(connections):
        await asyncio.get_running_loop().create_connection(lambda: Client(volley), "127.0.0.1", port)
    before = time.process_time()
    await volley.done
    return {"seconds": volley.seconds, "busy": time.process_time() - before}


def main() -> None:
    """Prints the seconds it took, and how many of them this process was busy, as JSON."""
    port, count, connections = map(int, sys.argv[1:4])
    print(json.dumps(uvloop.run(_fire(port, count, connections))))


if __name__ == "__main__":
    main()
