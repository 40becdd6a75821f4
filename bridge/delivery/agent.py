"""One channel's delivery: claims in batches, commits SENDING per delivery, calls, settles.

The order of writes is the promise: (1) SENDING is committed, (2) the call is made, (3) the outcome is committed. A
crash after (1) leaves a delivery that `recover` finds. Steps of deliveries that start together share a commit because
the spool's writer groups them; nothing here waits for that.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from bridge.delivery.alerts import costlier, worth_a_mail
from bridge.delivery.decide import decide
from bridge.delivery.pace import Pace
from bridge.delivery.pauses import Pauses
from bridge.log import get_logger
from bridge.message import Channel, Clock, Delivery, Receipt, State, StoreUnavailable, Verdict
from bridge.spool import Spool, Step

LEASE = 300.0
POLL = 1.0
"""Seconds after which the spool is looked at though nobody called: for commands, and for what falls due."""

_SETTLE_AGAIN = 1.0
_COSTLIER_EVERY = 3600.0


class Carrier(Protocol):
    """A provider or a transport."""

    async def send(self, delivery: Delivery, now: float) -> Receipt:
        """Hand one delivery over; every failure is a `Receipt`."""
        ...


class Agent:
    """Delivers one channel until told to stop."""

    def __init__(
        self,
        *,
        channel: Channel,
        carrier: Callable[[], Carrier],
        spool: Spool,
        clock: Clock,
        jitter: Callable[[], float],
        max_in_flight: int,
        rate: float = 0.0,
        explain: Callable[[str], str | None] = lambda _: None,
        refuse: Callable[[str, float], None] = lambda _phone, _until: None,
    ) -> None:
        """`explain` gives a sentence for the operator to a carrier's code, where there is one; `refuse` is told of a
        recipient that nobody need try until then.
        """
        self.channel = channel
        self.pauses = Pauses()
        self._carrier = carrier
        self._spool = spool
        self._clock = clock
        self._jitter = jitter
        self._max = max_in_flight
        self._pace = Pace(rate)
        self._explain = explain
        self._refuse = refuse
        self._costlier_at: float | None = None
        self._claimed: deque[Delivery] = deque()
        self._to_give_back: list[str] = []
        self._calls: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._stopping = False
        self._log = get_logger("delivery").bind(channel=channel.value)

    def wake(self) -> None:
        """Something new is in the spool."""
        self._wake.set()

    @property
    def in_flight(self) -> int:
        """Calls under way."""
        return len(self._calls)

    @property
    def paused(self) -> dict[str, str]:
        """What is paused, and the answer that paused it."""
        return {
            f"{self.channel.value} {scope}".strip(): f"{pause.code} {pause.text}".strip()
            for scope, pause in self.pauses.scopes.items()
        }

    async def run(self) -> None:
        """Deliver until `stop`; a store that fails is tried again, not a reason to end."""
        while not self._stopping:
            self._wake.clear()
            try:
                started = await self._round()
            except StoreUnavailable as error:
                self._log.error("spool unavailable", reason=str(error))
                started = False
            if not started:
                await self._rest()

    async def stop(self, grace: float) -> None:
        """Start nothing more; give calls under way `grace` seconds, then note their outcome as lost."""
        self._stopping = True
        self._wake.set()
        if self._calls:
            _, late = await asyncio.wait(set(self._calls), timeout=grace)
            for call in late:
                call.cancel()
            if late:
                await asyncio.wait(late, timeout=5)
        self._return_claimed()
        with contextlib.suppress(StoreUnavailable):  # else the leases fall back at the next start
            await self._give_back()

    async def _rest(self) -> None:
        wait = self._pace.wait(_tick())
        if wait > 0:  # being woken does not make the provider bear more
            await asyncio.sleep(min(POLL, wait))
            return
        try:
            await asyncio.wait_for(self._wake.wait(), POLL)
        except TimeoutError:
            return

    async def _round(self) -> bool:
        """Start what may start; True when something was."""
        now = self._clock()
        room = self._max - len(self._calls)
        allowed = self.pauses.room(now)
        if allowed is not None:
            room = min(room, allowed)
            self._return_claimed()
        await self._give_back()
        if room <= 0 or self._pace.wait(_tick()) > 0:
            return False
        if not self._claimed:
            # No more than start soon: what is urgent and comes now must not wait behind what was claimed before.
            limit = 1 if allowed is not None or self._pace.limit else self._max
            self._claimed.extend(
                await self._spool.claim(self.channel, limit, now, now + LEASE, self.pauses.closed_routes(now))
            )
        return self._start(room, now)

    def _start(self, room: int, now: float) -> bool:
        started = False
        while self._claimed and room > 0 and not self._stopping and self._pace.wait(_tick()) == 0:
            delivery = self._claimed.popleft()
            if not self.pauses.may_start(delivery, now):
                self._to_give_back.append(delivery.id)
                continue
            self._pace.started(_tick())
            call = asyncio.create_task(self._carry(delivery), name=f"carry {delivery.id}")
            self._calls.add(call)
            call.add_done_callback(self._done)
            room -= 1
            started = True
        return started

    def _return_claimed(self) -> None:
        self._to_give_back += [delivery.id for delivery in self._claimed]
        self._claimed.clear()

    async def _give_back(self) -> None:
        """Give leases back that are not used; what the store cannot take now is given back in the next round."""
        if self._to_give_back:
            await self._spool.unclaim(self._to_give_back)
            self._to_give_back.clear()

    def _done(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        self._wake.set()
        if not call.cancelled() and call.exception() is not None:
            self._log.error("delivery failed in our own code", exc_info=call.exception())

    async def _carry(self, delivery: Delivery) -> None:
        now = self._clock()
        log = self._log.bind(id=delivery.id, recipient=delivery.recipient)
        if delivery.expires_at <= now:
            self.pauses.not_sent(delivery)
            return  # the sweep ends its life
        try:
            begun = await self._spool.move(
                [Step(id=delivery.id, to=State.SENDING, event="sending", only_from=_WAITING, attempts=1)], now
            )
        except StoreUnavailable as error:
            self.pauses.not_sent(delivery)
            log.warning("spool unavailable", reason=str(error))
            self._claimed.appendleft(delivery)  # its lease is still ours
            await asyncio.sleep(_SETTLE_AGAIN)
            return
        if not begun[0]:  # held, dropped or taken meanwhile
            self.pauses.not_sent(delivery)
            return
        attempted = replace(delivery, attempts=delivery.attempts + 1)
        try:
            receipt = await self._carrier().send(attempted, now)
        except asyncio.CancelledError:
            await self._settle(attempted, _lost("the bridge stopped during the call"))
            raise
        except Exception as error:
            log.exception("a carrier failed in our own code")
            receipt = _lost(f"internal error: {type(error).__name__}")
        try:
            await self._settle(attempted, receipt)
        except Exception:
            # Words that no column takes, or a bug: it must neither stay SENDING nor stay a pause's probe.
            log.exception("an outcome could not be kept as it was")
            plain = Receipt(verdict=receipt.verdict, scope=receipt.scope, text="internal error", alert=True)
            await self._settle(attempted, plain)

    async def _settle(self, delivery: Delivery, receipt: Receipt) -> None:
        now = self._clock()
        receipt = self.pauses.judged(delivery, receipt)
        step = decide(delivery, receipt, now, self._jitter())
        while True:
            try:
                await self._spool.move([step], now)
                break
            except StoreUnavailable as error:
                # It stays SENDING: if we never can write it down, the next start finds it and calls it unknown.
                # What the answer was stands in the log at least.
                self._log.error(
                    "spool unavailable",
                    id=delivery.id,
                    reason=str(error),
                    code=receipt.code,
                    transfer_id=receipt.transfer_id,
                )
                if self._stopping:
                    return
                await asyncio.sleep(_SETTLE_AGAIN)
        self._tell(delivery, receipt, step)
        if receipt.refuse_for:
            self._refuse(delivery.recipient, now + receipt.refuse_for)
        if receipt.verdict is Verdict.THROTTLED:
            self._pace.complained(_tick())
        change = self.pauses.answered(delivery, receipt, now)
        for scope in change.resumed:
            self._log.info("resumed", scope=scope or "everything")
        if change.begun is not None:
            self._log.error("paused", scope=change.begun or "everything", code=receipt.code, reason=receipt.text)
        text = worth_a_mail(delivery, receipt, change)
        advice = self._explain(receipt.code) if text is not None else None
        await self._alert(f"{text}\n{advice}" if advice else text, now)
        await self._compare(delivery, receipt, now)

    async def _compare(self, delivery: Delivery, receipt: Receipt, now: float) -> None:
        """What was charged with what we counted."""
        text = costlier(delivery, receipt)
        if text is None:
            return
        self._log.warning("costlier", id=delivery.id, parts=receipt.parts)
        if self._costlier_at is None or now - self._costlier_at >= _COSTLIER_EVERY:
            self._costlier_at = now
            await self._alert(text, now)

    def _tell(self, delivery: Delivery, receipt: Receipt, step: Step) -> None:
        log = self._log.bind(id=delivery.id, recipient=delivery.recipient, code=receipt.code)
        level = log.info if receipt.verdict is Verdict.ACCEPTED and not receipt.alert else log.warning
        level(
            step.event,
            reason=receipt.text,
            attempts=delivery.attempts,
            transfer_id=receipt.transfer_id,
            delay=round(self._clock() - delivery.created_at, 3),
        )

    async def _alert(self, text: str | None, now: float) -> None:
        if text is None:
            return
        try:
            await self._spool.alert(text, now)
        except StoreUnavailable:
            self._log.error("alert not kept", text=text)


_WAITING = frozenset({State.QUEUED})


def _lost(text: str) -> Receipt:
    return Receipt(verdict=Verdict.UNKNOWN, code="", text=text, status="4.4.2")


def _tick() -> float:
    """The loop's own clock, in seconds: nobody can set it."""
    return asyncio.get_running_loop().time()
