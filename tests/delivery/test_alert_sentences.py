"""Which answers the operator is told of, and what a price is compared with."""

from typing import Any

import pytest

from bridge.delivery.alerts import costlier, worth_a_mail
from bridge.delivery.pauses import Change
from bridge.message import Channel, Receipt, Scope, Sms, Verdict, encode_sms
from bridge.spool import NOTICES
from tests.make import delivery

NOTHING = Change()
BEGUN = Change(begun="", news=True)


def receipt(verdict: Verdict, **changes: Any) -> Receipt:
    return Receipt(verdict=verdict, **{"code": "4711", "text": "in its words", **changes})


def told(answer: Receipt, change: Change = NOTHING, **changes: Any) -> str | None:
    return worth_a_mail(delivery(**{"attempts": 1, **changes}), answer, change)


def test_a_pause_is_told_once() -> None:
    ours = receipt(Verdict.OURS, scope=Scope.ACCOUNT, alert=True)
    said = told(ours, BEGUN)
    assert said is not None
    assert said.startswith("All sms delivery is paused: 4711 in its words.")
    assert told(ours, NOTHING) is None
    assert told(ours, Change(begun="", news=False)) is None
    route = told(receipt(Verdict.OURS, scope=Scope.ROUTE, alert=True), Change(begun="a@sms.example.com", news=True))
    assert route is not None
    assert route.startswith("The route a@sms.example.com is paused")


def test_a_provider_that_is_away_is_no_news() -> None:
    assert told(receipt(Verdict.TEMPORARY, scope=Scope.ACCOUNT), BEGUN) is None


def test_a_message_that_is_held_names_the_command() -> None:
    said = told(receipt(Verdict.OURS, scope=Scope.MESSAGE, alert=True))
    assert said is not None
    assert "smsbridge queue release M1-1" in said


@pytest.mark.parametrize("verdict", [Verdict.ACCEPTED, Verdict.PERMANENT, Verdict.UNKNOWN])
@pytest.mark.parametrize("attempts", [1, 2])
def test_what_is_settled_is_told_whenever_it_comes(verdict: Verdict, attempts: int) -> None:
    assert told(receipt(verdict, alert=True), attempts=attempts) is not None
    assert told(receipt(verdict), attempts=attempts) is None


def test_what_is_tried_again_is_told_the_first_time_only() -> None:
    assert told(receipt(Verdict.TEMPORARY, alert=True), attempts=1) is not None
    assert told(receipt(Verdict.TEMPORARY, alert=True), attempts=2) is None


def test_an_alert_about_an_alert_would_breed() -> None:
    assert told(receipt(Verdict.PERMANENT, alert=True), BEGUN, route=NOTICES) is None


@pytest.mark.parametrize(
    ("sms", "parts", "said"),
    [
        (Sms(text="a" * 160), 1, False),
        (Sms(text="a" * 160), 2, True),
        (Sms(text="ж" * 71), 2, False),
        (Sms(text="ж" * 71), 3, True),
        (Sms(text="a"), 0, False),
        (Sms(text="a"), None, False),
        (Sms(text="card.vcf", segments=(b"a", b"b")), 2, False),
        (Sms(text="card.vcf", segments=(b"a", b"b")), 3, True),
        (Sms(text="a", voice=True), 9, False),
    ],
    ids=str,
)
def test_more_than_we_counted(sms: Sms, parts: int | None, said: bool) -> None:
    sent = delivery(payload=encode_sms(sms))
    assert (costlier(sent, receipt(Verdict.ACCEPTED, parts=parts)) is not None) == said
    assert costlier(sent, receipt(Verdict.PERMANENT, parts=99)) is None


def test_a_mail_costs_no_sms() -> None:
    assert costlier(delivery(channel=Channel.MAIL, payload=b"x"), receipt(Verdict.ACCEPTED, parts=9)) is None
