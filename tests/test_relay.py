"""Whose SMS it is, and the mail it becomes."""

import email
import email.policy
from dataclasses import replace
from email.message import EmailMessage
from typing import Any

import pytest

from bridge import threads
from bridge.config import Configuration
from bridge.message import Channel, Delivery, IncomingSms, Reports
from bridge.relay import MAIL_LIFETIME, Owner, find_owner, relayed
from bridge.spool import CONVERSATION_FOR, Conversation
from tests.given import ANNA, ANY, KEY, LINE, OWNED_LINE, POSTMASTER, configuration
from tests.make import NOW, PHONE

HERE = configuration()
STRANGER, ELSEWHERE = "436600000055", "436600000077"


def sms(**changes: Any) -> IncomingSms:
    values: dict[str, Any] = {"notification_id": "n1", "phone": PHONE, "line": LINE, "text": "Bin gleich da"}
    return IncomingSms(**{**values, **changes})


def talk(**changes: Any) -> Conversation:
    values: dict[str, Any] = {"phone": PHONE, "line": LINE, "author": "bernd@example.org", "expires_at": NOW + 9}
    return Conversation(**{**values, **changes})


def owner(configuration: Configuration = HERE, conversation: Conversation | None = None, **changes: Any) -> Owner:
    return find_owner(configuration, conversation, sms(**changes))


@pytest.mark.parametrize(
    ("phone", "line", "mailbox", "why"),
    [
        (PHONE, LINE, "anna@example.com", "phone"),
        (PHONE, None, "anna@example.com", "phone"),
        (STRANGER, LINE, "office@example.com", "line"),
        (STRANGER, ELSEWHERE, POSTMASTER, "postmaster"),
        (STRANGER, None, POSTMASTER, "postmaster"),
        ("ALERT", "", POSTMASTER, "postmaster"),
    ],
)
def test_first_the_phones_row_then_the_lines_then_the_postmaster(
    phone: str, line: str | None, mailbox: str, why: str
) -> None:
    assert owner(phone=phone, line=line) == Owner(mailbox=mailbox, why=why)


def test_an_open_conversation_comes_before_every_row() -> None:
    found = owner(conversation=talk())
    assert (found.mailbox, found.why) == ("bernd@example.org", "conversation")


def test_a_group_counts_as_naming_its_phones_and_local_rows_do_not() -> None:
    group = replace(ANNA, name="g", address="g@sms.example.com", numbers=("436600000008", "436600000009"), row=9)
    here = configuration(rows=[replace(ANY, mailbox="any@example.com"), group, OWNED_LINE])
    assert owner(here, phone="436600000009", line=ELSEWHERE) == Owner(mailbox="anna@example.com", why="phone")
    assert owner(here, phone=STRANGER, line=ELSEWHERE) == Owner(mailbox=POSTMASTER, why="postmaster")


def test_a_line_without_a_mailbox_is_nobodys() -> None:
    here = configuration(rows=[replace(OWNED_LINE, mailbox=None)])
    assert owner(here, phone=STRANGER).why == "postmaster"


def mailed(
    conversation: Conversation | None = None, configuration: Configuration = HERE, **changes: Any
) -> tuple[Delivery, EmailMessage]:
    it = sms(**changes)
    intake = relayed(configuration, find_owner(configuration, conversation, it), it, "M1", NOW)
    (delivery,) = intake.deliveries
    return delivery, email.message_from_bytes(delivery.payload, policy=email.policy.default)


def test_its_delivery() -> None:
    found, mail = mailed()
    assert (found.id, found.mail, found.channel, found.recipient) == ("M1-1", "M1", Channel.MAIL, "anna@example.com")
    assert found.sender == f"bounce+{threads.bounce_token(KEY, 'M1-1', NOW)}@sms.example.com"
    assert (found.route, found.reports, found.author) == (ANNA.name, Reports.FAILURES, None)
    assert (found.next_at, found.expires_at, found.warn_at) == (NOW, NOW + MAIL_LIFETIME, None)
    assert mail["From"].addresses[0].addr_spec == ANNA.address
    assert mail.get_content().strip() == "Bin gleich da"


