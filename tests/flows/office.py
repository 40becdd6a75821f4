"""The office's mail server, for a bridge that hands its mail to a smarthost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import Message

from aiosmtpd.smtp import SMTP, Envelope, Session


class Office:
    """A smarthost that keeps what it is given, and answers `answer_takes` seconds later."""

    def __init__(self, answer_takes: float = 0.0) -> None:
        self.mails: list[Message] = []
        self._answer_takes = answer_takes

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd names it
        assert isinstance(envelope.content, bytes)
        self.mails.append(message_from_bytes(envelope.content))
        await asyncio.sleep(self._answer_takes)
        return "250 2.0.0 taken"

    @asynccontextmanager
    async def open(self, port: int) -> AsyncIterator[None]:
        """Takes mail on `port` for as long as this lasts."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(self, hostname="office.example.org", loop=loop), "127.0.0.1", port
        )
        try:
            yield
        finally:
            server.close()
            await server.wait_closed()
