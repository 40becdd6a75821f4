"""Outcomes on their way into the spool: what each answer means, and how it is kept whatever the store does."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from structlog.typing import FilteringBoundLogger

from bridge.delivery.decide import decide
from bridge.delivery.pauses import Pauses
from bridge.message import Delivery, Receipt, State, StoreUnavailable
from bridge.spool import Step
from bridge.spool.contract import Spool

SETTLE_AGAIN = 1.0
"""Seconds until the store is asked again."""

_NOT_TRIED = Step(
    id="",
    to=State.QUEUED,
    event="deferred",
    only_from=frozenset({State.SENDING}),
    text="not tried: what may start has changed",
    attempts=-1,
)

Answer = tuple[Delivery, Receipt | None]
"""None: the call was not made after all."""


class Outcome(NamedTuple):
    """An answer, and what it means."""

    delivery: Delivery
    receipt: Receipt | None
    step: Step


class Outcomes:
    """Those of one channel."""

    def __init__(self, *, spool: Spool, pauses: Pauses, jitter: Callable[[], float], log: FilteringBoundLogger) -> None:
        self._spool = spool
        self._pauses = pauses
        self._jitter = jitter
        self._log = log
        self.stopping = False
        """Whether to give up on a store that is away, instead of asking it again."""

    def of(self, answers: Sequence[Answer], now: float) -> list[Outcome]:
        """What answers mean."""
        return [self._of(delivery, receipt, now) for delivery, receipt in answers]

    async def keep(self, outcomes: list[Outcome], now: float) -> list[Outcome]:
        """Commit them together, however long it takes, and give them as they were kept: none when the bridge stops."""
        try:
            return outcomes if await self._move(outcomes, now) else []
        except Exception:  # noqa: BLE001  # logged
            # Words that no column takes, or a bug: none must stay SENDING, or stay a pause's probe.
            self._log.exception("an outcome could not be kept as it was")
            return [await self._keep_alone(outcome, now) for outcome in outcomes]

    def _of(self, delivery: Delivery, receipt: Receipt | None, now: float) -> Outcome:
        if receipt is None:
            return Outcome(delivery, None, replace(_NOT_TRIED, id=delivery.id))
        receipt = self._pauses.judged(delivery, receipt)
        return Outcome(delivery, receipt, decide(delivery, receipt, now, self._jitter()))

    async def _keep_alone(self, outcome: Outcome, now: float) -> Outcome:
        try:
            await self._move([outcome], now)
        except Exception:
            if outcome.receipt is None:
                raise
            verdict, scope = outcome.receipt.verdict, outcome.receipt.scope
            plain = Receipt(verdict=verdict, scope=scope, text="internal error", alert=True)
            outcome = self._of(outcome.delivery, plain, now)
            await self._move([outcome], now)
        return outcome

    async def _move(self, outcomes: list[Outcome], now: float) -> bool:
        """False only when the bridge stops while the store is away."""
        while True:
            try:
                await self._spool.move([outcome.step for outcome in outcomes], now)
            except StoreUnavailable as error:
                # They stay SENDING: if we never can write it down, the next start finds them and calls them unknown.
                # What the answers were stands in the log at least.
                for outcome in outcomes:
                    self._log.error(
                        "spool unavailable",
                        id=outcome.delivery.id,
                        reason=str(error),
                        code=outcome.step.code,
                        transfer_id=outcome.step.transfer_id,
                    )
                if self.stopping:
                    return False
                await asyncio.sleep(SETTLE_AGAIN)
            else:
                return True
