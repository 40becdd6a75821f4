"""What the provider charged beside what we counted."""

import pytest

from bridge.delivery.alerts import costlier, worth_a_mail
from bridge.delivery.pauses import Change
from bridge.message import Channel, Receipt, Sms, Verdict, encode_sms
from tests.make import delivery


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
    assert (costlier(sent, Receipt(verdict=Verdict.ACCEPTED, parts=parts)) is not None) == said
    assert costlier(sent, Receipt(verdict=Verdict.PERMANENT, parts=99)) is None


def test_a_mail_costs_no_sms() -> None:
    accepted = Receipt(verdict=Verdict.ACCEPTED, parts=9)
    assert costlier(delivery(channel=Channel.MAIL, payload=b"x"), accepted) is None


@pytest.mark.parametrize("verdict", [Verdict.ACCEPTED, Verdict.PERMANENT, Verdict.UNKNOWN])
@pytest.mark.parametrize("attempts", [1, 2])
def test_what_is_settled_is_told_whenever_it_comes(verdict: Verdict, attempts: int) -> None:
    def told(*, alert: bool) -> str | None:
        return worth_a_mail(delivery(attempts=attempts), Receipt(verdict=verdict, alert=alert), Change())

    assert told(alert=True) is not None
    assert told(alert=False) is None
