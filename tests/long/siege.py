"""Slow clients in every way a client can be slow, from many addresses, and back again soon after they are thrown out.

Each is a protocol of a few lines, so that thousands of them fit into one process and the daemon is what is tested.
"""

import asyncio
import random
import socket
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from types import TracebackType
from typing import Self, cast

DRIP = 2.0
"""Seconds between two octets of those who say one at a time."""

BACK_AFTER = (1.0, 4.0)
"""Seconds until one who was hung up on comes again."""

PER_ADDRESS = 10
_CONNECTING = 64  # connects of ours at once
_SMALL = 2048  # octets of receive buffer
_HALF_A_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
_ENVELOPE = b"MAIL FROM:<slow@example.net>\r\nRCPT TO:<postmaster@sms.example.com>\r\nDATA\r\n"


class Slow(asyncio.Protocol):
    """One connection that is silent; the others are worse. `lost` is called when it has ended."""

    tls = False  # comes by the door with implicit TLS

    def __init__(self, lost: Callable[[], None]) -> None:
        self.transport: asyncio.Transport | None = None
        self.turned_away = False  # the daemon said 421
        self._lost = lost

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.turned_away = self.turned_away or data.startswith(b"421 ")

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost()

    def drip(self) -> None:
        """Now and then."""


class Speaking(Slow):
    """An octet of a command at a time."""

    _WORDS = b"EHLO slow.example.org\r\nNOOP\r\nHELP me\r\n" * 50

    def __init__(self, lost: Callable[[], None]) -> None:
        super().__init__(lost)
        self._at = -1  # not greeted yet

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._at = max(self._at, 0)

    def drip(self) -> None:
        if self.transport is not None and self._at >= 0:
            self.transport.write(self._WORDS[self._at : self._at + 1])
            self._at += 1


class Writing(Slow):
    """Quick until it may send a mail, then an octet at a time. Everybody may write to the postmaster."""

    def __init__(self, lost: Callable[[], None]) -> None:
        super().__init__(lost)
        self._said = 0
        self.in_data = False

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.transport is None or self.turned_away:
            return
        if self._said == 0:
            self.transport.write(b"EHLO slow.example.org\r\n")
        elif self._said == 1:
            self.transport.write(_ENVELOPE)
        self._said += 1
        self.in_data = self.in_data or b"354 " in data

    def drip(self) -> None:
        if self.transport is not None and self.in_data:
            self.transport.write(b"x")


class Deaf(Slow):
    """Asks a lot and never reads an answer."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        cast("asyncio.Transport", transport).pause_reading()
        asyncio.get_running_loop().call_later(0.1, self._ask)

    def _ask(self) -> None:
        if self.transport is not None:
            self.transport.write(b"EHLO slow.example.org\r\n" * 99)


class Stalled(Slow):
    """Begins a TLS handshake and leaves it at that."""

    tls = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        cast("asyncio.Transport", transport).write(_HALF_A_HELLO)


class Starting(Slow):
    """The same after STARTTLS."""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.transport is not None:
            self.transport.write(b"STARTTLS\r\n" if data.startswith(b"220 b") else b"\x16")


KINDS = (Speaking, Writing, Slow, Deaf, Stalled, Starting)


class Siege:
    """So many slow clients at once, as long as this is open."""

    def __init__(self, count: int, *, plain: int, implicit: int, kinds: Sequence[type[Slow]] = KINDS) -> None:
        self.connections = 0  # made in all
        self.turned_away = 0  # of these, told 421
        self.most_open = 0
        self.most_in_data = 0
        self._count, self._kinds = count, kinds
        self._ports = {False: plain, True: implicit}
        self._chance = random.Random(0)
        self._clients: dict[int, Slow] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(_CONNECTING)
        self._over = False

    async def __aenter__(self) -> Self:
        for number in range(self._count):
            self._spawn(self._connect(number, 0.0))
        self._spawn(self._drip())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for client in self._clients.values():
            if client.transport is not None:
                client.transport.abort()
        await asyncio.sleep(0)  # connection_lost is called in the next turn of the loop

    def _spawn(self, course: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(course)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, number: int, after: float) -> None:
        """The client `number`, for the first time or again."""
        await asyncio.sleep(after)
        loop, client = asyncio.get_running_loop(), self._kinds[number % len(self._kinds)](partial(self._lost, number))
        address = number // PER_ADDRESS
        async with self._turns:
            sock = socket.socket()
            try:
                sock.setblocking(False)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL)
                sock.bind((f"127.1.{address // 250}.{address % 250 + 1}", 0))
                await loop.sock_connect(sock, ("127.0.0.1", self._ports[client.tls]))
                self._clients[number] = client
                await loop.create_connection(lambda: client, sock=sock)
            except OSError:
                sock.close()
                self._clients[number] = client
                self._lost(number)
                return
            except asyncio.CancelledError:
                sock.close()  # the siege ended while it connected
                raise
        self.connections += 1
        self.most_open = max(self.most_open, len(self._clients))

    def _lost(self, number: int) -> None:
        client = self._clients.pop(number)
        self.turned_away += client.turned_away
        if not self._over:
            self._spawn(self._connect(number, self._chance.uniform(*BACK_AFTER)))

    async def _drip(self) -> None:
        while True:
            await asyncio.sleep(DRIP)
            for client in list(self._clients.values()):
                client.drip()
            in_data = sum(isinstance(client, Writing) and client.in_data for client in self._clients.values())
            self.most_in_data = max(self.most_in_data, in_data)
