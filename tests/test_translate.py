"""The bridge itself, both ways."""

import email
import email.policy
import re
from dataclasses import replace
from email.message import EmailMessage, MIMEPart
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import binary, gsm, text
from bridge.message import Attachment, IncomingSms, Sms, decode_sms, encode_sms
from bridge.routing import Allow, Route
from bridge.text import Enclosure, Letter
from bridge.text.enclosures import Kind
from bridge.translate import Addressed, Untranslatable, mail_from_sms, sms_from_mail
from tests.make import NOW, PHONE

ROUTE = Route(name="r", row=1, allow=Allow(), originator="436600000099")
SMS = IncomingSms(notification_id="n1", phone=PHONE, line="436600000099", text="Bin gleich da. Grüße 🐢")
TO = Addressed(mailbox="anna@example.com", why="phone", name=None, address=f"{PHONE}@sms.example.com")


def letter(subject: str = "", body: str = "", *headers: str) -> Letter:
    head = "".join(f"{header}\r\n" for header in headers)
    return text.read(
        f"{head}Subject: {subject}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body}".encode("utf-8", "replace")
    )


def said(mail: Letter, **policy: object) -> str:
    return sms_from_mail(mail, replace(ROUTE, **policy)).text  # type: ignore[arg-type] # tests name the fields they mean


@pytest.mark.parametrize(
    ("policy", "subject", "body", "expected"),
    [
        ("prefix", "Alarm", "Keller unter Wasser", "Alarm\nKeller unter Wasser"),
        ("prefix", "Alarm", "Alarm\nim Keller", "Alarm\nim Keller"),
        ("prefix", "", "nur Text", "nur Text"),
        ("prefix", "nur Betreff", "", "nur Betreff"),
        ("prefix", "Re: [liste] AW: Alarm", "x", "Alarm\nx"),
        ("prefix", "[RESOLVED] Alarm", "x", "[RESOLVED] Alarm\nx"),
        ("prefix", "Alarm", "Alarm: Keller unter Wasser", "Alarm: Keller unter Wasser"),
        ("only", "WG: [EXTERN] Alarm", "x", "Alarm"),
        ("ignore", "Alarm", "Alarm im Keller", "Alarm im Keller"),
        ("{subject}: {text}", "AW: [x] Alarm", "Keller", "Alarm: Keller"),
        ("{subject}: {text}", "", "Keller", "Keller"),  # no point before nothing
        ("{subject}: {text}", "Alarm", "", "Alarm"),
        ("Wache: {text}", "", "Keller", "Wache: Keller"),
        ("ignore", "Alarm", "nur Text", "nur Text"),
        ("ignore", "Alarm", "", "Alarm"),  # no body: the subject is the text
        ("only", "Alarm", "nicht das", "Alarm"),
        ("only", "", "dann eben das", "dann eben das"),
        ("{text} ({subject})", "Alarm", "Keller", "Keller (Alarm)"),
        ("{subject}", "Alarm", "Keller", "Alarm"),
        ("!{subject}!{text}", "{text}", "{subject}", "!{text}!{subject}"),  # what is put in is not a template
    ],
)
def test_the_subjects_policy(policy: str, subject: str, body: str, expected: str) -> None:
    assert said(letter(subject, body), subject=policy) == expected


def with_files(words: str, count: int, subject: str = "") -> Letter:
    files = "".join(f"--b\r\nContent-Type: image/png; name={n}.png\r\n\r\nx\r\n" for n in range(count))
    head = f"Subject: {subject}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    return text.read(f"{head}--b\r\n\r\n{words}\r\n{files}--b--\r\n".encode())


@pytest.mark.parametrize(
    ("policy", "files", "expected"),
    [
        ({}, 0, "Plan"),
        ({}, 1, "Plan\n[1 file]"),
        ({}, 2, "Plan\n[2 files]"),
        ({"language": "de"}, 1, "Plan\n[1 Datei]"),
        ({"language": "de"}, 2, "Plan\n[2 Dateien]"),
        ({"attachments": "ignore"}, 2, "Plan"),
        ({"attachments": "refuse"}, 0, "Plan"),
        ({"voice": True}, 2, "Plan"),  # nobody wants to hear a bracket
    ],
)
def test_files_are_counted(policy: dict[str, object], files: int, expected: str) -> None:
    assert said(with_files("Plan", files), **policy) == expected


