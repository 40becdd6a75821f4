"""One channel's delivery: claims in batches, commits SENDING per delivery, calls, settles.

The order of writes is the promise: (1) SENDING is committed, (2) the call is made, (3) the outcome is committed. A
crash after (1) leaves a delivery that `recover` finds. Steps of deliveries that start together share a commit because
the spool's writer groups them; nothing here waits for that.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from bridge.delivery.decide import decide
from bridge.delivery.pauses import ACCOUNT, Pause, Pauses
from bridge.log import get_logger
from bridge.message import Channel, Clock, Delivery, Receipt, Scope, State, StoreUnavailable, Verdict
from bridge.spool import Spool, Step

LEASE = 300.0
POLL = 1.0
"""Seconds after which the spool is looked at though nobody called: for commands, and for what falls due."""

BATCH = 50
_SETTLE_AGAIN = 1.0


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
    ) -> None:
        self.channel = channel
        self.pauses = Pauses()
        self._carrier = carrier
        self._spool = spool
        self._clock = clock
        self._jitter = jitter
        self._max = max_in_flight
        self._spacing = 1.0 / rate if rate > 0 else 0.0
        self._free_at = 0.0
        self._claimed: deque[Delivery] = deque()
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
        await self._give_back()

    async def _rest(self) -> None:
        now = self._clock()
        wait = min(POLL, self._free_at - now) if self._free_at > now else POLL
        try:
            await asyncio.wait_for(self._wake.wait(), wait)
        except TimeoutError:
            return

    async def _round(self) -> bool:
        """Start what may start; True when something was."""
        now = self._clock()
        room = self._max - len(self._calls)
        allowed = self.pauses.room(now)
        if allowed is not None:
            room = min(room, allowed)
            if self._claimed:
                await self._give_back()
        if room <= 0 or self._free_at > now:
            return False
        if not self._claimed:
            limit = max(room, BATCH) if allowed is None else room
            self._claimed.extend(
                await self._spool.claim(self.channel, limit, now, now + LEASE, self.pauses.closed_routes(now))
            )
        return await self._start(room, now)

    async def _start(self, room: int, now: float) -> bool:
        started = False
        refused: list[str] = []
        while self._claimed and room > 0 and not self._stopping and self._free_at <= now:
            delivery = self._claimed.popleft()
            if not self.pauses.may_start(delivery, now):
                refused.append(delivery.id)
                continue
            self._free_at = max(self._free_at, now - self._spacing) + self._spacing
            call = asyncio.create_task(self._carry(delivery), name=f"carry {delivery.id}")
            self._calls.add(call)
            call.add_done_callback(self._done)
            room -= 1
            started = True
        if refused:
            await self._spool.unclaim(refused)
        return started

    def _done(self, call: asyncio.Task[None]) -> None:
        self._calls.discard(call)
        self._wake.set()
        if not call.cancelled() and call.exception() is not None:
            self._log.error("delivery failed in our own code", exc_info=call.exception())

    async def _give_back(self) -> None:
        ids = [delivery.id for delivery in self._claimed]
        self._claimed.clear()
        if ids:
            try:
                await self._spool.unclaim(ids)
            except StoreUnavailable:
                return  # the lease falls back by itself

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
        step = decide(delivery, receipt, now, self._jitter())
        while True:
            try:
                await self._spool.move([step], now)
                break
            except StoreUnavailable as error:
                # It stays SENDING: if we never can write it down, the next start finds it and calls it unknown.
                self._log.error("spool unavailable", id=delivery.id, reason=str(error), code=receipt.code)
                if self._stopping:
                    return
                await asyncio.sleep(_SETTLE_AGAIN)
        self._tell(delivery, receipt, step)
        pause = self.pauses.answered(delivery, receipt, now)
        await self._alert(delivery, receipt, pause, now)

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

    async def _alert(self, delivery: Delivery, receipt: Receipt, pause: Pause | None, now: float) -> None:
        words = f"{receipt.code} {receipt.text}".strip()
        if pause is not None and pause.verdict is not Verdict.TEMPORARY:
            scope = next((key for key, value in self.pauses.scopes.items() if value is pause), ACCOUNT)
            what = f"The route {scope}" if scope else f"All {self.channel.value} delivery"
            text = f"{what} is paused: {words}. Nothing is lost or bounced while it is; a probe goes now and then."
            self._log.error("paused", route=scope, code=receipt.code, reason=receipt.text)
        elif receipt.verdict is Verdict.OURS and receipt.scope is Scope.MESSAGE:
            text = (
                f"The message {delivery.id} is held: {words}. Release it with `smsbridge queue release {delivery.id}`."
            )
        elif receipt.alert:
            text = f"The message {delivery.id} had an answer worth a look: {words}."
        else:
            return
        try:
            await self._spool.alert(text, now)
        except StoreUnavailable:
            self._log.error("alert not kept", text=text)


_WAITING = frozenset({State.QUEUED})


def _lost(text: str) -> Receipt:
    return Receipt(verdict=Verdict.UNKNOWN, code="", text=text, status="4.4.2")
