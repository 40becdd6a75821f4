"""A mail of the provider read as an SMS: the layouts we can imagine, one an administrator writes, and nonsense."""

import re
import time
from collections.abc import Sequence
from contextlib import suppress
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import sms_mail, text
from bridge.config.settings import WebsmsMailSettings
from bridge.message import IncomingSms, Unreadable
from tests.make import PHONE

DEFAULTS = WebsmsMailSettings().patterns
LINE = "436600000099"
TEXT = "Bin gleich da.\n> ja\nGrüße 🐢\n-- \nAnna"


def mail(
    body: str = TEXT, *, sender: str = "sms@provider.example.net", subject: str = "", identity: str = "<1@x.example>"
) -> bytes:
    made = EmailMessage()
    made["From"] = sender
    made["To"] = "sms-in@sms.example.com"
    made["Subject"] = subject
    if identity:
        made["Message-ID"] = identity
    made.set_content(body)
    return made.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def read(content: bytes, patterns: Sequence[re.Pattern[str]] = DEFAULTS) -> IncomingSms:
    return sms_mail.read(content, patterns, "AT")


@pytest.mark.parametrize(
    "subject",
    [
        "SMS from +43 660 0000001",
        "SMS von 0660/0000001",
        "SMS de +436600000001",
        "[SMS] Absender: 00436600000001",
        "SMS von +43 (0)660 0000001 10:00",
        "SMS von +43 660 0000001 2026-11-21 10:00",
        "SMS von +43 660 0000001 21.11.2026",
        "SMS 5280675300000000001 from +436600000001",
    ],
)
def test_the_phone_in_the_subject(subject: str) -> None:
    found = read(mail(subject=subject))
    assert (found.phone, found.line, found.text) == (PHONE, None, TEXT)


@pytest.mark.parametrize(
    ("subject", "line"),
    [
        ("SMS from +436600000001 to +436600000099", LINE),
        ("SMS von 06600000001 an 0660 0000099", LINE),
        ("SMS von +436600000001 auf 828282 empfangen", "828282"),
        ("SMS to +436600000099 from +436600000001", LINE),
        ("SMS von +436600000001 an 828282 an 828283", None),
        ("SMS an 2026-11-21 von +436600000001", None),
        ("SMS 2026-11-21 10:00 von +436600000001", None),
    ],
)
def test_phone_and_line_in_the_subject(subject: str, line: str | None) -> None:
    found = read(mail(subject=subject))
    assert (found.phone, found.line, found.text) == (PHONE, line, TEXT)


@pytest.mark.parametrize(
    "sender", ["436600000001@sms.provider.example.net", '"+43 660 0000001" <+436600000001@provider.example.net>']
)
def test_the_phone_as_the_author(sender: str) -> None:
    found = read(mail(sender=sender, subject="Neue SMS"))
    assert (found.phone, found.line, found.text) == (PHONE, None, TEXT)


@pytest.mark.parametrize(
    "subject",
    [
        "436600000002",
        "SMS +436600000002",
        "SMS received on +436600000002",
        "SMS für +436600000002",
        "SMS for +436600000002",
        "SMS an +436600000002",
        "SMS from 2025-10-17 09:00:12",
        "SMS vom 2025-10-17",
        "SMS von 20251017090012",
        "SMS from 17.10.2025 09:00",
        "sms.example.de 436600000002",
        "SMS: call me from +436600000002",
    ],
)
def test_what_else_stands_in_a_subject_is_no_phone(subject: str) -> None:
    with pytest.raises(Unreadable, match="none of"):
        read(mail(subject=subject))
    assert read(mail(f"From: {PHONE}\nText: {TEXT}", subject=subject)).phone == PHONE


def test_the_author_counts_before_the_subject() -> None:
    found = read(mail(sender=f"{PHONE}@sms.provider.example.net", subject="call me from +436600000002"))
    assert (found.phone, found.line) == (PHONE, None)
    with pytest.raises(Unreadable, match="none of"):
        read(mail(sender="20251017090012@sms.provider.example.net"))


@pytest.mark.parametrize(
    ("subject", "to", "line"),
    [
        ("SMS auf 0660 0000099 empfangen", "", LINE),
        ("SMS an 828282, an 828283", "", None),
        ("Neue SMS", f"{LINE}@sms.example.com", LINE),
        ("Neue SMS", f"Wir <+{LINE}@sms.example.com>", LINE),
    ],
)
def test_the_line_beside_the_author(subject: str, to: str, line: str | None) -> None:
    written = mail(sender=f"{PHONE}@sms.provider.example.net", subject=subject)
    found = read(written.replace(b"sms-in@sms.example.com", to.encode()) if to else written)
    assert (found.phone, found.line, found.text) == (PHONE, line, TEXT)


@pytest.mark.parametrize(
    "body",
    [
        f"From: +43 660 0000001\nTo: 0660 0000099\nID: 03a1b2c6\nText: {TEXT}",
        f"Absender = 06600000001\nEmpfänger = +436600000099\nNotificationId: 03a1b2c6\n\nNachricht:\n{TEXT}",
        f"id: 03a1b2c6\nrecipient: {LINE}\nsender: {PHONE}\nmessage: {TEXT}",
    ],
)
def test_fields_in_the_body(body: str) -> None:
    found = read(mail(body, subject="Neue SMS"))
    assert (found.phone, found.line, found.text.strip(), found.notification_id) == (PHONE, LINE, TEXT, "03a1b2c6")


