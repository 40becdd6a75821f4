"""What is sent: alarms of a monitoring system, each a mail of its own, ready to be written."""

from collections.abc import Callable

SENDER = "alarm@example.org"
NUMBERS = 10_000
"""Phones that mail goes to, one after the other."""


def mail(number: int, run: str, size: int = 500) -> bytes:
    """A mail about `size` octets long, dot-terminated."""
    return mails(run, size)(number)


def mails(run: str, size: int = 500) -> Callable[[int], bytes]:
    """The same for many: what does not change is made once. `run` sets them apart from those of another run."""
    head = (
        f"From: <{SENDER}>\r\nTo: <436600000001@sms.example.com>\r\nSubject: PROBLEM host is DOWN\r\n"
        f"Message-ID: <{run}.@example.org>\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    )
    body = "host does not answer since 10:00. Last value: 95 %.\r\n"
    filler = "Please look at it and acknowledge in the console.\r\n"
    lines = (size - len(head) - len(body) - 12) // len(filler)
    whole = (head + body + filler * max(lines, 0) + ".\r\n").encode()
    before, _, rest = whole.partition(b"host")
    between, _, rest = rest.partition(b".@")
    between_too, _, after = rest.partition(b"\r\n\r\nhost")

    def one(number: int) -> bytes:
        name = b"%d" % number
        return b"".join((before, b"host", name, between, b".", name, b"@", between_too, b"\r\n\r\nhost", name, after))

    return one


def recipient(number: int) -> str:
    """One of ten thousand reserved numbers."""
    return f"43660{number % NUMBERS:07d}@sms.example.com"