def test_files_are_counted_only_where_it_costs_no_sms() -> None:
    assert said(with_files("x" * 149, 1)) == "x" * 149 + "\n[1 file]"
    assert said(with_files("x" * 150, 1)) == "x" * 150
    assert said(with_files("x" * 60 + "\u0416", 1)) == "x" * 60 + "\u0416\n[1 file]"
    assert said(with_files("x" * 61 + "\u0416", 1)) == "x" * 61 + "\u0416"
    assert "[" not in said(with_files("x" * 600, 1))


def test_files_may_be_refused() -> None:
    with pytest.raises(Untranslatable) as caught:
        said(with_files("Plan", 2), attachments="refuse")
    assert (caught.value.code, caught.value.status) == (554, "5.6.1")
    assert str(caught.value) == "the mail has attachments (2) and an SMS takes none"


def test_a_mail_of_files_alone_is_its_subject() -> None:
    assert said(with_files("", 1, "Scan")) == "Scan\n[1 file]"
    with pytest.raises(Untranslatable, match="neither text nor a subject"):
        said(with_files("", 1))


@pytest.mark.parametrize(
    ("mark", "body", "expected"),
    [
        ("###", "Komm bitte.\r\n### intern\r\nKostenstelle 7", "Komm bitte."),
        ("###", "Komm bitte.\r\n  ### intern", "Komm bitte."),
        ("###", "Nummer ### 7\r\nbleibt", "Nummer ### 7\nbleibt"),
        ("###", "ohne", "ohne"),
        ("", "Komm bitte.\r\n### bleibt", "Komm bitte.\n### bleibt"),
        ("###", "### alles intern", "Betreff"),
    ],
)
def test_a_line_with_the_end_mark_ends_the_text(mark: str, body: str, expected: str) -> None:
    assert said(letter("Betreff", body), end_mark=mark, subject="ignore") == expected


@pytest.mark.parametrize("header", ["In-Reply-To: <a@example.org>", "References: <a@example.org>"])
def test_the_subject_of_an_answer_is_no_news(header: str) -> None:
    assert said(letter("Re: SMS Anna", "ja", header)) == "ja"
    assert said(letter("Re: SMS Anna", "", header)) == "SMS Anna"


@pytest.mark.parametrize("mark", ["WG:", "Fwd:", "TR:", "[EXTERN] WG:"])
def test_the_subject_of_a_mail_handed_on_is_news(mark: str) -> None:
    """Mail programs name the mail they hand on in the same fields as one they answer."""
    forwarded = letter(f"{mark} Pumpe 3 steht", "Bitte ansehen!", "References: <a@example.org>")
    assert said(forwarded) == "Pumpe 3 steht\nBitte ansehen!"


@pytest.mark.parametrize("policy", ["prefix", "ignore", "only", "{text}"])
@pytest.mark.parametrize("body", ["", " \r\n\r\n", "\x00\x01"])
def test_neither_text_nor_subject_is_refused(policy: str, body: str) -> None:
    with pytest.raises(Untranslatable) as refused:
        said(letter("", body), subject=policy)
    assert (refused.value.code, refused.value.status) == (554, "5.6.0")


