"""What nobody asks for: lifetimes that end, lost answers that were waited for, leases that lapse, retention."""

from collections.abc import Callable
from dataclasses import replace

from bridge import metrics
from bridge.log import get_logger
from bridge.message import Channel, Clock, Delivery, OnUnknown, State
from bridge.spool import Step
from bridge.spool.contract import Spool

EVERY = 1.0
"""Seconds between two looks."""

RESENDS = 2
"""How often a message of a `resend` route goes again because its answer was lost."""

_LIMIT = 500
_HOUR = 3600.0


class Sweep:
    """Looks after the spool, a step at a time; the daemon calls `once` every second."""

    def __init__(
        self,
        *,
        spool: Spool,
        clock: Clock,
        keep: Callable[[], tuple[float, float]],
        wake: Callable[[Channel], None],
    ) -> None:
        self._spool = spool
        self._clock = clock
        self._keep = keep
        self._wake = wake
        self._purge_at = 0.0
        self._log = get_logger("delivery")

    async def once(self) -> None:
        """One look at everything."""
        now = self._clock()
        await self._expire(now)
        await self._unknown(now)
        if await self._spool.release_leases(now):
            self._wake(Channel.SMS)
            self._wake(Channel.MAIL)
        if now >= self._purge_at:
            keep_text, keep_history = self._keep()
            touched = await self._spool.purge(now, keep_text, keep_history, _LIMIT)
            self._purge_at = now if touched >= _LIMIT else now + _HOUR

    async def _expire(self, now: float) -> None:
        expired = await self._spool.expired(now, _LIMIT)
        steps = [_end_of_life(delivery) for delivery in expired]
        await self._move(expired, steps, now)

    async def _unknown(self, now: float) -> None:
        overdue = await self._spool.overdue_unknown(now, _LIMIT)
        steps = []
        for delivery in overdue:
            resend = delivery.on_unknown is OnUnknown.RESEND
            if resend and await self._spool.resends(delivery.id) >= RESENDS:
                resend = False
            steps.append(_resend(delivery, now) if resend else _give_up(delivery))
        await self._move(overdue, steps, now)
        if any(step.to is State.QUEUED for step in steps):
            self._wake(Channel.SMS)

    async def _move(self, deliveries: list[Delivery], steps: list[Step], now: float) -> None:
        if not steps:
            return
        moved = await self._spool.move(steps, now)
        for delivery, step, done in zip(deliveries, steps, moved, strict=True):
            if done:
                if step.to is State.FAILED:
                    metrics.EXPIRED.of(delivery.channel.value).add()
                self._log.warning(
                    step.event,
                    id=delivery.id,
                    channel=delivery.channel.value,
                    recipient=delivery.recipient,
                    reason=step.text,
                )


def _end_of_life(delivery: Delivery) -> Step:
    before = frozenset({delivery.state})
    if delivery.state is State.UNKNOWN:
        return _failed(delivery, before, "4.4.2", "the outcome is unknown, the message was not repeated")
    if delivery.state is State.SENT:
        # Not the code of the answer: that one said that the message was taken.
        text = "the phone could not be reached while the message was valid"
        return _failed(replace(delivery, code="report undelivered"), before, "5.2.0", text)
    why = f"not delivered in time; last answer: {delivery.code} {delivery.reason}".rstrip(": ")
    return _failed(delivery, before, "4.4.7", why)


def _give_up(delivery: Delivery) -> Step:
    return _failed(
        delivery, frozenset({State.UNKNOWN}), "4.4.2", "the outcome is unknown, the message was not repeated"
    )


def _failed(delivery: Delivery, before: frozenset[State], status: str, text: str) -> Step:
    return Step(
        id=delivery.id,
        to=State.FAILED,
        event="bounced",
        only_from=before,
        status=status,
        code=delivery.code or "expired",
        text=text,
        told="failed",
    )


def _resend(delivery: Delivery, now: float) -> Step:
    return Step(
        id=delivery.id,
        to=State.QUEUED,
        event="resent",
        only_from=frozenset({State.UNKNOWN}),
        text="its answer was lost; the route asks to send it again",
        next_at=now,
    )
