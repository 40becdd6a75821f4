"""A mail client in a few lines: it keeps its connection, pipelines, and never tries again by itself.

Libraries retry, reconnect and time out in ways of their own. Whether a mail was sent twice is the question here, so
every attempt is the test's own decision.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

PATIENCE = 30.0
"""Seconds for any one answer."""


@dataclass(slots=True)
class Client:
    """One SMTP session. What breaks it raises OSError, EOFError or TimeoutError; it is of no more use then."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    refused: dict[str, str] = field(default_factory=dict)  # recipients of the last mail that were, and the reply
    patience: float = PATIENCE

    @classmethod
    async def connect(cls, port: int, patience: float = PATIENCE) -> Self:
        """Greeted and introduced; `patience` is what it has with each answer, in seconds."""
        reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), patience)
        client = cls(reader, writer, patience=patience)
        try:
            await client._expect("220")
            client._say("EHLO client.example.org")
            await client._expect("250")
        except BaseException:
            await client.close()
            raise
        return client

    async def send(self, sender: str, recipients: Sequence[str], content: bytes) -> str:
        """The last word on a mail: the reply to its text, or to MAIL or RCPT when it came no further."""
        self.refused.clear()
        self._say(f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{to}>" for to in recipients), "DATA")
        replies = [await self._reply() for _ in range(len(recipients) + 2)]
        self.refused.update(
            (to, reply) for to, reply in zip(recipients, replies[1:-1], strict=True) if not reply.startswith("250")
        )
        if not replies[-1].startswith("354"):
            self._say("RSET")
            await self._expect("250")
            return next((reply for reply in replies if not reply.startswith("250")), "")
        lines = content.replace(b"\r\n", b"\n").replace(b"\n.", b"\n..").rstrip(b"\n") + b"\n.\n"
        self.writer.write(lines.replace(b"\n", b"\r\n"))
        await self.writer.drain()
        return await self._reply()

    async def close(self) -> None:
        """Hang up without a word."""
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except OSError:
            return  # the other side was killed

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _say(self, *lines: str) -> None:
        self.writer.write("".join(f"{line}\r\n" for line in lines).encode())

    async def _reply(self) -> str:
        """One reply, of several lines the last."""
        while True:
            line = await asyncio.wait_for(self.reader.readuntil(b"\r\n"), self.patience)
            if line[3:4] != b"-":
                return line.decode("ascii", "replace").rstrip()

    async def _expect(self, code: str) -> None:
        reply = await self._reply()
        if not reply.startswith(code):
            raise ConnectionAbortedError(reply)


async def post(port: int, sender: str, recipients: Sequence[str], content: bytes) -> str:
    """One mail over a connection of its own; the reply."""
    async with await Client.connect(port) as client:
        return await client.send(sender, recipients, content)