def test_row_52_what_is_too_long_is_cut_or_refused_as_the_route_says() -> None:
    long = letter("", "wort " * 400)
    cut = said(long, max_parts=2)
    assert cut.endswith("...")
    assert gsm.count(cut).parts == 2
    with pytest.raises(Untranslatable) as refused:
        said(long, max_parts=2, too_long="refuse")
    assert (refused.value.code, refused.value.status) == (552, "5.2.3")
    assert "14 SMS" in refused.value.sentence or "13 SMS" in refused.value.sentence
    assert said(letter("", "x" * 306), max_parts=2, too_long="refuse") == "x" * 306


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("x" * 161, "the text has 161 characters, needs 2 SMS and may have 1; shorten it"),
        (
            "x" * 79 + "\U0001f600",
            "the text has 80 characters, needs 2 SMS and may have 1; shorten it; "
            "without U+1F600 GRINNING FACE it needs 1",
        ),
        (
            "ж" * 100 + "日本語",
            "the text has 103 characters, needs 2 SMS and may have 1; shorten it; without U+0436 CYRILLIC SMALL LETTER"
            " ZHE, U+65E5 CJK UNIFIED IDEOGRAPH-65E5, U+672C CJK UNIFIED IDEOGRAPH-672C and 1 more it needs none",
        ),
    ],
)
def test_row_53_a_refusal_says_how_long_a_text_is_and_what_made_it_so(body: str, sentence: str) -> None:
    with pytest.raises(Untranslatable) as refused:
        said(letter("", body), max_parts=1, too_long="refuse")
    assert refused.value.sentence == sentence


@given(st.text("ж日😀\U000e0067\u0e33ǅ", min_size=71, max_size=400))
def test_a_refusal_fits_a_reply(body: str) -> None:
    with pytest.raises(Untranslatable) as refused:
        said(letter("", f"a{body}{'b' * 160}"), max_parts=1, too_long="refuse")
    assert refused.value.sentence.isascii()
    assert refused.value.sentence.isprintable()
    assert len(refused.value.sentence) < 400


def test_the_routes_wishes_go_along() -> None:
    route = replace(ROUTE, flash=True, priority=9, category="informational", max_parts=5)
    assert sms_from_mail(letter("", "x"), route) == Sms(
        text="x", originator="436600000099", max_parts=5, flash=True, priority=9, category="informational"
    )


@settings(max_examples=150, database=None, deadline=None)
@given(st.text(max_size=400), st.text(max_size=2000), st.integers(1, 4))
def test_whatever_comes_a_text_that_fits_comes_out_or_a_reply(subject: str, body: str, parts: int) -> None:
    try:
        made = said(letter(subject.replace("\r", "").replace("\n", ""), body), max_parts=parts)
    except (Untranslatable, text.Refused):
        return
    assert made.strip()
    assert gsm.count(made).parts <= parts
    made.encode()  # storable


def relayed(sms: IncomingSms = SMS, to: Addressed = TO) -> EmailMessage:
    raw = mail_from_sms(sms, to, hostname="mx.example.com", at=NOW)
    return email.message_from_bytes(raw, policy=email.policy.default)


def test_the_mail_of_an_sms() -> None:
    mail = relayed()
    assert mail.get_content().replace("\r\n", "\n") == "Bin gleich da. Grüße 🐢\n"
    assert mail["From"].addresses[0].addr_spec == "436600000001@sms.example.com"
    assert mail["From"].addresses[0].display_name == "+43 660 0000001"
    assert mail["To"] == "anna@example.com"
    assert mail["Subject"] == "SMS +43 660 0000001"
    assert mail["Date"].datetime.timestamp() == NOW
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Loop"] == "sms.example.com"
    assert mail["X-SMS-From"] == "+43 660 0000001"
    assert mail["X-SMS-To"] == "+43 660 0000099"
    assert mail["X-SMS-Notification-Id"] == "n1"
    assert mail["X-SMS-Delivered-Because"] == "phone"
    assert mail["Reply-To"] is None
    assert mail["X-SMS-Flash"] is None


def test_all_mails_of_one_phone_and_mailbox_are_one_thread() -> None:
    first, second = relayed(), relayed(replace(SMS, notification_id="n2", text="noch was"))
    assert first["Message-ID"] != second["Message-ID"]
    assert first["References"] == second["References"] == first["In-Reply-To"]
    assert first["Subject"] == second["Subject"]
    other = relayed(to=replace(TO, mailbox="bernd@example.com"))
    assert other["References"] != first["References"]


def test_an_answer_stands_under_the_mail_it_answers() -> None:
    mail = relayed(to=replace(TO, answers="<m@example.org>"))
    assert mail["In-Reply-To"] == "<m@example.org>"
    assert mail["References"].split()[-1] == "<m@example.org>"
    assert mail["References"].split()[0] == relayed()["References"]


