"""Which parts of a mail may go to a phone as they are."""

from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import text
from bridge.text import ENCLOSURE, Enclosure
from tests.text.make import mail

CARD = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:J\xc3\xb6rg\r\nEND:VCARD\r\n"


def found(*fields: str, body: bytes = b"x") -> tuple[Enclosure, ...]:
    return text.read(mail(*fields, body=body)).enclosures


def mixed(kind: str, *parts: bytes) -> tuple[Enclosure, ...]:
    body = b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"
    return found(f"Content-Type: multipart/{kind}; boundary=b", body=body)


def test_a_card_as_a_mail_program_attaches_it() -> None:
    letter = EmailMessage()
    letter.set_content("Hier die Karte")
    letter.add_attachment(CARD, maintype="text", subtype="vcard", filename="Jörg.vcf")
    assert text.read(letter.as_bytes()).text == "Hier die Karte"
    assert text.read(letter.as_bytes()).enclosures == (Enclosure(kind="vcard", name="Jörg.vcf", data=CARD),)


@pytest.mark.parametrize(
    ("content_type", "disposition", "kind"),
    [
        ("text/vcard", "", "vcard"),
        ("TEXT/X-VCARD; charset=utf-8", "", "vcard"),
        ("text/calendar; method=REQUEST", "attachment", "vcalendar"),
        ("text/x-vcalendar", "inline", "vcalendar"),
        ("application/x-sms-binary", "", "binary"),
        ("application/octet-stream", "attachment; filename=ANNA.VCF", "vcard"),
        ('text/plain; name="a.ics"', "inline", "vcalendar"),
        ("application/octet-stream", 'attachment; filename="a.vcs"', "vcalendar"),
        ("application/x-sms-binary", "attachment; filename=a.vcf", "binary"),  # what it says it is comes first
        ("application/octet-stream", "attachment; filename=vcf", "vcard"),
        ("application/octet-stream", "attachment; filename=a.vcf.exe", None),
        ("application/pdf", "attachment; filename=a.pdf", None),
        ("text/plain", "", None),
    ],
)
def test_what_it_is_by_its_type_and_else_by_its_name(content_type: str, disposition: str, kind: str | None) -> None:
    part = f"Content-Type: {content_type}\r\nContent-Disposition: {disposition}\r\n\r\nx".encode()
    assert [one.kind for one in mixed("mixed", b"\r\nHallo", part)] == ([kind] if kind else [])


@pytest.mark.parametrize(
    ("parameter", "with_header"),
    [("; udh=true", True), ("; UDH=1", True), ('; udh="Yes"', True), ("; udh=0", False), ("; udh", False), ("", False)],
)
def test_the_senders_own_header(parameter: str, with_header: bool) -> None:
    assert [one.with_header for one in found(f"Content-Type: application/x-sms-binary{parameter}")] == [with_header]
    assert [one.with_header for one in found(f"Content-Type: text/vcard{parameter}")] == [False]


def test_all_in_their_order_wherever_they_stand() -> None:
    inner = (
        b"Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\nContent-Type: text/vcard; name=2\r\n\r\nx\r\n--c--"
    )
    parts = (b"Content-Type: text/vcard; name=1\r\n\r\nx", inner, b"Content-Type: text/calendar; name=3\r\n\r\nx")
    assert [one.name for one in mixed("mixed", *parts)] == ["1", "2", "3"]


def test_an_invitation_is_a_text_with_another_shape_and_one_attached_is_a_file() -> None:
    plain, shape = b"\r\nKommst du?", b"Content-Type: text/calendar; method=REQUEST\r\n\r\nx"
    assert mixed("alternative", plain, shape) == ()
    attached = b"Content-Disposition: attachment; filename=a.ics\r\n" + shape
    assert len(mixed("alternative", plain, attached)) == 1
    inside = (
        b"Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n" + shape + b"\r\n--c--"
    )  # as Apple's program does
    assert len(mixed("alternative", plain, inside)) == 1


def test_a_mail_that_is_nothing_else() -> None:
    body = b"/wAB\r\n"
    fields = ("Content-Type: application/x-sms-binary; name=a.bin", "Content-Transfer-Encoding: base64")
    assert found(*fields, body=body) == (Enclosure(kind="binary", name="a.bin", data=b"\xff\x00\x01"),)


def test_an_attached_mail_is_not_opened() -> None:
    inner = b"Content-Type: message/rfc822\r\n\r\nContent-Type: text/vcard\r\n\r\nx"
    assert mixed("mixed", b"\r\nHallo", inner) == ()


def test_damaged_and_large_ones_are_known_as_such() -> None:
    fields = ("Content-Type: text/vcard", "Content-Transfer-Encoding: base64")
    assert [one.data for one in found(*fields, body=b"damaged!")] == [None]
    for size in (0, 1, ENCLOSURE, ENCLOSURE + 1, ENCLOSURE + 2):
        assert [len(one.data or b"") for one in found(fields[0], body=b"x" * size)] == [min(size, ENCLOSURE + 1)]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ('"C:\\\\\\\\Karten\\\\\\\\a.vcf"', "a.vcf"),
        ("../../etc/a.vcf", "a.vcf"),
        ("x" * 99 + ".vcf", "x" * 60),
        ("=?utf-8?q?a=0Ab.vcf?=", "a b.vcf"),
    ],
)
def test_names_are_one_short_line_without_a_directory(name: str, shown: str) -> None:
    assert [one.name for one in found(f"Content-Type: text/vcard; name={name}")] == [shown]


def test_contents_do_not_show() -> None:
    assert "geheim" not in repr(Enclosure(kind="vcard", name="a", data=b"geheim"))


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["", "base64", "quoted-printable", "8bit", "x"]))
def test_whatever_comes_nothing_fails(body: bytes, encoding: str) -> None:
    fields = ("Content-Type: application/x-sms-binary; udh=1", f"Content-Transfer-Encoding: {encoding}")
    assert len(found(*fields, body=body)) == 1
