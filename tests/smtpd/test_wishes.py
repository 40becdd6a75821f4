"""What the author of a mail wants to be told: the parameter, the header field, the group."""

from dataclasses import replace

import pytest

from bridge import text
from bridge.message import Reports
from bridge.smtpd import wishes
from tests.given import ANNA

SENDER = "bernd@example.org"
LISTENS = replace(ANNA, receipts="report")


def letter(field: str = "") -> text.Letter:
    return text.read(f"From: {SENDER}\r\n{field}\r\n\r\nhello\r\n".encode() if field else b"\r\nhello\r\n")


@pytest.mark.parametrize(
    "field",
    [
        f"Disposition-Notification-To: {SENDER}",
        "disposition-notification-to: Bernd <Bernd@EXAMPLE.org>",
        f"Return-Receipt-To: other@example.org, {SENDER}",
    ],
)
def test_a_row_that_listens_takes_a_wish_for_a_receipt_as_notify(field: str) -> None:
    assert wishes.asked("", LISTENS, letter(field), SENDER) == "success,failure,delay"
    assert wishes.asked("never", LISTENS, letter(field), SENDER) == "never", "who can say it himself has said it"
    assert wishes.asked("", ANNA, letter(field), SENDER) == "", "by default nobody listens: programs set it by default"


@pytest.mark.parametrize(
    "field",
    ["", "Disposition-Notification-To: other@example.org", "Return-Receipt-To: <", "Return-Receipt: yes"],
)
def test_what_is_no_wish_of_the_sender(field: str) -> None:
    assert wishes.asked("", LISTENS, letter(field), SENDER) == ""


@pytest.mark.parametrize(
    ("notify", "reports", "success", "phones", "once"),
    [
        ("success", Reports.FAILURES, "once", 3, True),
        ("success,failure", Reports.NONE, "once", 2, True),
        ("", Reports.ALL, "once", 2, True),
        ("", Reports.FAILURES, "once", 2, False),
        ("failure", Reports.ALL, "once", 2, False),
        ("success", Reports.FAILURES, "once", 1, False),
        ("success", Reports.FAILURES, "each", 3, False),
    ],
)
def test_when_a_group_is_told_of_once(notify: str, reports: Reports, success: str, phones: int, once: bool) -> None:
    assert wishes.told_once(notify, replace(ANNA, reports=reports, success=success), phones) is once


@pytest.mark.parametrize(
    ("notify", "left"),
    [
        ("success", "never"),
        ("success,failure", "failure"),
        ("delay,success,failure", "delay,failure"),
        ("", "failure,delay"),
    ],
)
def test_what_is_left_for_a_member(notify: str, left: str) -> None:
    assert wishes.of_member(notify) == left