def test_its_intake_names_the_notification_and_the_phone() -> None:
    it = sms()
    intake = relayed(HERE, find_owner(HERE, None, it), it, "M1", NOW)
    assert (intake.id, intake.kind, intake.sender, intake.notification_id) == ("M1", "sms", PHONE, "n1")
    assert intake.conversations == ()


def test_it_slides_its_conversation_and_gives_it_to_nobody_else() -> None:
    it = sms()
    intake = relayed(HERE, find_owner(HERE, talk(), it), it, "M1", NOW)
    assert intake.conversations == (talk(expires_at=NOW + CONVERSATION_FOR),)


def test_a_row_without_a_mailbox_still_gives_its_policy() -> None:
    here = configuration(rows=[replace(ANNA, mailbox=None, urgent=True, language="de"), OWNED_LINE])
    found, _ = mailed(configuration=here)
    assert (found.recipient, found.urgent, found.language) == ("office@example.com", True, "de")


def test_an_answer_bears_the_subject_of_the_mail_it_answers() -> None:
    _, mail = mailed(talk(message_id="<m@example.org>", subject="Pumpe 3"))
    assert (mail["Subject"], mail["In-Reply-To"]) == ("Re: Pumpe 3", "<m@example.org>")
    assert mailed()[1]["Subject"] == f"SMS {ANNA.display_name} (+43 660 0000001)"


def test_a_phone_is_called_as_the_row_that_names_it_alone() -> None:
    group = replace(ANNA, name="g", address="g@sms.example.com", numbers=(PHONE, STRANGER), display_name="Team", row=9)
    here = configuration(rows=[group, ANNA, OWNED_LINE])
    assert mailed(configuration=here)[1]["From"].addresses[0].display_name == ANNA.display_name
    assert mailed(configuration=here, phone=STRANGER)[1]["From"].addresses[0].display_name == "Team"


def test_the_row_of_a_line_gives_its_policy_and_no_name() -> None:
    here = configuration(rows=[ANNA, replace(OWNED_LINE, language="de", html=True, display_name="Zentrale")])
    found, mail = mailed(configuration=here, phone=STRANGER, text=" ")
    assert (found.language, found.route) == ("de", OWNED_LINE.name)
    assert mail.get_content_type() == "multipart/alternative"
    assert mail["Subject"] == "SMS +43 660 0000055"
    assert "(Die SMS ist leer.)" in str(mail)


@pytest.mark.parametrize("line", [LINE, None, "12345"])
def test_its_token_is_for_that_mailbox_phone_and_line(line: str | None) -> None:
    _, mail = mailed(line=line)
    local = mail["Reply-To"].addresses[0].username
    for mailbox, expected in (
        ("anna@example.com", threads.Answer(phone=PHONE, line=line)),
        ("bernd@example.org", None),
    ):
        assert threads.read_token([KEY], local.removeprefix("r+"), mailbox, NOW) == expected


@pytest.mark.parametrize("line", ["Firma", "AB123", "0abc", "+", "4" * 30, ""])
def test_to_a_line_that_is_no_number_one_answers_over_the_accounts_own(line: str) -> None:
    _, mail = mailed(line=line)
    local = mail["Reply-To"].addresses[0].username
    answer = threads.read_token([KEY], local.removeprefix("r+"), "anna@example.com", NOW)
    assert answer == threads.Answer(phone=PHONE, line=None)


@pytest.mark.parametrize("phone", ["ALERT", "4" * 20, "4" * 30, "4" * 64, "0", ""])
def test_a_phone_that_is_no_number_cannot_be_answered_and_is_no_obstacle(phone: str) -> None:
    found, mail = mailed(phone=phone, line=ELSEWHERE)
    assert found.recipient == POSTMASTER
    assert mail["Reply-To"] is None
    assert len(mail["From"].addresses) == 1
