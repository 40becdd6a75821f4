"""What is read off a mail besides its words, and what is refused."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import text
from tests.text import machines
from tests.text.make import mail

TEXT = b"Content-Type: text/plain; charset=utf-8\r\n\r\n"


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
        ("Content-Type: multipart/report; boundary=b", True, True),  # its parts were lost: alarms do not say so
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


@pytest.mark.parametrize("subject", machines.ABSENT)
def test_row_116_subjects_of_absence(subject: str) -> None:
    letter = text.read(machines.absent(subject))
    assert letter.absence_subject
    assert not letter.is_auto_reply, "a subject alone proves nothing"


@pytest.mark.parametrize("subject", machines.ORDINARY)
def test_row_116_subjects_of_people(subject: str) -> None:
    assert not text.read(mail(f"Subject: {subject}")).absence_subject


@pytest.mark.parametrize("name", machines.AUTOMATIC)
def test_row_118_programs_that_answer(name: str) -> None:
    letter = text.read(machines.AUTOMATIC[name])
    assert letter.is_auto_reply
    assert letter.is_automatic


@pytest.mark.parametrize("name", machines.ALARMS)
def test_row_117_an_alarm_is_no_answer_and_no_list_mail(name: str) -> None:
    letter = text.read(machines.ALARMS[name])
    assert not letter.is_auto_reply
    assert not letter.absence_subject
    assert not letter.from_list
    assert letter.text


@pytest.mark.parametrize("name", machines.LISTS)
def test_row_118_list_mail(name: str) -> None:
    letter = text.read(machines.LISTS[name])
    assert letter.from_list
    assert letter.is_automatic
    assert not letter.is_auto_reply


def test_row_118_a_person_who_passes_a_bounce_on_is_a_person() -> None:
    bounce = machines.AUTOMATIC["bounce"].decode()
    body = f"--b\r\n\r\nSieh mal\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{bounce}\r\n--b--\r\n".encode()
    letter = text.read(mail("From: anna@example.org", "Content-Type: multipart/mixed; boundary=b", body=body))
    assert not letter.is_auto_reply
    assert letter.text == "Sieh mal"


def test_row_118_a_report_as_a_file_is_a_file() -> None:
    body = (
        b"--b\r\n\r\nHier der Bericht\r\n--b\r\nContent-Type: message/delivery-status\r\n"
        b"Content-Disposition: attachment; filename=status.txt\r\n\r\nx: y\r\n--b--\r\n"
    )
    assert not text.read(mail("Content-Type: multipart/mixed; boundary=b", body=body)).is_auto_reply


def test_there_are_enough_machines() -> None:
    assert len(machines.ALARMS) >= 10
    assert len(machines.AUTOMATIC) >= 20


def test_a_body_without_a_header_and_a_header_without_a_body() -> None:
    assert text.read(b"Alarm!\r\nZone 4").text == "Alarm!\nZone 4"
    assert text.read(b"Subject: Alarm").subject == "Alarm"
    assert text.read(b"From a Wed Mar 12\nSubject: x\n\ny").subject == "x"


PARTS = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"


@given(st.binary(max_size=300))
def test_noise_is_read_or_refused(data: bytes) -> None:
    for start in (b"", TEXT, b"Content-Type: text/html\r\nIn-Reply-To: <a@b>\r\n\r\n", PARTS, b"Subject: =?utf-8?"):
        try:
            letter = text.read(start + data)
        except text.Refused:
            continue
        assert "\r" not in letter.text
        assert "\n" not in letter.subject
