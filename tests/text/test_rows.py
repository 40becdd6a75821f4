"""Rows 46 to 50, 54 and 55 of the reliability reference, and its list of inputs that break Python's own reader.

Hostile shapes are measured by how time grows, never by how long it takes: eight times the input may take some twenty
times as long on a busy machine, and sixty-four times would be the square. `tests.long` prints the times themselves.
"""

import time

import pytest

from bridge import text
from tests.text.make import mail, refusal
from tests.text.shapes import HEADERS, MARKUP, TEXTS, as_html, as_text

_GROWTH, _LINEAR, _NOISE = 8, 24, 0.003


def _seconds(data: bytes) -> float:
    best = 1e9
    for _ in range(3):
        begin = time.process_time()
        text.read(data)
        best = min(best, time.process_time() - begin)
    return best


@pytest.mark.parametrize("field", ["To: ", "Subject: ", "From: ", "Content-Type: text/plain; x=", "Received: "])
def test_row_46_a_field_of_a_hundred_kilobytes_is_refused_unread(field: str) -> None:
    assert refusal(mail(field + "(a)" * 34_000)) == (552, "5.3.4")


def test_row_46_two_hundred_thousand_lines_of_header_are_refused() -> None:
    assert refusal(b"X: y\r\n" * 200_000 + b"\r\nHallo") == (552, "5.3.4")
    assert refusal(b"X: y\r\n" + b" y\r\n" * 160_000 + b"\r\nHallo") == (552, "5.3.4")
    assert refusal(mail("Content-Type: text/plain" + "; a=b" * 12_000)) == (552, "5.3.4")


@pytest.mark.parametrize("levels", [21, 200, 1000, 5000])
def test_row_47_nesting_is_refused(levels: int) -> None:
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(levels))
    assert refusal(nested + b"\r\nHallo") == (554, "5.6.0")


def test_row_47_a_hundred_thousand_parts_are_refused() -> None:
    assert refusal(mail("Content-Type: multipart/mixed; boundary=b", body=b"--b\r\n\r\nx\r\n" * 100_000)) == (
        554,
        "5.6.0",
    )


@pytest.mark.parametrize("field", HEADERS)
def test_row_48_a_header_that_breaks_pythons_reader_breaks_nothing(field: bytes) -> None:
    letter = text.read(field + b"\r\nSubject: x\r\n\r\nHallo\r\n")
    assert letter.text == "Hallo"
    assert letter.from_addresses == () or field.startswith(b"From: a@example.com")


@pytest.mark.parametrize(
    "charset",
    [
        *(
            "idna",
            "zip",
            "rot13",
            "hex",
            "base64",
            "undefined",
            "mbcs",
            "x-unknown",
            "utf-8\0",
            '"',
            "",
            "unicode_escape",
        ),
        *("raw_unicode_escape", "punycode", "utf-7", "bz2", "../utf-8", "x" * 2000),
    ],
)
@pytest.mark.parametrize("encoding", ["8bit", "quoted-printable"])
def test_row_49_a_charset_that_is_none_is_guessed(charset: str, encoding: str) -> None:
    head = f"Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
    assert text.read(head + "Grüße".encode()).text == "Grüße"
    assert text.read(head + "Grüße".encode("cp1252")).text == "Grüße"


@pytest.mark.parametrize("shape", TEXTS)
def test_row_50_time_grows_with_a_hostile_text_and_no_faster(shape: str) -> None:
    small, large = as_text(shape, 2_000), as_text(shape, 2_000 * _GROWTH)
    assert _seconds(large) < _LINEAR * (_seconds(small) + _NOISE)


@pytest.mark.parametrize("shape", MARKUP)
def test_row_50_time_grows_with_a_hostile_page_and_no_faster(shape: str) -> None:
    small, large = as_html(shape, 8_000), as_html(shape, 8_000 * _GROWTH)
    assert _seconds(large) < _LINEAR * (_seconds(small) + _NOISE)


@pytest.mark.parametrize("shape", [*TEXTS, *MARKUP])
def test_row_50_beyond_the_bounds_nothing_more_is_looked_at(shape: str) -> None:
    assert len(text.read(as_text(shape, 400_000)).text) <= 16_384
    assert len(text.read(as_html(shape, 400_000)).text) <= 16_384


def test_row_54_control_characters_go_and_lines_stay() -> None:
    letter = text.read(mail("Content-Type: text/plain; charset=utf-8", body="a\0b\x07c\x1bd\ne\u00adf".encode()))
    assert letter.text == "abcd\nef"


@pytest.mark.parametrize("kind", ["message/partial; id=x; number=1", "message/external-body; access-type=url; URL=x"])
def test_row_55_nothing_is_put_together_or_fetched(kind: str) -> None:
    assert refusal(mail(f"Content-Type: {kind}")) == (554, "5.6.1")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/ms-tnef; name=winmail.dat", b"x\x9f>\x22"),
        ("text/calendar; method=REQUEST", b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"),
        ("image/png", b"\x89PNG"),
    ],
)
def test_row_51_what_cannot_be_read_leaves_the_subject(kind: str, body: bytes) -> None:
    letter = text.read(mail("Subject: Einladung", f"Content-Type: {kind}", body=body))
    assert (letter.subject, letter.text) == ("Einladung", "")
