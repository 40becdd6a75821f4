"""What an answer means for its delivery: one pure function from a `Receipt` to the `Step` it asks for."""

from bridge.message import Channel, Delivery, Receipt, Scope, State, Verdict
from bridge.spool import Step

FIRST_DELAY = 5.0
"""Seconds until the second attempt; each further one waits twice as long."""

LONGEST_DELAY = {Channel.SMS: 300.0, Channel.MAIL: 3600.0}

PROBE_EVERY = 300.0
"""Seconds between two tries of a scope that is paused for a mistake of ours."""


def backoff(attempts: int, longest: float, jitter: float) -> float:
    """Seconds until the next attempt after `attempts` tries; `jitter` in [0, 1) spreads it over half its length."""
    delay = min(longest, FIRST_DELAY * 2.0 ** min(max(attempts - 1, 0), 30))
    return delay * (0.75 + jitter / 2)


def decide(delivery: Delivery, receipt: Receipt, now: float, jitter: float) -> Step:
    """The step for `receipt`; `delivery.attempts` counts the attempt it answers."""
    settle = _SETTLE[receipt.verdict]
    return settle(delivery, receipt, now, jitter)


def _accepted(delivery: Delivery, receipt: Receipt, _now: float, _jitter: float) -> Step:
    return Step(
        id=delivery.id,
        to=State.SENT,
        event="sent",
        code=receipt.code,
        text=receipt.text,
        status=receipt.status or "2.0.0",
        transfer_id=receipt.transfer_id,
    )


def _permanent(delivery: Delivery, receipt: Receipt, _now: float, _jitter: float) -> Step:
    return Step(
        id=delivery.id,
        to=State.FAILED,
        event="bounced",
        code=receipt.code,
        text=receipt.text,
        status=receipt.status or "5.0.0",
        told="failed",
    )


def _again(delivery: Delivery, receipt: Receipt, at: float, *, counted: bool) -> Step:
    return Step(
        id=delivery.id,
        to=State.QUEUED,
        event="deferred",
        # A report or a bounce may have ended it meanwhile; from there only an operator starts again.
        only_from=frozenset({State.SENDING}),
        code=receipt.code,
        text=receipt.text,
        status=receipt.status,
        # The end of its life falls due like an attempt, so that it is noticed in time.
        next_at=min(at, delivery.expires_at),
        attempts=0 if counted else -1,
    )


def _temporary(delivery: Delivery, receipt: Receipt, now: float, jitter: float) -> Step:
    delay = backoff(delivery.attempts, LONGEST_DELAY[delivery.channel], jitter)
    return _again(delivery, receipt, now + max(delay, receipt.retry_after or 0.0), counted=True)


def _throttled(delivery: Delivery, receipt: Receipt, now: float, jitter: float) -> Step:
    # The pause of the account says when; the spread only keeps the first ones from standing in one line.
    return _again(delivery, receipt, now + FIRST_DELAY * jitter, counted=False)


def _ours(delivery: Delivery, receipt: Receipt, now: float, jitter: float) -> Step:
    if receipt.scope is Scope.MESSAGE:
        return Step(
            id=delivery.id,
            to=State.HELD,
            event="held",
            code=receipt.code,
            text=receipt.text,
            status=receipt.status,
            attempts=-1,
        )
    # The pause of the scope says when. A moment later than now puts it behind those that have not been tried, so that
    # one odd message cannot be every probe.
    return _again(delivery, receipt, now + 1.0 + jitter, counted=False)


def _unknown(delivery: Delivery, receipt: Receipt, now: float, jitter: float) -> Step:
    if delivery.channel is Channel.MAIL:  # a mail that goes twice has the same Message-ID: the better mistake
        return _temporary(delivery, receipt, now, jitter)
    return Step(
        id=delivery.id,
        to=State.UNKNOWN,
        event="unknown",
        code=receipt.code,
        text=receipt.text,
        status=receipt.status or "4.4.2",
    )


_SETTLE = {
    Verdict.ACCEPTED: _accepted,
    Verdict.PERMANENT: _permanent,
    Verdict.TEMPORARY: _temporary,
    Verdict.THROTTLED: _throttled,
    Verdict.OURS: _ours,
    Verdict.UNKNOWN: _unknown,
}