def test_an_answer_bears_the_subject_of_the_mail_it_answers() -> None:
    """Gmail and Outlook show as one conversation only what has the same subject."""
    assert relayed(to=replace(TO, topic="Pumpe 3"))["Subject"] == "Re: Pumpe 3"
    assert relayed(to=replace(TO, topic="[x] Grüße 🐢"))["Subject"] == "Re: [x] Grüße 🐢"
    # Who answers an SMS has the phone's own subject, and that stays as it is.
    assert relayed(to=replace(TO, topic="SMS +43 660 0000001"))["Subject"] == "SMS +43 660 0000001"


def test_html_is_an_alternative_and_nothing_but_the_text() -> None:
    mail = relayed(replace(SMS, text="<b>1 & 2</b>\n\nשלום https://example.com"), replace(TO, html=True))
    assert mail.get_content_type() == "multipart/alternative"
    plain, markup = mail.iter_parts()
    assert shown(plain) == "<b>1 & 2</b>\n\nשלום https://example.com\n"
    assert '<div dir="auto" style="white-space: pre-wrap">&lt;b&gt;1 &amp; 2&lt;/b&gt;</div>' in shown(markup)
    assert not re.search("<a |href|src=", shown(markup))
    held = Attachment(name="contact.vcf", content_type="text/vcard; charset=utf-8", data=b"x")
    both = relayed(replace(SMS, attachments=(held,)), replace(TO, html=True))
    assert [part.get_content_type() for part in both.walk()] == [
        "multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/vcard",
    ]  # fmt: skip
    assert relayed().get_content_type() == "text/plain"


HOSTILE = [
    "", " ", "\n\n", "\x00", "\x1b[31mrot", "a\r\nBcc: x@example.net\r\n\r\nb", ".\r\n.\r\nQUIT", "From x",
    "=?utf-8?q?=0ABcc:?=", "\ufeff", "--\n-- \n", "\u2028\u2029\x85",
    "\u202eevil\u2066", "مرحبا\nשלום", "👨‍👩‍👧🏳️‍🌈" * 50, "e\u0301" * 500, "x" * 40_000,
    "\ud83d allein",
]  # fmt: skip


@pytest.mark.parametrize("html", [False, True])
@pytest.mark.parametrize("words", HOSTILE)
def test_row_112_every_text_arrives_as_it_is_and_adds_no_header(words: str, *, html: bool) -> None:
    sms = IncomingSms(notification_id=words, phone=words, line=words, text=words, kind="text")
    to = replace(TO, name=words, topic=words, reply_to="r+t@sms.example.com", html=html)
    raw = mail_from_sms(sms, to, hostname="mx.example.com", at=NOW)
    head, _, _ = raw.partition(b"\r\n\r\n")
    assert re.fullmatch(rb"(?:[A-Za-z][A-Za-z-]*: ?[ -~]*(?:\r\n [ -~]+)*(?:\r\n)?)+", head)
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert not {"Bcc", "Cc"} & set(mail.keys())
    assert len(mail.keys()) == len(set(mail.keys()))
    plain = mail.get_body(("plain",))
    assert plain is not None
    wanted = words.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n").encode("utf-8", "replace").decode()
    assert shown(plain).rstrip("\n") == (wanted if words.strip() else "(The SMS is empty.)")


NAMES = {
    *("Auto-Submitted", "Content-Transfer-Encoding", "Content-Type", "Date", "From", "In-Reply-To", "MIME-Version"),
    *("Message-ID", "References", "Reply-To", "Subject", "To", "X-Loop", "X-SMS-Delivered-Because", "X-SMS-From"),
    *("X-SMS-Notification-Id", "X-SMS-To"),
}
_PIECES = [*HOSTILE[:-2], *"\r\n\t\x0b\x0c\x1c\x85\u2028:;,<>@\"'=?. ä€", "\r\n", "\n ", "Bcc: ", "=?utf-8?b?", "?="]
_PUT_TOGETHER = st.lists(st.sampled_from(_PIECES), max_size=12).map("".join)


