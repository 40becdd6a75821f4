"""The bounds: what lies on them passes, what lies beyond is refused before it is read."""

from collections.abc import Callable

import pytest

from bridge import text
from bridge.text.refused import Refused, too_deep, too_many_headers, unreadable
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


@pytest.mark.parametrize(
    ("make", "code", "status"),
    [(too_many_headers, 552, "5.3.4"), (too_deep, 554, "5.6.0"), (unreadable, 554, "5.6.1")],
)
def test_a_refusal_is_a_reply(make: Callable[[str], Refused], code: int, status: str) -> None:
    found = make("more than can be read")
    assert (found.code, found.status, found.sentence) == (code, status, "more than can be read")
    assert str(found) == f"{code} {status} more than can be read"
    assert isinstance(found, Exception)


def test_the_longest_field_and_the_longest_block_of_fields() -> None:
    name, line = b"X:", b"y" * 8192
    assert text.read(name + line + b"\r\n\r\nHallo").text == "Hallo"
    assert refusal(name + line + b"y\r\n\r\nHallo") == (552, "5.3.4")
    folded = name + line[:4000] + b"\r\n " + line[:4191]
    assert text.read(folded + b"\r\n\r\nHallo").text == "Hallo"
    assert refusal(folded + b"y\r\n\r\nHallo") == (552, "5.3.4")
    block = (name + b"y" * 1020 + b"\r\n") * 64
    assert len(block) == 64 * 1024
    assert text.read(block + b"\r\nHallo").text == "Hallo"
    assert refusal(block + name + b"y\r\n\r\nHallo") == (552, "5.3.4")


def test_a_block_too_long_is_refused_wherever_the_bound_cuts_it() -> None:
    field = b"X-Some-Name: " + b"y" * 50 + b"\r\n"
    for shift in range(len(field)):
        assert refusal(b"A: " + b"y" * shift + b"\r\n" + field * 1100 + b"\r\nHallo") == (552, "5.3.4")


@pytest.mark.parametrize("length", [10, 70_000, 200_000])
def test_a_long_text_without_a_blank_line_before_it_is_no_header(length: int) -> None:
    assert text.read(b"Subject: x\r\n" + b"y" * length).text == ("y" * length)[:16_384]
    assert text.read(b"y y\r\n" * (length // 5)).text.startswith("y y\ny y")


def test_a_body_has_no_bound_of_its_own_and_no_more_of_it_is_kept() -> None:
    assert text.read(b"Subject: x\r\n\r\n" + b"y" * 5_000_000).text == "y" * 16_384


@pytest.mark.parametrize(("tags", "words"), [(9_361, "Hallo"), (9_363, "")])
def test_of_html_only_the_beginning_reaches_the_parser(tags: int, words: str) -> None:
    assert len("<b></b>" * 9_362) == 64 * 1024 - 2
    assert text.read(b"Content-Type: text/html\r\n\r\n" + b"<b></b>" * tags + b"Hallo").text == words


def test_the_bounds_of_a_mail_in_a_mail_are_the_same() -> None:
    inner = b"".join(b"X-%d: y\r\n" % n for n in range(501))
    assert refusal(PARTS + b"--b\r\n" + inner + b"\r\nx\r\n--b--") == (552, "5.3.4")


def test_boundary_lines_are_counted_with_those_that_only_look_like_one() -> None:
    assert text.read(PARTS + b"--b\r\n\r\nHallo\r\n" + b"--bx\r\n" * 9_000).text.startswith("Hallo")
    assert refusal(PARTS + b"--b\r\n\r\nHallo\r\n" + b"--bx\r\n" * 10_000) == (554, "5.6.0")
