"""A mail generator cheap enough not to be what is measured: raw SMTP over kept connections, one task each."""

import asyncio
import time
from dataclasses import dataclass

SENDER = "alarm@example.org"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a run did: mails that got 250, and the seconds from the first byte to the last 250."""

    accepted: int
    seconds: float

    @property
    def rate(self) -> float:
        """Mails a second."""
        return self.accepted / self.seconds


def mail(number: int, run: str, size: int = 500) -> bytes:
    """A mail like a monitoring system's, about `size` octets long, dot-terminated."""
    head = (
        f"From: <{SENDER}>\r\nTo: <436600000001@sms.example.com>\r\nSubject: PROBLEM host{number} is DOWN\r\n"
        f"Message-ID: <{run}.{number}@example.org>\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    )
    body = f"host{number} does not answer since 10:00. Last value: 95 %.\r\n"
    filler = "Please look at it and acknowledge in the console.\r\n"
    lines = (size - len(head) - len(body)) // len(filler)
    return (head + body + filler * max(lines, 0) + ".\r\n").encode()


def recipient(number: int) -> str:
    """One of ten thousand reserved numbers."""
    return f"43660{number % 10000:07d}@sms.example.com"


async def send(port: int, count: int, connections: int, run: str) -> Load:
    """Send `count` mails over `connections` kept ones."""
    numbers = iter(range(count))
    accepted = 0
    begun = time.perf_counter()

    async def one() -> None:
        nonlocal accepted
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.readline()
        writer.write(b"EHLO load.example.org\r\n")
        while (await reader.readline())[3:4] == b"-":
            pass
        for number in numbers:
            writer.write(f"MAIL FROM:<{SENDER}>\r\n".encode())
            await _expect(reader, b"250")
            writer.write(f"RCPT TO:<{recipient(number)}>\r\n".encode())
            await _expect(reader, b"250")
            writer.write(b"DATA\r\n")
            await _expect(reader, b"354")
            writer.write(mail(number, run))
            await _expect(reader, b"250")
            accepted += 1
        writer.write(b"QUIT\r\n")
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    return Load(accepted=accepted, seconds=time.perf_counter() - begun)


async def _expect(reader: asyncio.StreamReader, code: bytes) -> None:
    line = await reader.readline()
    if not line.startswith(code):
        raise RuntimeError(f"expected {code!r}, got {line!r}")
