"""The bridge itself, both ways."""

import email
import email.policy
from dataclasses import replace
from email.message import EmailMessage
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import gsm, text
from bridge.message import IncomingSms, Sms
from bridge.routing import Allow, Route
from bridge.text import Letter
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
        ("prefix", "[liste] Alarm", "x", "Alarm\nx"),
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


@pytest.mark.parametrize("header", ["In-Reply-To: <a@example.org>", "References: <a@example.org>"])
def test_the_subject_of_an_answer_is_no_news(header: str) -> None:
    assert said(letter("Re: SMS Anna", "ja", header)) == "ja"
    assert said(letter("Re: SMS Anna", "", header)) == "SMS Anna"


@pytest.mark.parametrize("policy", ["prefix", "ignore", "only", "{text}"])
@pytest.mark.parametrize("body", ["", " \r\n\r\n", "\x00\x01"])
def test_neither_text_nor_subject_is_refused(policy: str, body: str) -> None:
    with pytest.raises(Untranslatable) as refused:
        said(letter("", body), subject=policy)
    assert (refused.value.code, refused.value.status) == (554, "5.6.0")


def test_what_is_too_long_is_cut_or_refused_as_the_route_says() -> None:
    long = letter("", "wort " * 400)
    cut = said(long, max_parts=2)
    assert cut.endswith("...")
    assert gsm.count(cut).parts == 2
    with pytest.raises(Untranslatable) as refused:
        said(long, max_parts=2, too_long="refuse")
    assert (refused.value.code, refused.value.status) == (552, "5.2.3")
    assert "14 SMS" in refused.value.sentence or "13 SMS" in refused.value.sentence
    assert said(letter("", "x" * 306), max_parts=2, too_long="refuse") == "x" * 306


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
    sms = IncomingSms(notification_id=notification, phone=phone, line=line, text=body, flash=True)
    to = Addressed(mailbox=mailbox, why="line", name=name, address="x@sms.example.com", reply_to="r+t@sms.example.com")
    raw = mail_from_sms(sms, to, hostname="mx.example.com", at=NOW)
    mail = email.message_from_bytes(raw, policy=email.policy.compat32)
    expected = [
        "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted",
        "X-SMS-From", "X-SMS-Notification-Id", "X-SMS-Delivered-Because", "X-SMS-To", "X-SMS-Flash",
        "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
    ]  # fmt: skip
    assert mail.keys() == [key for key in expected if key != "X-SMS-To" or line]
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    payload = cast("bytes", mail.get_payload(decode=True)).decode().replace("\r\n", "\n")
    wanted = body.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"
    assert payload == wanted
