"""What is read off a mail besides its words, and what is refused."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import text

TEXT = b"Content-Type: text/plain; charset=utf-8\r\n\r\n"


def mail(*fields: str, body: bytes = b"Hallo\r\n") -> bytes:
    return "".join(field + "\r\n" for field in fields).encode() + b"\r\n" + body


def refusal(data: bytes) -> tuple[int, str]:
    with pytest.raises(text.Refused) as caught:
        text.read(data)
    assert caught.value.sentence
    return caught.value.code, caught.value.status


def test_everything_at_once() -> None:
    letter = text.read(
        mail(
            "Received: one",
            "Received: two",
            "From: Anna Muster <Anna@EXAMPLE.com>",
            "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= aus Wien",
            "Date: Wed, 12 Mar 2025 10:11:12 +0100",
            "Message-ID: <a.b@example.com>",
            "In-Reply-To: <c@example.com>",
            "References: <d@example.com>",
            " <c@example.com>",
            "Precedence: Bulk",
            "List-Id: <list.example.com>",
            "Content-Language: de-AT",
            "Auto-Submitted: auto-generated (rule 7)",
        )
    )
    assert letter.from_addresses == ("Anna@example.com",)
    assert letter.subject == "Grüße aus Wien"
    assert letter.date == "Wed, 12 Mar 2025 10:11:12 +0100"
    assert letter.message_id == "<a.b@example.com>"
    assert letter.in_reply_to == "<c@example.com>"
    assert letter.references == ("<d@example.com>", "<c@example.com>")
    assert letter.is_reply
    assert letter.precedence == "bulk"
    assert letter.list_id
    assert letter.content_language == "de-AT"
    assert letter.auto_submitted == "auto-generated"
    assert letter.received_count == 2
    assert letter.is_automatic
    assert not letter.is_auto_reply
    assert letter.body_digest == hashlib.sha256(b"Hallo\r\n").digest()
    assert letter.attachments == 0
    assert letter.text == letter.raw_text == "Hallo"


def test_nothing_at_all() -> None:
    letter = text.read(b"")
    assert letter.text == letter.subject == letter.date == ""
    assert letter.message_id is None
    assert not letter.is_automatic
    assert not letter.is_reply


def test_a_quotation_is_kept_in_the_raw_text_and_without_references_in_both() -> None:
    body = b"Ja.\r\n\r\nAm 12.03.2025 um 10:11 schrieb Anna:\r\n> Kommst du?\r\n"
    answer = text.read(mail("In-Reply-To: <a@example.com>", body=body))
    assert answer.text == "Ja."
    assert answer.raw_text.endswith("> Kommst du?")
    assert text.read(mail(body=body)).text.endswith("> Kommst du?")


@pytest.mark.parametrize(
    ("field", "addresses"),
    [
        ("a@example.com", ("a@example.com",)),
        ('"Muster, Anna" <a@example.com>', ("a@example.com",)),
        ("Anna (im Büro (oben)) <a@Example.COM>", ("a@example.com",)),
        ("=?utf-8?q?a=40good=2Eexample?= <a@example.com>", ("a@example.com",)),
        ("a@example.com, B <b@example.com>", ("a@example.com", "b@example.com")),
        ("a@example.com,", ("a@example.com",)),
        ('"a b"@example.com', ('"a b"@example.com',)),
        ("=?utf-8?q?a=40good=2Eexample?=", ()),
        ("a@=?utf-8?q?good.example?=", ("a@=?utf-8?q?good.example?=",)),
        ("a@example.com, nobody", ()),
        ("<a@example.com> b@example.org", ()),
        ("<@relay.example:a@example.com>", ()),
        ("group: a@example.com;", ()),
        ('Anna" <a@example.com>', ()),
        ('(" <a@example.org>) <a@example.com>', ()),
        ("Anna <a@example.com", ()),
        ("(", ()),
        ('"', ()),
        ("<>", ()),
        ("", ()),
    ],
)
def test_senders_are_understood_wholly_or_not_at_all(field: str, addresses: tuple[str, ...]) -> None:
    assert text.read(mail(f"From: {field}")).from_addresses == addresses


def test_two_from_fields_are_two_senders() -> None:
    letter = text.read(mail("From: a@example.com", "From: a@example.com"))
    assert letter.from_addresses == ("a@example.com", "a@example.com")


@pytest.mark.parametrize(
    ("field", "subject"),
    [
        ("Wartung", "Wartung"),
        ("=?iso-8859-1?Q?M=E4rz?=", "März"),
        ("=?ISO-8859-1?Q?100_=80?=", "100 €"),
        ("=?utf-8?B?TcOkcno=?=", "März"),
        ("=?utf-8?B?TcOkcno?=", "März"),
        ("=?utf-8?Q?M=C3?= =?utf-8?Q?=A4rz?=", "März"),
        ("=?utf-8?Q?a?=\r\n =?utf-8?Q?b?= c", "ab c"),
        ("a =?utf-8?Q?b?= =?iso-8859-1?Q?=E4?=", "a bä"),
        ("=?utf-8?Q?mit Leerzeichen?=", "mit Leerzeichen"),
        ("=?utf-8*de?Q?M=C3=A4rz?=", "März"),
        ("=?zip?B?TcOkcno=?=", "März"),
        ("=?utf-8?X?a?=", "=?utf-8?X?a?="),
        ("=?utf-8?Q?a", "=?utf-8?Q?a"),
        ("=?utf-8?Q?a=0D=0ABcc:_b=40example.com?=", "a Bcc: b@example.com"),
        ("Störung", "Störung"),
        ("a\tb  c", "a b c"),
    ],
)
def test_subjects(field: str, subject: str) -> None:
    assert text.read(mail(f"Subject: {field}")).subject == subject


def test_a_raw_latin_subject_is_read() -> None:
    assert text.read("Subject: Störung\r\n\r\n".encode("latin-1")).subject == "Störung"


@pytest.mark.parametrize(
    ("field", "message_id"),
    [
        ("<a@example.com>", "<a@example.com>"),
        ("<[x@microsoft.com]>", "<[x@microsoft.com]>"),
        ("<no-at>", "<no-at>"),
        ("a@example.com", None),
        ("<a b@example.com>", None),
        ("<a@b> <c@d>", None),
        ("<ä@example.com>", None),
        ("<>", None),
        ("", None),
    ],
)
def test_message_ids(field: str, message_id: str | None) -> None:
    assert text.read(mail(f"Message-ID: {field}")).message_id == message_id


def test_references_are_bounded_and_keep_the_root() -> None:
    ids = [f"<{n}@example.com>" for n in range(300)]
    letter = text.read(mail("References: " + "\r\n ".join(ids)))
    assert letter.references == (ids[0], *ids[-49:])


@pytest.mark.parametrize(
    ("field", "automatic", "reply"),
    [
        ("Auto-Submitted: no", False, False),
        ("Auto-Submitted: auto-generated", True, False),
        ("Auto-Submitted: Auto-Replied; owner=x", True, True),
        ("Auto-Submitted: auto-notified", True, True),
        ("Precedence: bulk", True, False),
        ("Precedence: auto_reply", True, True),
        ("Precedence: first-class", False, False),
        ("X-Autoreply: yes", True, True),
        ("X-MS-Exchange-Inbox-Rules-Loop: a@example.com", True, True),
        ("X-Auto-Response-Suppress: All", False, False),
        ("List-Id: <a.example.com>", True, False),
        ("Content-Type: multipart/report; boundary=b", False, False),
    ],
)
def test_who_wrote_it(field: str, automatic: bool, reply: bool) -> None:
    letter = text.read(mail(field))
    assert (letter.is_automatic, letter.is_auto_reply) == (automatic, reply)


def test_a_report_is_a_programs_answer() -> None:
    body = b"--b\r\n\r\nnot delivered\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nx: y\r\n--b--\r\n"
    letter = text.read(mail("Content-Type: multipart/report; boundary=b", body=body))
    assert letter.is_auto_reply
    assert letter.text == "not delivered"


@pytest.mark.parametrize(
    "subject", ["Automatic reply: x", "AW: Abwesenheitsnotiz", "Réponse automatique : x", "Auto: x"]
)
def test_subjects_of_absence(subject: str) -> None:
    assert text.read(mail(f"Subject: {subject}")).absence_subject


@pytest.mark.parametrize("subject", ["Automatik-Tor offen", "Auto kaputt", "Officezeiten", "Re: Antwort"])
def test_subjects_of_people(subject: str) -> None:
    assert not text.read(mail(f"Subject: {subject}")).absence_subject


@pytest.mark.parametrize(
    ("charset", "data", "words"),
    [
        ("utf-8", "Grüße €".encode(), "Grüße €"),
        ("iso-8859-1", "Grüße €".encode("cp1252"), "Grüße €"),
        ("iso-8859-1", "Grüße €".encode(), "Grüße €"),
        ("us-ascii", "Grüße".encode("latin-1"), "Grüße"),
        ("utf-8", "Grüße".encode("latin-1"), "Grüße"),
        ("iso-8859-15", "Grüße €".encode("iso8859-15"), "Grüße €"),
        ("windows-1251", "Привет".encode("cp1251"), "Привет"),
        ("utf-16", "Grüße".encode("utf-16"), "Grüße"),
        ("utf-8", "ÄÖÜ".encode() + b"\xe2\x82", "ÄÖÜ\ufffd"),
        *(
            (name, "Grüße".encode("latin-1"), "Grüße")
            for name in ("idna", "zip", "rot13", "hex", "base64", "undefined")
        ),
        *((name, "Grüße".encode("latin-1"), "Grüße") for name in ("mbcs", "x-unknown", "utf-8\0", '"', "", "utf-7")),
        *((name, "Grüße".encode("latin-1"), "Grüße") for name in ("unicode_escape", "punycode", "a" * 3000)),
    ],
)
def test_charsets(charset: str, data: bytes, words: str) -> None:
    letter = text.read(mail(f"Content-Type: text/plain; charset={charset}", body=data))
    assert letter.text == words


@pytest.mark.parametrize(
    ("encoding", "body", "words"),
    [
        ("quoted-printable", b"Gr=C3=BC=C3=9Fe =\r\naus Wien", "Grüße aus Wien"),
        ("quoted-printable", b"a=b =ZZ =", "a=b =ZZ"),
        ("base64", b"R3LDvMOf\r\nZQ==", "Grüße"),
        ("base64", b"R3LDvMOfZQ", "Grüße"),
        ("base64", b"R3LD\r\nvMOfZQ==\r\nIQ==", "Grüße!"),
        ("base64", b"!!!", ""),
        ("x-unknown", b"so", "so"),
    ],
)
def test_encodings(encoding: str, body: bytes, words: str) -> None:
    letter = text.read(mail(f"Content-Transfer-Encoding: {encoding}", "Content-Type: text/plain", body=body))
    assert letter.text == words


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/mixed; boundary=b",
        'multipart/mixed; boundary="b"; x=y',
        "multipart/mixed;\r\n boundary*0=b",
        "multipart/mixed; boundary*=utf-8''%62",
    ],
)
def test_boundaries_in_every_spelling(content_type: str) -> None:
    body = b"preamble\r\n--b\r\n\r\nHallo\r\n--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--\r\nepilogue"
    letter = text.read(mail(f"Content-Type: {content_type}", body=body))
    assert (letter.text, letter.attachments) == ("Hallo", 1)


def test_files_are_counted_and_not_read() -> None:
    body = (
        b"--b\r\nContent-Type: text/plain\r\n\r\nHallo\r\n"
        b"--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=log.txt\r\n\r\nlog\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ninner\r\n"
        b"--b--\r\n"
    )
    letter = text.read(mail("Content-Type: multipart/mixed; boundary=b", body=body))
    assert (letter.text, letter.attachments) == ("Hallo", 2)


def test_a_footer_beside_an_html_mail_is_added() -> None:
    body = b"--b\r\nContent-Type: text/html\r\n\r\n<p>Hallo</p>\r\n--b\r\n\r\nlist footer\r\n--b--\r\n"
    letter = text.read(mail("Content-Type: multipart/mixed; boundary=b", body=body))
    assert letter.text == "Hallo\nlist footer"


def test_only_a_file_is_no_text() -> None:
    letter = text.read(mail("Content-Type: image/jpeg", "Content-Transfer-Encoding: base64", body=b"/9j/4A=="))
    assert (letter.text, letter.attachments) == ("", 1)


def test_a_body_without_a_header_and_a_header_without_a_body() -> None:
    assert text.read(b"Alarm!\r\nZone 4").text == "Alarm!\nZone 4"
    assert text.read(b"Subject: Alarm").subject == "Alarm"
    assert text.read(b"From a Wed Mar 12\nSubject: x\n\ny").subject == "x"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ('multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b', b"--b\r\n\r\nx\r\n--b--"),
        ("application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m", b"MIIB"),
        ("application/x-pkcs7-mime; smime-type=signed-data", b"MIIB"),
        ("message/partial; id=x; number=1", b"x"),
        ("message/external-body; access-type=url", b"x"),
        ("multipart/mixed; boundary=b", b"--b\r\nContent-Type: message/partial\r\n\r\nx\r\n--b--"),
        ("multipart/mixed; boundary=b", b"--b\r\nContent-Type: application/pkcs7-mime\r\n\r\nx\r\n--b--"),
        ("text/plain", b"-----BEGIN PGP MESSAGE-----\r\n\r\nabc\r\n-----END PGP MESSAGE-----"),
    ],
)
def test_what_is_not_ours_to_read(content_type: str, body: bytes) -> None:
    assert refusal(mail(f"Content-Type: {content_type}", body=body)) == (554, "5.6.1")


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


@given(st.binary(max_size=300))
def test_noise_is_read_or_refused(data: bytes) -> None:
    for start in (b"", TEXT, b"Content-Type: text/html\r\nIn-Reply-To: <a@b>\r\n\r\n", PARTS, b"Subject: =?utf-8?"):
        try:
            letter = text.read(start + data)
        except text.Refused:
            continue
        assert "\r" not in letter.text
        assert "\n" not in letter.subject


@given(st.text(max_size=200), st.sampled_from(["From", "Subject", "Content-Type", "References", "Content-Disposition"]))
def test_noise_in_a_field_is_harmless(value: str, name: str) -> None:
    letter = text.read(f"{name}: {value}\r\n\r\nHallo".encode("utf-8", "replace"))
    assert "\n" not in letter.subject
    assert all("@" in address for address in letter.from_addresses)