@settings(max_examples=300, database=None, deadline=None)
@given(st.lists(_PUT_TOGETHER, min_size=6, max_size=6))
def test_row_112_no_pieces_put_together_add_a_header_or_a_line(words: list[str]) -> None:
    sms = IncomingSms(notification_id=words[0], phone=words[1], line=words[2], text=words[3], kind="text")
    to = replace(TO, name=words[4], topic=words[5], reply_to="r+t@sms.example.com")
    raw = mail_from_sms(sms, to, hostname="mx.example.com", at=NOW)
    assert set(email.message_from_bytes(raw).keys()) <= NAMES
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", raw)


@pytest.mark.parametrize("html", [False, True])
def test_the_letters_of_a_mail_of_ours_are_read_back_by_our_own_reader(*, html: bool) -> None:
    raw = mail_from_sms(SMS, replace(TO, html=html, topic="Grüße"), hostname="mx.example.com", at=NOW)
    found = text.read(raw)
    assert (found.subject, found.text) == ("Re: Grüße", SMS.text)
    assert found.attachments == 0


def test_the_same_notification_is_the_same_mail() -> None:
    assert mail_from_sms(SMS, TO, hostname="h", at=NOW) == mail_from_sms(SMS, TO, hostname="h", at=NOW)


def test_name_and_reply_address_are_shown() -> None:
    to = replace(TO, name="Jörg, Lager", reply_to="r+abc@sms.example.com")
    mail = relayed(replace(SMS, flash=True), to)
    assert mail["Subject"] == "SMS Jörg, Lager (+43 660 0000001)"
    assert mail["Reply-To"].addresses[0].addr_spec == "r+abc@sms.example.com"
    assert mail["From"].addresses[0].display_name == "Jörg, Lager"
    assert mail["X-SMS-Flash"] == "yes"


@settings(max_examples=150, database=None, deadline=None)
@given(
    st.text(max_size=100),
    st.text(max_size=64),
    st.one_of(st.none(), st.text(max_size=64)),
    st.text(max_size=300),
    st.one_of(st.none(), st.text(max_size=40)),
    st.sampled_from(["anna@example.com", "jörg@example.com", '"a b"@example.com']),
)
def test_whatever_a_phone_sends_it_is_one_sound_mail(
    notification: str, phone: str, line: str | None, body: str, name: str | None, mailbox: str
) -> None:
    sms = IncomingSms(notification_id=notification, phone=phone, line=line, text=body)
    to = Addressed(mailbox=mailbox, why="line", name=name, address="x@sms.example.com", reply_to="r+t@sms.example.com")
    raw = mail_from_sms(sms, to, hostname="mx.example.com", at=NOW)
    mail = email.message_from_bytes(raw, policy=email.policy.compat32)
    expected = [
        "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted",
        "X-Loop", "X-SMS-From", "X-SMS-Notification-Id", "X-SMS-Delivered-Because", "X-SMS-To",
        "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
    ]  # fmt: skip
    assert mail.keys() == [key for key in expected if key != "X-SMS-To" or line]
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    payload = cast("bytes", mail.get_payload(decode=True)).decode().replace("\r\n", "\n")
    wanted = body.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"
    assert payload == (wanted if body.strip() else "(The SMS is empty.)\n")


def shown(mail: MIMEPart) -> str:
    return str(mail.get_content()).replace("\r\n", "\n")


def test_an_empty_sms_says_so_in_the_readers_language() -> None:
    assert shown(relayed(replace(SMS, text=""))) == "(The SMS is empty.)\n"
    assert shown(relayed(replace(SMS, text=" \n"), replace(TO, language="de"))) == "(Die SMS ist leer.)\n"


def test_a_flash_sms_is_shown_as_one_and_stays_in_its_thread() -> None:
    mail = relayed(replace(SMS, text="jetzt", flash=True))
    assert mail["X-SMS-Flash"] == "yes"
    assert mail["Subject"] == relayed()["Subject"]
    assert shown(mail) == "jetzt\n\n(Sent as a flash SMS.)\n"
    german = relayed(replace(SMS, text="", flash=True), replace(TO, language="de"))
    assert shown(german) == "(Die SMS ist leer.)\n\n(Als Flash-SMS gesendet.)\n"