def test_fields_that_a_phone_wrote_into_its_text_are_text() -> None:
    words = "From: +43 660 0000002\nText: forged"
    assert read(mail(words, subject=f"SMS from +{PHONE}")).phone == PHONE
    found = read(mail(f"From: {PHONE}\nText: {words}\nTo: 828282\nID: 12345"))
    assert (found.phone, found.line, found.text) == (PHONE, None, f"{words}\nTo: 828282\nID: 12345")
    assert found.notification_id.startswith("mail-")


@pytest.mark.parametrize(
    "body",
    [
        f"Hallo\nFrom: +{PHONE}\nText: forged",
        f"Content: x\nFrom: +{PHONE}\nText: forged\nSender: +{PHONE}",
        f"ID: abcd\n\nFrom: +{PHONE}\nText: forged",
        f"ID: abcd\nHallo: du\nFrom: +{PHONE}\nText: forged",
    ],
)
def test_fields_below_anything_else_are_not_believed(body: str) -> None:
    with pytest.raises(Unreadable, match="none of"):
        read(mail(body))


def test_an_administrators_own_pattern() -> None:
    pattern = re.compile(r"(?ms)^Subject: \[(?P<id>\w+)\] (?P<phone>\S+)/(?P<line>\d+)$.*?\n\n(?P<text>.*)")
    found = read(mail(subject="[n1] Bank/828282"), [re.compile("(?P<phone>never)(?P<text>)"), pattern])
    assert found == IncomingSms(notification_id="n1", phone="Bank", line="828282", text=TEXT)


def test_the_mail_written_out() -> None:
    raw = (
        b"From: =?utf-8?q?SMS_f=C3=BCr?=\r\n =?utf-8?q?_uns?= <x@example.net>\r\nSUBJECT:  a\r\n b\r\n"
        b"Message-ID: <1@x.example>\r\nContent-Type: text/html\r\n\r\n<p>Hallo<br>du</p>"
    )
    assert sms_mail.written_out(text.read(raw)) == (
        "From: SMS für uns <x@example.net>\nTo:\nSubject: a b\nMessage-ID: <1@x.example>\n\nHallo\ndu"
    )


def test_what_identifies_a_mail() -> None:
    subject = f"SMS from +{PHONE}"

    def id_of(**changes: str) -> str:
        return read(mail(**({"subject": subject} | changes))).notification_id

    assert id_of() == id_of(body="the same mail")
    assert id_of() != id_of(identity="<2@x.example>")
    assert id_of(identity="") == id_of(identity="")
    assert id_of(identity="") != id_of(identity="", body="another")
    later = b"Date: Sat, 21 Nov 2026 10:00:00 +0100\r\n" + mail(subject=subject, identity="")
    assert read(later).notification_id != id_of(identity="")


@pytest.mark.parametrize("words", ["", "\n\n"])
def test_an_sms_may_be_empty(words: str) -> None:
    assert read(mail(words, subject=f"SMS from +{PHONE}")).text == ""


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "none of"),
        (mail(), "none of"),
        (mail("From: nobody\nText: x"), "none of"),
        (mail("From: +436600000001\nno text"), "none of"),
        (b"X: " + b"x" * 100_000 + b"\r\n\r\n", "cannot be read"),
        (b"\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nx\r\n", "cannot be read"),
    ],
)
def test_what_cannot_be_read_says_why(content: bytes, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        read(content)


def test_a_pattern_without_a_phone_in_it() -> None:
    with pytest.raises(Unreadable, match="no phone"):
        read(mail(), [re.compile(r"(?P<phone>x{9})?(?P<text>)")])


HOSTILE = [
    "From: 1234\n" * 1500,
    "from: 1234\nto: 1234\nid: 1234\n" * 500,
    "to: 1\n" * 2700,
    "1 " * 8000,
    "from:" + " \t" * 8000,
    "Text" + " " * 16000,
    "\n\n" * 8000,
    "a\n" * 8000,
    "+" * 16000,
    "to 1" * 4000,
    "from +1 1 1 to +1 " * 900,
    "an " * 5000,
    "id:" + " " * 16000,
    "Date: 1\n" * 2000 + "\n",
    "empf\n\nnger: \n" * 1200,
]


@pytest.mark.parametrize("words", HOSTILE, ids=lambda words: words[:12])
def test_the_patterns_need_time_that_grows_with_the_mail_and_no_faster(words: str) -> None:
    started = time.perf_counter()
    with suppress(Unreadable):
        read(mail(words))
    with suppress(Unreadable):
        read(b"Subject: " + words.replace("\n", " ").encode()[:8000] + b"\r\n\r\n" + words.encode())
    assert time.perf_counter() - started < 5  # milliseconds; what grows faster takes minutes


@settings(max_examples=300, database=None, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda words: mail(words, subject=f"SMS from {PHONE}")))
def test_nothing_else_is_raised(content: bytes) -> None:
    with suppress(Unreadable):
        found = read(content)
        assert found.phone
        found.text.encode()
