"""What an answer teaches once it is committed: pauses, pace, whom to refuse; and who hears of it, log or operator."""

from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from bridge import metrics
from bridge.delivery.alerts import costlier, worth_a_mail
from bridge.delivery.pace import Pace
from bridge.delivery.pauses import Pauses
from bridge.message import Channel, Clock, Delivery, Receipt, Verdict
from bridge.spool import Step

_COSTLIER_EVERY = 3600.0


class Lessons:
    """Those of one channel."""

    def __init__(
        self,
        *,
        pauses: Pauses,
        pace: Pace,
        clock: Clock,
        tick: Clock,
        log: FilteringBoundLogger,
        explain: Callable[[str], str | None],
        refuse: Callable[[str, float], None],
    ) -> None:
        """`tick` is the loop's own clock, by which the pace is kept."""
        self._pauses = pauses
        self._pace = pace
        self._clock = clock
        self._tick = tick
        self._log = log
        self._explain = explain
        self._refuse = refuse
        self._costlier_at: float | None = None

    def learn(self, delivery: Delivery, receipt: Receipt, step: Step, now: float) -> list[str]:
        """Learn from one answer; gives the sentences for the operator."""
        self._tell(delivery, receipt, step)
        if receipt.refuse_for:
            self._refuse(delivery.recipient, now + receipt.refuse_for)
        if receipt.verdict is Verdict.THROTTLED:
            self._pace.complained(self._tick())
        change = self._pauses.answered(delivery, receipt, now)
        for scope in change.resumed:
            self._log.info("resumed", scope=scope or "everything")
        if change.begun is not None:
            self._log.error("paused", scope=change.begun or "everything", code=receipt.code, reason=receipt.text)
        sentences = []
        text = worth_a_mail(delivery, receipt, change)
        if text is not None:
            advice = self._explain(receipt.code)
            sentences.append(f"{text}\n{advice}" if advice else text)
        text = costlier(delivery, receipt)
        if text is not None:
            self._log.warning("costlier", id=delivery.id, parts=receipt.parts)
            if self._costlier_at is None or now - self._costlier_at >= _COSTLIER_EVERY:
                self._costlier_at = now
                sentences.append(text)
        return sentences

    def _tell(self, delivery: Delivery, receipt: Receipt, step: Step) -> None:
        plain = receipt.verdict is Verdict.ACCEPTED and not receipt.alert
        now = self._clock()
        delay = now - delivery.created_at
        _count(delivery, receipt, delay, now)
        level = self._log.info if plain else self._log.warning
        level(
            step.event,
            id=delivery.id,
            recipient=delivery.recipient,
            code=receipt.code,
            reason=receipt.text,
            attempts=delivery.attempts,
            transfer_id=receipt.transfer_id,
            delay=round(delay, 3),
        )


def _count(delivery: Delivery, receipt: Receipt, delay: float, now: float) -> None:
    metrics.OUTCOMES.of(delivery.channel.value, receipt.verdict.value, receipt.code).add()
    if receipt.verdict is not Verdict.ACCEPTED:
        return
    metrics.HANDOVER.of(delivery.channel.value).add(delay)
    if delivery.channel is Channel.SMS:
        metrics.PARTS.add(receipt.parts or 1)
        metrics.AWAITED.sent(delivery.id, now)