def test_another_type_than_text_is_named() -> None:
    assert relayed(replace(SMS, kind="whatsapp"))["X-SMS-Type"] == "whatsapp"
    assert relayed()["X-SMS-Type"] is None


def parts_of(mail: EmailMessage) -> tuple[str, MIMEPart]:
    assert mail.get_content_type() == "multipart/mixed"
    words, found = mail.iter_parts()
    return shown(words), found


@pytest.mark.parametrize(("language", "name", "octets"), [("en", "contact", "4 octets"), ("de", "Kontakt", "4 Byte")])
def test_what_a_binary_sms_held_is_attached(language: str, name: str, octets: str) -> None:
    held = Attachment(name="contact.vcf", content_type="text/vcard; charset=utf-8", data="N:Jörg".encode())
    sms, to = replace(SMS, text="", kind="binary"), replace(TO, language=language)
    mail = relayed(replace(sms, attachments=(held,)), to)
    words, found = parts_of(mail)
    assert name in words
    assert "contact.vcf" in words
    assert (found.get_content_type(), found.get_filename()) == ("text/vcard", "contact.vcf")
    assert found.get_payload(decode=True) == held.data
    assert mail["Subject"] == relayed()["Subject"]

    held = Attachment(name="sms.bin", content_type="application/octet-stream", data=b"\x00\xff\x1b\x7f")
    words, found = parts_of(relayed(replace(sms, attachments=(held,)), to))
    assert octets in words
    assert "00 ff 1b 7f" in words
    assert found.get_payload(decode=True) == held.data


def test_the_note_of_many_octets_is_short() -> None:
    held = Attachment(name="sms.bin", content_type="application/octet-stream", data=bytes(100_000))
    words, found = parts_of(relayed(replace(SMS, text="", attachments=(held,))))
    assert len(words) < 700
    assert "…" in words
    assert found.get_payload(decode=True) == held.data


CARD = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Anna\r\nTEL:+436600000001\r\nEND:VCARD\r\n"
BINARY = replace(ROUTE, binary=True)


def enclosing(*enclosed: Enclosure, body: str = "Hier die Karte") -> Letter:
    return replace(letter("Karte", body), enclosures=enclosed)


def card(data: bytes | None = CARD, *, name: str = "anna.vcf") -> Enclosure:
    return Enclosure(kind="vcard", name=name, data=data)


def raw(data: bytes, *, with_header: bool = False) -> Enclosure:
    return Enclosure(kind="binary", name="", data=data, with_header=with_header)


def test_an_attached_card_goes_out_in_place_of_the_words() -> None:
    written = EmailMessage()
    written["Subject"] = "Annas Karte"
    written.set_content("wie besprochen\n")
    written.add_attachment(CARD, maintype="text", subtype="x-vcard", filename="anna.vcf")
    mail = text.read(written.as_bytes(policy=email.policy.SMTP))
    route = replace(BINARY, flash=True, priority=9, category="informational", max_parts=5, voice=True)
    assert sms_from_mail(mail, route) == Sms(
        text="vCard anna.vcf, 1 SMS",
        originator="436600000099",
        max_parts=5,
        flash=True,
        priority=9,
        category="informational",
        segments=(bytes.fromhex("06 05 04 23f4 0000") + CARD,),
        with_header=True,
    )
    assert sms_from_mail(mail, ROUTE) == Sms(text="Annas Karte\nwie besprochen\n[1 file]", originator="436600000099")
    assert decode_sms(encode_sms(sms_from_mail(mail, route))) == sms_from_mail(mail, route)


def test_an_appointment_has_its_own_port() -> None:
    made = sms_from_mail(enclosing(Enclosure(kind="vcalendar", name="a.ics", data=b"x" * 300)), BINARY)
    assert (made.text, made.with_header, len(made.segments)) == ("vCalendar a.ics, 3 SMS", True, 3)
    assert binary.join(made.segments, with_header=True) == (b"x" * 300, 9205)


