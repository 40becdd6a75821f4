"""What each verdict asks for; the table is the design's, section 4."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.delivery.decide import FIRST_DELAY, LONGEST_DELAY, backoff, decide
from bridge.message import Channel, Receipt, Scope, State, Verdict
from bridge.spool import MOVES
from tests.make import NOW, delivery

SENDING = delivery(state=State.SENDING, attempts=1)


@pytest.mark.parametrize(
    ("channel", "receipt", "to", "event", "counted"),
    [
        (Channel.SMS, Receipt(verdict=Verdict.ACCEPTED), State.SENT, "sent", 0),
        (Channel.MAIL, Receipt(verdict=Verdict.ACCEPTED), State.SENT, "sent", 0),
        (Channel.SMS, Receipt(verdict=Verdict.PERMANENT), State.FAILED, "bounced", 0),
        (Channel.MAIL, Receipt(verdict=Verdict.PERMANENT), State.FAILED, "bounced", 0),
        (Channel.SMS, Receipt(verdict=Verdict.TEMPORARY), State.QUEUED, "deferred", 0),
        (Channel.SMS, Receipt(verdict=Verdict.THROTTLED, scope=Scope.ACCOUNT), State.QUEUED, "deferred", -1),
        (Channel.SMS, Receipt(verdict=Verdict.OURS, scope=Scope.ACCOUNT), State.QUEUED, "deferred", -1),
        (Channel.SMS, Receipt(verdict=Verdict.OURS, scope=Scope.ROUTE), State.QUEUED, "deferred", -1),
        (Channel.SMS, Receipt(verdict=Verdict.OURS, scope=Scope.MESSAGE), State.HELD, "held", -1),
        (Channel.SMS, Receipt(verdict=Verdict.UNKNOWN), State.UNKNOWN, "unknown", 0),
        (Channel.MAIL, Receipt(verdict=Verdict.UNKNOWN), State.QUEUED, "deferred", 0),
    ],
)
def test_verdicts(channel: Channel, receipt: Receipt, to: State, event: str, counted: int) -> None:
    step = decide(delivery(channel=channel, state=State.SENDING, attempts=1), receipt, NOW, 0.5)
    assert (step.id, step.to, step.event, step.attempts) == ("M1-1", to, event, counted)


def test_only_a_failure_for_good_is_told() -> None:
    told = {verdict: decide(SENDING, Receipt(verdict=verdict), NOW, 0.5).told for verdict in Verdict}
    assert told == {verdict: "failed" if verdict is Verdict.PERMANENT else "" for verdict in Verdict}


def test_the_answers_words_are_kept() -> None:
    receipt = Receipt(verdict=Verdict.ACCEPTED, code="2000", text="ok", status="2.1.0", transfer_id="t")
    step = decide(SENDING, receipt, NOW, 0.5)
    assert (step.code, step.text, step.status, step.transfer_id) == ("2000", "ok", "2.1.0", "t")


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True), st.sampled_from(Channel))
def test_backoff_grows_to_its_bound_and_is_never_nothing(attempts: int, jitter: float, channel: Channel) -> None:
    longest = LONGEST_DELAY[channel]
    delay = backoff(attempts, longest, jitter)
    assert FIRST_DELAY * 0.75 <= delay <= longest * 1.25
    assert backoff(attempts + 1, longest, jitter) >= delay


@given(
    st.sampled_from(Verdict),
    st.sampled_from(Scope),
    st.sampled_from(Channel),
    st.one_of(st.none(), st.floats(0, 1e6)),
    st.integers(1, 100),
    st.floats(-10, 1e5),
)
def test_every_answer_asks_for_a_move_that_exists(
    verdict: Verdict, scope: Scope, channel: Channel, retry_after: float | None, attempts: int, left: float
) -> None:
    item = delivery(state=State.SENDING, channel=channel, attempts=attempts, expires_at=NOW + left)
    step = decide(item, Receipt(verdict=verdict, scope=scope, retry_after=retry_after), NOW, 0.5)
    assert step.to in MOVES[State.SENDING]
    assert not (step.to is State.UNKNOWN and channel is Channel.MAIL)
    if step.next_at is not None:
        # The end of its life must not be slept through, and a carrier's wish is honoured within it.
        assert step.next_at <= item.expires_at
        if verdict is Verdict.TEMPORARY and retry_after is not None:
            assert step.next_at >= min(NOW + retry_after, item.expires_at)
