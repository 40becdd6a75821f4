"""What one answer teaches, without an agent around it; what many do to delivery is shown by test_agent.py."""

from bridge.delivery.decide import decide
from bridge.delivery.lessons import Lessons
from bridge.delivery.pace import Pace
from bridge.delivery.pauses import Pauses
from bridge.log import get_logger
from bridge.message import Delivery, Receipt, Scope, Verdict
from tests.make import NOW, PHONE, delivery


class Class:
    """A channel's lessons, and who hears of them."""

    def __init__(self) -> None:
        self.pauses, self.pace = Pauses(), Pace()
        self.refused: list[tuple[str, float]] = []
        self._lessons = Lessons(
            pauses=self.pauses,
            pace=self.pace,
            clock=lambda: NOW,
            tick=lambda: 5.0,
            log=get_logger("delivery"),
            explain={"4001": "look into the account"}.get,
            refuse=lambda phone, until: self.refused.append((phone, until)),
        )

    def told(self, receipt: Receipt, now: float = NOW, one: Delivery | None = None) -> list[str]:
        one = one or delivery(attempts=1)
        return self._lessons.learn(one, receipt, decide(one, receipt, now, 0.5), now)


def test_a_plain_success_is_nobodys_business() -> None:
    found = Class()
    assert found.told(Receipt(verdict=Verdict.ACCEPTED, code="2000", parts=1)) == []
    assert (found.pauses.scopes, found.pace.limit, found.refused) == ({}, 0.0, [])


def test_a_pause_is_told_with_advice_and_once() -> None:
    found = Class()
    ours = Receipt(verdict=Verdict.OURS, scope=Scope.ACCOUNT, code="4001", text="no")
    (text,) = found.told(ours)
    assert text.endswith("\nlook into the account")
    assert list(found.pauses.scopes) == [""]
    assert found.told(ours) == []


def test_a_complaint_slows_down_and_a_refused_phone_is_noted() -> None:
    found = Class()
    found.told(Receipt(verdict=Verdict.THROTTLED, scope=Scope.ACCOUNT, code="4012"))
    assert found.pace.limit > 0
    found.told(Receipt(verdict=Verdict.PERMANENT, code="4031", refuse_for=60.0))
    assert found.refused == [(PHONE, NOW + 60)]


def test_a_higher_price_is_told_once_an_hour() -> None:
    found = Class()
    dear = Receipt(verdict=Verdict.ACCEPTED, code="2000", parts=2)
    assert [len(found.told(dear, NOW + after)) for after in (0, 3599, 3600)] == [1, 0, 1]