@pytest.mark.parametrize(
    ("data", "own", "segments", "with_header"),
    [
        (b"\x00" * 140, False, 1, False),
        (b"\x00" * 141, False, 2, True),
        (bytes.fromhex("06 05 04 1581 0000") + b"x", True, 1, True),
        (bytes.fromhex("05 00 03 01 02 01") + b"x" * 134, True, 1, True),  # one of two, the other comes by another mail
    ],
)
def test_octets_go_as_they_are(data: bytes, own: bool, segments: int, with_header: bool) -> None:
    made = sms_from_mail(enclosing(raw(data, with_header=own)), BINARY)
    assert (len(made.segments), made.with_header) == (segments, with_header)
    assert made.text == f"Binary, {segments} SMS"
    joined = b"".join(made.segments) if segments == 1 else binary.join(made.segments, with_header=True)[0]
    assert joined == data


def test_several_are_refused_rather_than_dropped() -> None:
    with pytest.raises(Untranslatable) as refused:
        sms_from_mail(enclosing(card(name="1.vcf"), card(name="2.vcf")), BINARY)
    assert (refused.value.code, refused.value.status) == (554, "5.6.1")
    assert "2 attachments" in refused.value.sentence


def test_a_mail_without_words_is_enough() -> None:
    assert sms_from_mail(replace(letter(), enclosures=(card(),)), BINARY).segments


def test_a_route_for_binary_sends_texts_as_ever() -> None:
    assert sms_from_mail(letter("", "nur Text"), replace(BINARY, voice=True)) == Sms(
        text="nur Text", originator="436600000099", voice=True
    )


@pytest.mark.parametrize(
    ("enclosed", "code", "status", "words"),
    [
        (card(b""), 554, "5.6.0", "vCard anna.vcf is empty"),
        (card(None), 554, "5.6.0", "vCard anna.vcf arrived damaged"),
        (card(b"x" * 65_537), 552, "5.2.3", "larger than 64 KiB"),
        (card(b"x" * 65_536), 552, "5.2.3", "needs 512 segments"),
        (card(b"x" * 385), 552, "5.2.3", "vCard anna.vcf needs 4 SMS and may have 3"),
        (raw(b"x" * 403), 552, "5.2.3", "Binary needs 4 SMS and may have 3"),
        (raw(b"\x05\x00\x03\x01", with_header=True), 554, "5.6.0", "the header is longer than the segment"),
        (raw(b"\x02\x00\x03\x01", with_header=True), 554, "5.6.0", "an element is longer than the header"),
        (raw(b"\x00" * 141, with_header=True), 552, "5.2.3", "140 octets"),
        (card(b"x" * 385, name="\u202eAnna\u2028.vcf"), 552, "5.2.3", "vCard Anna .vcf needs"),
    ],
)
def test_what_cannot_go_whole_is_refused_with_a_sentence(
    enclosed: Enclosure, code: int, status: str, words: str
) -> None:
    with pytest.raises(Untranslatable) as refused:
        sms_from_mail(enclosing(enclosed), replace(BINARY, too_long="cut"))
    assert (refused.value.code, refused.value.status) == (code, status)
    assert words in refused.value.sentence
    assert sms_from_mail(enclosing(enclosed), ROUTE).text == "Karte\nHier die Karte"  # elsewhere nobody minds it


@settings(database=None, deadline=None)
@given(st.binary(max_size=1200), st.sampled_from(["vcard", "vcalendar", "binary"]), st.booleans(), st.integers(1, 9))
def test_whatever_is_attached_is_sent_whole_or_not_at_all(data: bytes, kind: Kind, own: bool, most: int) -> None:
    enclosed = Enclosure(kind=kind, name="x", data=data, with_header=own and kind == "binary")
    try:
        made = sms_from_mail(enclosing(enclosed), replace(BINARY, max_parts=most))
    except Untranslatable:
        return
    assert 1 <= len(made.segments) <= most
    assert all(1 <= len(segment) <= 140 for segment in made.segments)
    if enclosed.with_header:
        assert made.segments == (data,)
    else:
        assert binary.join(made.segments, with_header=made.with_header)[0] == data
