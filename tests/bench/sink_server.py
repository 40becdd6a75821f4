"""What stands behind what is measured, a process of its own: `python -m tests.bench.sink_server KIND PORT CONTROL`.

`provider` answers like websms, `mailbox` takes mail over SMTP, `canned` and `canned-web` say 250 and 200 to whatever
comes. None checks anything: the simulator does, and is too slow to stand behind a benchmark; a stage of its own shows
that both see the same.
On the port CONTROL it takes a JSON object a line and answers with one; see `_Told`.
"""

import asyncio
import json
import re
import sys
import time
from array import array
from collections.abc import Callable
from typing import Any, cast

import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_ID = re.compile(rb'"clientMessageId":\s*"([^"\\]*)"')
_REASONS = {200: "OK", 401: "Unauthorized", 503: "Service Unavailable"}


class Seen:
    """What came so far, how to answer, and who waits for more."""

    def __init__(self) -> None:
        self.count = 0
        self.arrivals = array("d")  # CLOCK_MONOTONIC of each
        self.requests = 0  # refused ones too
        self.delay = 0.0  # seconds before each answer
        self.status = 200
        self.silent = False
        self.ids: set[bytes] | None = None  # where doubles are to be noticed
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def came(self) -> None:
        """One more that was taken."""
        self.count += 1
        self.arrivals.append(time.perf_counter())
        if self._waiting and self.count >= self._waiting[0][0]:
            self._waiting.pop(0)[1].set_result(None)

    async def reached(self, count: int) -> float:
        """When it was that many."""
        if self.count < count:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((count, future))
            self._waiting.sort(key=lambda one: one[0])
            await future
        return self.arrivals[count - 1]


class Provider(asyncio.Protocol):
    """HTTP/1.1, kept open, one request after the other."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._heard = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        data = self._heard + data if self._heard else data
        head = data.find(b"\r\n\r\n")
        length = _LENGTH.search(data, 0, head + 2) if head >= 0 else None
        if head < 0 or (length and len(data) < head + 4 + int(length[1])):
            self._heard = data
            return
        self._heard = b""
        seen = self._seen
        seen.requests += 1
        if seen.silent:
            return
        named = _ID.search(data, head)
        body = self._body(named[1] if named else b"")
        if seen.status == 200:
            if seen.ids is not None and named:
                seen.ids.add(named[1])
            seen.came()
        answer = b"HTTP/1.1 %d %s\r\nContent-Type: application/json;charset=UTF-8\r\nContent-Length: %d\r\n\r\n%s" % (
            seen.status,
            _REASONS.get(seen.status, "Other").encode(),
            len(body),
            body,
        )
        if seen.delay:
            asyncio.get_running_loop().call_later(seen.delay, self._transport.write, answer)
        else:
            self._transport.write(answer)

    def _body(self, identifier: bytes) -> bytes:
        if self._seen.status != 200:
            return b"{}"
        transfer = b"00%08x%010x" % (int(time.time()), self._seen.count)
        return b'{"statusCode":2000,"statusMessage":"OK","clientMessageId":"%s","transferId":"%s","smsCount":1}' % (
            identifier,
            transfer,
        )


class Mailbox(asyncio.Protocol):
    """SMTP: takes everything, and like every relay that one has (Postfix, Exim, Exchange) several commands at once."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._heard = b""
        self._in_data = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(b"220 sink.example.com ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        data = self._heard + data if self._heard else data
        said: list[bytes] = []
        while data:
            end = data.find(b"\r\n.\r\n") if self._in_data else data.find(b"\r\n")
            if end < 0:
                break
            if self._in_data:
                self._in_data, data = False, data[end + 5 :]
                self._seen.came()
                said.append(b"250 2.0.0 OK\r\n")
                continue
            line, data = data[:end].upper(), data[end + 2 :]
            said.append(self._answer(line))
            if line.startswith(b"QUIT"):
                self._transport.write(b"".join(said))
                self._transport.close()
                return
        self._heard = data
        if said:
            self._say(b"".join(said))

    def _answer(self, line: bytes) -> bytes:
        if line.startswith(b"DATA"):
            self._in_data = True
            return b"354 go on\r\n"
        if line.startswith(b"QUIT"):
            return b"221 2.0.0 bye\r\n"
        if line.startswith(b"EHLO"):
            return b"250-sink.example.com\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"
        return b"250 2.0.0 OK\r\n"

    def _say(self, words: bytes) -> None:
        if self._seen.delay:
            asyncio.get_running_loop().call_later(self._seen.delay, self._transport.write, words)
        else:
            self._transport.write(words)


class Canned(asyncio.Protocol):
    """Answers whatever comes by its first letters and reads nothing: the most a server can reach."""

    def __init__(self, _seen: Seen) -> None:
        pass

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(b"220 sink.example.com ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"QUIT"):
            self._transport.write(b"221 2.0.0 bye\r\n")
            self._transport.close()
        else:
            self._transport.write(b"354 go on\r\n" if data.startswith(b"DATA") else b"250 2.0.0 OK\r\n")


class CannedWeb(asyncio.Protocol):
    """The same for HTTP."""

    _ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n"
    _BODY = b'{"statusCode":2000,"statusMessage":"ok"}'

    def __init__(self, _seen: Seen) -> None:
        pass

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, _data: bytes) -> None:
        self._transport.write(self._ANSWER + self._BODY)


KINDS: dict[str, Callable[[Seen], asyncio.Protocol]] = {
    "provider": Provider,
    "mailbox": Mailbox,
    "canned": Canned,
    "canned-web": CannedWeb,
}


class _Told:
    """Does what a line says: `set` some of delay, status, silent; `reached` a count; `arrivals` since one; `count`."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            answer = await self._do(json.loads(line))
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    async def _do(self, asked: dict[str, Any]) -> dict[str, Any]:
        seen = self._seen
        if "set" in asked:
            for name, value in asked["set"].items():
                setattr(seen, name, set() if name == "ids" else value)
        if "reached" in asked:
            return {"at": await seen.reached(asked["reached"])}
        if "arrivals" in asked:
            return {"arrivals": seen.arrivals[asked["arrivals"] :].tolist()}
        ids = None if seen.ids is None else len(seen.ids)
        return {"count": seen.count, "requests": seen.requests, "ids": ids}


async def _serve(kind: str, port: int, control: int) -> None:
    seen = Seen()
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: KINDS[kind](seen), "127.0.0.1", port, backlog=1000)
    await asyncio.start_server(_Told(seen), "127.0.0.1", control, limit=2**20)
    await asyncio.Event().wait()


def main() -> None:
    """Serve until killed."""
    kind, port, control = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    uvloop.run(_serve(kind, port, control))


if __name__ == "__main__":
    main()
