"""Mails at a steady pace, and the provider they end at: one process, so that it sees both ends of a mail's way.

Its orders come as JSON on standard input. `rate` mails a second begin, whatever became of those before (0: as fast as
the connections take them), each over one of `connections` kept ones. With `dialogue` the way is another one, the
yardstick's: a connection of its own with all that is said on it, and after the 250 one request to the provider over a
kept connection.
"""

import asyncio
import json
import re
import sys
import time
from typing import Any, cast

import uvloop

from tests.bench.load import SENDER, mails, recipient

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_ID = re.compile(rb'"clientMessageId":\s*"([^"\\]*)"')
_NUMBER = re.compile(rb"host(\d+) does not answer")
_PATIENCE = 60.0


class Pulse:
    """What began, and what arrived: seconds by CLOCK_MONOTONIC, by the number of the mail."""

    def __init__(self, orders: dict[str, Any]) -> None:
        self.port: int = orders["port"]
        self.count: int = orders["count"]
        self.make = mails(orders["run"])
        self.dots: dict[int, float] = {}
        self.received: dict[int, float] = {}
        self.all = asyncio.Event()
        self.free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()

    def came(self, body: bytes) -> None:
        """A request of the provider's."""
        found = _NUMBER.search(body)
        if found and int(found[1]) not in self.received:
            self.received[int(found[1])] = time.perf_counter()
            if len(self.received) == self.count:
                self.all.set()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection that has said EHLO."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        await _line(reader, b"220")
        await _say(reader, writer, b"EHLO pulse.example.org\r\n", b"250")
        return reader, writer

    async def send(self, number: int) -> None:
        """One mail; its way begins with the final dot."""
        reader, writer = await self.free.get()
        await _envelope(reader, writer, number)
        self.dots[number] = time.perf_counter()
        await _say(reader, writer, self.make(number), b"250")
        self.free.put_nowait((reader, writer))

    async def talk(self, number: int, provider: asyncio.WriteTransport) -> None:
        """The yardstick's: its way begins with the connection."""
        self.dots[number] = time.perf_counter()
        reader, writer = await self.connect()
        await _envelope(reader, writer, number)
        content = self.make(number)
        await _say(reader, writer, content, b"250")
        provider.write(b"POST /rest HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(content), content))
        writer.close()


class _Provider(asyncio.Protocol):
    """Takes every message and answers as websms does."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse
        self._heard = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._heard += data
        while (head := self._heard.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._heard, 0, head + 2)
            end = head + 4 + (int(length[1]) if length else 0)
            if len(self._heard) < end:
                return
            request, self._heard = self._heard[:end], self._heard[end:]  # the yardsticks wait for no answer
            self._answer(request)

    def _answer(self, request: bytes) -> None:
        self._pulse.came(request)
        named = _ID.search(request)
        body = b'{"statusCode":2000,"statusMessage":"OK","clientMessageId":"%s","transferId":"%016x","smsCount":1}' % (
            named[1] if named else b"",
            time.time_ns() // 1000,
        )
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=UTF-8\r\nContent-Length: %d\r\n\r\n%s"
            % (len(body), body)
        )


async def _envelope(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
    await _say(reader, writer, f"MAIL FROM:<{SENDER}>\r\n".encode(), b"250")
    await _say(reader, writer, f"RCPT TO:<{recipient(number)}>\r\n".encode(), b"250")
    await _say(reader, writer, b"DATA\r\n", b"354")


async def _say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, words: bytes, expected: bytes) -> None:
    writer.write(words)
    await _line(reader, expected)


async def _line(reader: asyncio.StreamReader, expected: bytes) -> None:
    while True:
        line = await reader.readline()
        if not line.startswith(expected):
            raise RuntimeError(f"{line!r} instead of {expected!r}")
        if line[3:4] != b"-":
            return


async def _fire(orders: dict[str, Any]) -> dict[str, Any]:
    pulse = Pulse(orders)
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: _Provider(pulse), "127.0.0.1", orders["provider"])
    own, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", orders["provider"])
    for _ in range(0 if orders["dialogue"] else orders["connections"]):
        pulse.free.put_nowait(await pulse.connect())
    sending: list[asyncio.Task[None]] = []
    before, began = time.process_time(), time.perf_counter()
    for number in range(pulse.count):
        if orders["rate"]:
            await asyncio.sleep(began + number / orders["rate"] - time.perf_counter())
        way = pulse.talk(number, own) if orders["dialogue"] else pulse.send(number)
        sending.append(loop.create_task(way))
    await asyncio.gather(*sending)
    try:
        await asyncio.wait_for(pulse.all.wait(), _PATIENCE)
    except TimeoutError:
        raise RuntimeError(f"{sorted(pulse.dots.keys() - pulse.received.keys())} never arrived") from None
    busy, ended = time.process_time() - before, max(pulse.received.values())
    await asyncio.sleep(0.1)  # the answers are read, so that no call is left in doubt
    waits = [pulse.received[number] - dot for number, dot in pulse.dots.items()]
    return {"began": began, "ended": ended, "busy": busy, "waits": waits}


def main() -> None:
    """Prints when it began and ended, how long this process was busy, and each mail's way, all in seconds, as JSON."""
    print(json.dumps(uvloop.run(_fire(json.load(sys.stdin)))))


if __name__ == "__main__":
    main()
