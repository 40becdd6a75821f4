"""What a binary SMS holds: cards, appointments, words, and octets that nobody can read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import binary, gsm
from bridge.message import Attachment
from bridge.providers.websms.contents import read

CARD = b"BEGIN:VCARD\r\nVERSION:2.1\r\nN:Muster;Anna\r\nTEL:+436600000001\r\nEND:VCARD\r\n"
EVENT = b"BEGIN:VCALENDAR\r\nVERSION:1.0\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"


@pytest.mark.parametrize("port", [None, 9204, 5505])
@pytest.mark.parametrize(
    ("data", "name", "content_type"),
    [
        (CARD * 3, "contact.vcf", "text/vcard; charset=utf-8"),
        (CARD.replace(b"Muster", b"M\xfcller"), "contact.vcf", "text/vcard"),
        (EVENT * 4, "event.ics", "text/calendar; charset=utf-8"),
    ],
)
def test_cards_and_appointments(data: bytes, name: str, content_type: str, port: int | None) -> None:
    parts = binary.segments(data, port=port)
    expected = (Attachment(name=name, content_type=content_type, data=data),)
    with_header = port is not None or len(parts) > 1
    assert read(parts, with_header=with_header) == ("", expected)
    assert read(parts[::-1], with_header=with_header) == ("", expected)  # in whatever order
    assert read([data], with_header=False) == ("", expected)  # joined already


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Grüße, 3 €".encode(), "Grüße, 3 €"),
        (b"\xef\xbb\xbfHallo\r\ndu", "Hallo\ndu"),
        (b"Gr\x7e\x1ee aus Wien", "Grüße aus Wien"),
        (b"Das kostet 3 \x1be genau", "Das kostet 3 € genau"),
        (b"a\x00b.example", "a@b.example"),
    ],
)
def test_words(data: bytes, text: str) -> None:
    assert read([data], with_header=False) == (text, ())


@pytest.mark.parametrize(
    "data",
    [
        bytes(range(140)),
        b"\x00\x01\x02",
        b"\xff" * 300,
        b"\x00",
        b"abc\x1bzdefghijk",
        b"abcdefghijk\x1b",
        b"   \x00\x01\x02",
        b"\xef\xbb\xbf",
    ],
)
def test_everything_else_is_attached_as_it_is(data: bytes) -> None:
    expected = Attachment(name="sms.bin", content_type="application/octet-stream", data=data)
    assert read([data], with_header=False) == ("", (expected,))
    assert read(binary.segments(data, port=16000), with_header=True) == ("", (expected,))


def test_a_header_alone_may_be_the_message() -> None:
    waiting = bytes.fromhex("0401020003")  # special message indication: three voice mails
    assert read([waiting], with_header=True)[1][0].data == waiting


@pytest.mark.parametrize(
    ("headers", "remark"),
    [
        (["2a0301", "2a0303"], "\n[part 2 missing]"),
        (["2a0402"], "\n[parts 1, 3, 4 missing]"),
        (["2aff01"], "\n[254 parts missing]"),
        (["2a0201", "2b0202"], "\n[2 parts missing]"),
        (["2a0202", "2a0201"], ""),
    ],
)
def test_missing_segments_are_told(headers: list[str], remark: str) -> None:
    text, attachments = read([bytes.fromhex(f"050003{one}") + b"Hallo " for one in headers], with_header=True)
    assert (text, attachments) == ("Hallo " * len(headers) + remark, ())


def test_a_card_with_a_gap_is_attached_and_the_gap_told() -> None:
    text, attachments = read(binary.segments(CARD * 5)[:-1], with_header=True)
    assert text == "[part 3 missing]"
    assert attachments[0].name == "contact.vcf"


def test_nothing_is_nothing() -> None:
    assert read([b""], with_header=False) == read([], with_header=True) == ("", ())


@settings(max_examples=300, database=None, deadline=None)
@given(st.lists(st.binary(max_size=140), max_size=4), st.booleans())
def test_no_octets_are_lost(parts: list[bytes], with_header: bool) -> None:
    text, attachments = read(parts, with_header=with_header)
    text.encode()
    data, _ = binary.join(parts, with_header=with_header)
    if attachments:
        assert attachments[0].data in (data, b"".join(parts))
    elif data:
        assert text.strip()
    else:
        assert not b"".join(parts)


@settings(max_examples=200, database=None, deadline=None)
@given(st.text(st.sampled_from(gsm.BASIC.replace("\r", "") + gsm.EXTENSION.replace("\f", "")), max_size=40))
def test_plain_words_in_gsm_are_read(odd: str) -> None:
    text = f"{'Worte ' * (2 * len(odd) + 1)}{odd}ü"
    escaped = {c: code for code, c in zip(b"\x14()/<=>@e", gsm.EXTENSION[1:], strict=True)}
    septets = gsm.BASIC[:27] + "\x1b" + gsm.BASIC[27:]
    data = b"".join(bytes((27, escaped[c])) if c in escaped else bytes((septets.index(c),)) for c in text)
    found, attachments = read([data], with_header=False)
    assert attachments == ()
    assert found in (text, data.decode())  # where it is also UTF-8, nobody can know
