"""The whole story of what came in, on the real store."""

from typing import Any

import pytest

from bridge.message import Channel, Report, ReportState, State
from bridge.spool import Arrival, History, Step
from tests.make import NOW, delivery, intake
from tests.spool.stores import Store


def words(history: History) -> list[tuple[str, str, str, str]]:
    return [
        (delivery.id, event.event, event.code, event.text)
        for delivery, events in (*history.deliveries, *history.notices)
        for event in events
    ]


@pytest.fixture
async def told(spool: Store) -> Store:
    """A mail to two phones, of which one failed and was told of, and corrected by a late report."""
    mail: dict[str, Any] = {"message_id": "<1@example.org>", "peer": "192.0.2.1", "proof": "network", "envid": "e"}
    await spool.accept(intake(delivery(1), delivery(2), ret="hdrs", size=1234, **mail))
    for step in (
        Step(id="M1-1", to=State.SENDING, event="sending", attempts=1),
        Step(id="M1-1", to=State.SENT, event="sent", code="2000", text="OK", transfer_id="t-1"),
    ):
        await spool.move([step], NOW + 1)
    await spool.report(
        Report(notification_id="r1", state=ReportState.EXPIRED, client_message_id="M1-1", text="too late"), NOW + 2
    )
    notice = delivery(mail="N1", channel=Channel.MAIL, recipient="anna@example.org", sender="", created_at=NOW + 3)
    await spool.accept(
        intake(notice, id="N1", kind="notice", at=NOW + 3, sender="", author=None, told=[("M1-1", "failed")])
    )
    await spool.report(Report(notification_id="r2", state=ReportState.DELIVERED, client_message_id="M1-1"), NOW + 4)
    return spool


async def test_the_story_of_a_mail(told: Store) -> None:
    (history,) = await told.trace("M1")
    assert history.arrival == Arrival(
        id="M1",
        kind="mail",
        at=NOW,
        sender="anna@example.org",
        author="anna@example.org",
        proof="network",
        peer="192.0.2.1",
        message_id="<1@example.org>",
        envid="e",
        ret="hdrs",
        size=1234,
        line="",
        why="",
    )
    assert words(history) == [
        ("M1-1", "queued", "", ""),
        ("M1-1", "sending", "", ""),
        ("M1-1", "sent", "2000", "OK"),
        ("M1-1", "report", "expired", "too late"),
        ("M1-1", "bounced", "report expired", "too late"),
        ("M1-1", "told failed", "N1-1", "to anna@example.org"),
        ("M1-1", "report", "delivered", ""),
        ("M1-1", "delivered", "report delivered", ""),
        ("M1-2", "queued", "", ""),
        ("N1-1", "queued", "", ""),
    ]


@pytest.mark.parametrize(
    ("identifier", "found"),
    [
        ("M1", ["M1-1", "M1-2"]),
        ("M1-2", ["M1-2"]),
        ("t-1", ["M1-1"]),
        ("<1@example.org>", ["M1-1", "M1-2"]),
        ("1@example.org", ["M1-1", "M1-2"]),
        ("N1", ["N1-1"]),
    ],
)
async def test_what_leads_to_it(told: Store, identifier: str, found: list[str]) -> None:
    (history,) = await told.trace(identifier)
    assert [delivery.id for delivery, _ in history.deliveries] == found


@pytest.mark.parametrize("identifier", ["", "M", "M1-3", "M1-1x", "%", "<1@example.com>", "@", "'; DROP TABLE mails"])
async def test_what_leads_nowhere(told: Store, identifier: str) -> None:
    assert await told.trace(identifier) == []


async def test_a_message_id_that_came_twice_finds_both(told: Store) -> None:
    other = intake(delivery(mail="M2"), id="M2", at=NOW + 9, message_id="<1@example.org>")
    await told.accept(other)
    found = await told.trace("<1@example.org>")
    assert [history.arrival.id for history in found if history.arrival] == ["M1", "M2"]


async def test_an_sms_is_found_by_its_notification(spool: Store) -> None:
    mail = delivery(mail="S1", channel=Channel.MAIL, recipient="anna@example.com", sender="x@example.com")
    given = {"kind": "sms", "notification_id": "03a1", "line": "436600000099", "why": "conversation"}
    await spool.accept(intake(mail, sender="436600000001", author=None, **given))
    (history,) = await spool.trace("03a1")
    assert history.arrival is not None
    assert (history.arrival.line, history.arrival.why) == ("436600000099", "conversation")
    assert [delivery.id for delivery, _ in history.deliveries] == ["S1-1"]
