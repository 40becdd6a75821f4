"""Where all that the doors take enters the spool: delivery hears of it, or begins with it at once.

Where nothing waits before a message it is accepted and put into SENDING in one commit: else it is committed once when
it came and once more when it was found due, and its call waits for both. Only where one process delivers all by itself
and so knows that nothing waits; where several share a spool the store decides (`Spool.start`).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from bridge.delivery import Agent
from bridge.message import Channel, Clock, Delivery, Report, State
from bridge.spool import Accepted, Conversation, Intake, Taking


class Entry:
    """Keeps `bridge.spool.Taking` for the doors."""

    def __init__(
        self,
        spool: Taking,
        *,
        eager: Mapping[Channel, Agent],
        clock: Clock,
        wake: Callable[[Channel], None],
    ) -> None:
        """`eager` agents may begin with what is not in the spool yet; `wake` is told of what waits there."""
        self._spool = spool
        self._eager = eager
        self._clock = clock
        self._wake = wake

    async def accept(self, intake: Intake, /) -> Accepted:
        """See `Taking`. Must not be cancelled, as no commit must: nobody else calls what is put into SENDING here."""
        agent = self._reserved(intake)
        if agent is not None:
            return await self._begin(agent, intake)
        accepted = await self._spool.accept(intake)
        if not accepted.repeated:
            for channel in {delivery.channel for delivery in intake.deliveries}:
                self._wake(channel)
        return accepted

    async def bury(self, notification_id: str, body: bytes, reason: str, at: float, /) -> None:
        """See `Taking`."""
        await self._spool.bury(notification_id, body, reason, at)

    async def report(self, report: Report, now: float, /) -> bool:
        """See `Taking`."""
        return await self._spool.report(report, now)

    async def conversation(self, phone: str, line: str | None, now: float, /) -> Conversation | None:
        """See `Taking`."""
        return await self._spool.conversation(phone, line, now)

    async def _begin(self, agent: Agent, intake: Intake) -> Accepted:
        delivery = replace(intake.deliveries[0], state=State.SENDING, attempts=1)
        kept: Delivery | None = None
        try:
            accepted = await self._spool.accept(replace(intake, deliveries=(delivery,)))
            if not accepted.repeated:
                kept = delivery
        finally:
            agent.begin(kept, self._clock())
        return accepted

    def _reserved(self, intake: Intake) -> Agent | None:
        """Who begins with all of it. Only with a single delivery: of several some may have been here before."""
        if len(intake.deliveries) != 1:
            return None
        delivery = intake.deliveries[0]
        now, agent = self._clock(), self._eager.get(delivery.channel)
        if agent is None or delivery.state is not State.QUEUED or not delivery.next_at <= now < delivery.expires_at:
            return None
        return agent if agent.reserve() else None
