"""The bounds: what lies on them passes, what lies beyond is refused before it is read."""

import pytest

from bridge import text
from tests.text.make import refusal


def nested(levels: int) -> bytes:
    parts = b"".join(b"multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\nContent-Type: " % (n, n) for n in range(levels))
    return b"Content-Type: " + parts + b"text/plain\r\n\r\nHallo"


PARTS = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"


def test_the_bounds_themselves_pass() -> None:
    assert text.read(b"".join(b"X-%d: y\r\n" % n for n in range(500)) + b"\r\nHallo").text == "Hallo"
    assert text.read(b"X: " + b"y" * 8000 + b"\r\n\r\nHallo").text == "Hallo"
    assert text.read(PARTS + b"--b\r\n\r\nx\r\n" * 199).text.count("x") == 199
    assert text.read(nested(20)).text == "Hallo"


@pytest.mark.parametrize(
    ("data", "reply"),
    [
        (b"".join(b"X-%d: y\r\n" % n for n in range(501)) + b"\r\nHallo", (552, "5.3.4")),
        (b"X: y\r\n" * 200_000 + b"\r\nHallo", (552, "5.3.4")),
        (b"X: y\r\n" + b" y\r\n" * 160_000 + b"\r\nHallo", (552, "5.3.4")),
        (b"To: " + b"(a)" * 34_000 + b"\r\n\r\nHallo", (552, "5.3.4")),
        (b"Content-Type: text/plain" + b"; a=b" * 12_000 + b"\r\n\r\nHallo", (552, "5.3.4")),
        ((b"X: " + b"y" * 8000 + b"\r\n") * 9 + b"\r\nHallo", (552, "5.3.4")),
        (PARTS + b"--b\r\n\r\nx\r\n" * 100_000, (554, "5.6.0")),
        (PARTS + b"--b\r\n\r\nx\r\n" * 200, (554, "5.6.0")),
        (PARTS + b"--bx\r\n" * 200_000, (554, "5.6.0")),
        *((nested(levels), (554, "5.6.0")) for levels in (21, 200, 1000, 5000)),
    ],
    ids=lambda value: f"{len(value)}" if isinstance(value, bytes) else None,
)
def test_beyond_the_bounds_nothing_is_parsed(data: bytes, reply: tuple[int, str]) -> None:
    assert refusal(data) == reply
