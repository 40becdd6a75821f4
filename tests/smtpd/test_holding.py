"""Which SMS of a mail wait for a person, and what the operator is told."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.exchanges import MOST, Exchanges
from bridge.log import get_logger
from bridge.message import Channel, State
from bridge.smtpd.bell import Bell
from bridge.smtpd.holding import REASON, hold, note
from bridge.spool import Intake
from bridge.spool.sqlite import SqliteSpool, open_spool
from tests.make import NOW, PHONE, delivery, intake
from tests.wait import until_async

OTHER = "436600000002"


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[SqliteSpool]:
    opened = await open_spool(tmp_path / "s.db")
    yield opened
    await opened.close()


def loud(author: str = "anna@example.org") -> Exchanges:
    """As many quick exchanges as may be, and an SMS from the phone that waits for its answer."""
    exchanges = Exchanges()
    exchanges.wrote(author, PHONE, NOW)
    for _ in range(MOST):
        exchanges.heard(PHONE, NOW)
        exchanges.wrote(author, PHONE, NOW)
    exchanges.heard(PHONE, NOW)
    return exchanges


def states(found: Intake) -> list[State]:
    return [item.state for item in found.deliveries]


def test_row_120_only_the_phone_that_answers_too_quickly() -> None:
    mail = delivery(3, channel=Channel.MAIL, recipient=PHONE)
    found = hold(intake(delivery(1), delivery(2, recipient=OTHER), mail), loud(), answers=True)
    assert states(found) == [State.HELD, State.QUEUED, State.QUEUED]
    assert found.deliveries[0].reason == REASON
    assert states(hold(intake(delivery(1)), Exchanges(), answers=True)) == [State.QUEUED]
    assert states(hold(intake(delivery(1)), loud(), answers=False)) == [State.QUEUED]


def test_row_120_an_urgent_row_goes_on() -> None:
    assert states(hold(intake(delivery(1, urgent=True)), loud(), answers=True)) == [State.QUEUED]


def test_row_120_who_is_not_proven_is_known_by_his_address() -> None:
    unproven = intake(delivery(1, author=None), peer="192.0.2.7", author=None)
    assert states(hold(unproven, loud(), answers=True)) == [State.QUEUED]
    assert states(hold(unproven, loud("192.0.2.7"), answers=True)) == [State.HELD]


@pytest.mark.parametrize(("urgent", "words"), [(False, "smsbridge queue release"), (True, "is urgent")])
async def test_row_120_the_operator_is_told_once(
    spool: SqliteSpool, stream: io.StringIO, urgent: bool, words: str
) -> None:
    exchanges, bell = loud(), Bell(spool=spool, clock=lambda: NOW)
    for _ in range(3):
        note(
            hold(intake(delivery(1, urgent=urgent)), exchanges, answers=True),
            exchanges,
            bell.ring,
            get_logger("test"),
            answers=True,
        )
        exchanges.heard(PHONE, NOW)
    (alert,) = await until_async(lambda: spool.alerts(9), "the alert")
    assert words in alert.text
    assert "M1-1" in alert.text
    assert stream.getvalue().count("two machines") == 3


async def test_row_120_what_is_held_is_not_taken_for_sent(spool: SqliteSpool) -> None:
    exchanges, bell = loud(), Bell(spool=spool, clock=lambda: NOW)
    held = hold(intake(delivery(1), at=NOW + 50), exchanges, answers=True)
    assert states(held) == [State.HELD]
    note(held, exchanges, bell.ring, get_logger("test"), answers=True)
    exchanges.heard(PHONE, NOW + 80)  # 30 s after what was held, 80 s after what was sent
    pair = exchanges._phones[PHONE]["anna@example.org"]
    assert not pair.heard
