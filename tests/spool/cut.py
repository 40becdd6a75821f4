"""A wire between a node and its server that can be cut in the moment that matters."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from urllib.parse import urlsplit, urlunsplit


class When(Enum):
    """Where a commit is lost."""

    BEFORE = "before"  # the server never hears of it
    AFTER = "after"  # it is done, and nobody hears of it


class Wire:
    """Carries bytes to the server and back; `cut` is done once, at the next commit."""

    def __init__(self, host: str, port: int) -> None:
        self.cut: When | None = None
        self.cuts = 0
        self._server = host, port
        self._tasks: set[asyncio.Task[None]] = set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        there, back = await asyncio.open_connection(*self._server)
        lost = asyncio.Event()
        both = [
            asyncio.create_task(self._out(reader, back, lost)),
            asyncio.create_task(self._home(there, writer, lost)),
        ]
        self._tasks |= set(both)
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for task in both:
            task.cancel()
        for end in (writer, back):
            end.close()

    async def _out(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter, lost: asyncio.Event) -> None:
        while data := await reader.read(65536):
            if self.cut is not None and b"COMMIT\x00" in data:
                when, self.cut = self.cut, None
                self.cuts += 1
                if when is When.BEFORE:
                    return
                lost.set()  # the answer: nothing more comes home
            back.write(data)

    async def _home(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: asyncio.Event) -> None:
        while data := await there.read(65536):
            if lost.is_set():
                return
            writer.write(data)


@asynccontextmanager
async def wire(url: str) -> AsyncIterator[tuple[Wire, str]]:
    """A wire to the server of `url`, and the URL by which it is reached over the wire."""
    parts = urlsplit(url)
    made = Wire(parts.hostname or "", parts.port or 5432)
    server = await asyncio.start_server(made.carry, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield made, urlunsplit(parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}", query="sslmode=disable"))
    finally:
        server.close()
