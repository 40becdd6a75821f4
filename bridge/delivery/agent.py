"""One channel's delivery: starts what is due, calls, settles; many together, as they come.

The order of writes is the promise: (1) SENDING is committed, (2) the call is made, (3) the outcome is committed. A
crash after (1) leaves a delivery that `recover` finds. All that may start is found and put into SENDING in one step,
never more than calls begin at once; all that is answered while a commit runs is settled by the next one, and under
load one commit settles what milliseconds bring. Where the spool says beforehand what it is about to take in, that is
mostly begun by the very commit that takes it in.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Protocol

from bridge import metrics
from bridge.delivery.lessons import Lessons
from bridge.delivery.outcomes import Answer, Outcome, Outcomes
from bridge.delivery.pace import Pace
from bridge.delivery.pauses import Pauses
from bridge.log import get_logger
from bridge.message import Channel, Clock, Delivery, Receipt, StoreUnavailable, Verdict
from bridge.spool.contract import Spool

LEASE = 300.0
"""Seconds for which what is past its end is put aside."""

POLL = 1.0
"""Seconds after which the spool is looked at though nobody called: for commands, and for what falls due."""

SETTLE_EVERY = 0.004
"""Seconds between two commits of outcomes, where enough calls are under way meanwhile: a commit costs as much as half a
message, and answers that come one by one would each have one.
"""


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
        part: Callable[[int], int] = lambda whole: whole,
        pace: Pace | None = None,
        explain: Callable[[str], str | None] = lambda _: None,
        refuse: Callable[[str, float], None] = lambda _phone, _until: None,
    ) -> None:
        """`part` says how many of `max_in_flight` calls are this node's now; `explain` gives the operator a sentence to
        a carrier's code, where there is one; `refuse` is told of a recipient that nobody need try until then.
        """
        self.channel = channel
        self.pauses = Pauses()
        self._carrier = carrier
        self._spool = spool
        self._clock = clock
        self._max, self._part = max_in_flight, part
        self._pace = pace or Pace()
        self._calls: dict[str, asyncio.Task[None]] = {}
        self._answers: list[Answer] = []
        self._open = 0  # in SENDING: calls under way, and answers that are not committed yet
        self._settling: asyncio.Task[None] | None = None
        self._settled_at = -math.inf  # when that last began
        self._settle_timer: asyncio.TimerHandle | None = None
        self._hurry = False  # an answer is there from which something is to be learnt
        self._turn = asyncio.Lock()
        self._due = True  # there may be something to start
        self._wake = asyncio.Event()
        self._stopping = False
        self.turned_at: float | None = None
        """When it last looked for work, by the loop's clock; None: it was not started yet."""
        self._call_seconds = metrics.CALL.of(channel.value)
        self._log = get_logger("delivery").bind(channel=channel.value)
        self._outcomes = Outcomes(spool=spool, pauses=self.pauses, jitter=jitter, log=self._log)
        self._lessons = Lessons(
            pauses=self.pauses,
            pace=self._pace,
            clock=clock,
            tick=_tick,
            log=self._log,
            explain=explain,
            refuse=refuse,
        )

    def wake(self) -> None:
        """Something new is in the spool, or is what the spool does next."""
        self._due = True
        self._wake.set()

    @property
    def in_flight(self) -> int:
        """Calls under way, their outcome's commit included."""
        return self._open

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
            self.turned_at = _tick()
            try:
                async with self._turn:
                    started = await self._round()
            except StoreUnavailable as error:
                self._log.error("spool unavailable", reason=str(error))
                self._due, started = True, False
            if not started:
                await self._rest()

    async def stop(self, grace: float) -> None:
        """Start nothing more; give calls under way `grace` seconds, then note their outcome as lost."""
        self._stopping = self._outcomes.stopping = True
        self._wake.set()
        async with self._turn:  # what is put into SENDING just now is given back
            pass
        if self._calls:
            _, late = await asyncio.wait(set(self._calls.values()), timeout=grace)
            for call in late:
                call.cancel()
            if late:
                await asyncio.wait(late, timeout=5)
        self._settle_in_time()
        until = _tick() + max(grace, 5)
        while self._settling is not None and _tick() < until:
            await asyncio.wait({self._settling}, timeout=until - _tick())

    async def _rest(self) -> None:
        wait = self._pace.wait(_tick())
        if wait > 0:  # being woken does not make the provider bear more
            await asyncio.sleep(min(POLL, wait))
            return
        try:
            async with asyncio.timeout(POLL):
                await self._wake.wait()
        except TimeoutError:
            self._due = True

    async def _round(self) -> bool:
        """Start what may start; True when there may be more."""
        now = self._clock()
        most = self._part(self._max)
        room = most - self._open
        allowed = self.pauses.room(now)
        if allowed is not None:
            room = min(room, allowed)
        if room <= 0 or not self._due or self._pace.wait(_tick()) > 0:
            return False
        if self._pace.limit:
            room = 1
        if self._pace.shared and await self._spool.oldest(self.channel) is None:
            return False  # others may need the token
        if not await self._pace.book(_tick()):
            return False
        self._due = False  # until somebody wakes us, or more was found than there is room for
        closed, paused = self.pauses.closed_routes(now), self.pauses.paused_routes()
        started = 0
        if len(closed) < len(paused) and room > 1:  # what is next in line may be a probe; it goes alone
            started = await self._start(1, closed, now)
            closed = paused
        started += await self._start(room - started, closed, now)
        if not started:
            self._pace.unused()
        self._due |= started == room
        return self._due

    async def _start(self, room: int, without_routes: list[str], now: float) -> int:
        """Put what is due into SENDING, then make the calls; gives how many."""
        found = await self._spool.start(self.channel, room, now, now + LEASE, without_routes, ())
        self._call(found, now)
        return len(found)

    def _call(self, found: list[Delivery], now: float) -> None:
        self._open += len(found)
        for delivery in found:
            if self._stopping or not self.pauses.may_start(delivery, now):  # since we asked
                self._settle_soon(delivery, None)
                continue
            self._pace.started(_tick())
            self._calls[delivery.id] = asyncio.create_task(self._carry(delivery, now))

    async def _carry(self, delivery: Delivery, now: float) -> None:
        begun = _tick()
        try:
            receipt = await self._carrier().send(delivery, now)
        except asyncio.CancelledError:
            self._settle_soon(delivery, _lost("the bridge stopped during the call"))
            raise
        except Exception as error:  # noqa: BLE001  # logged, and its delivery must not stay SENDING
            self._log.exception("a carrier failed in our own code", id=delivery.id, recipient=delivery.recipient)
            receipt = _lost(f"internal error: {type(error).__name__}")
        self._call_seconds.add(_tick() - begun)
        self._settle_soon(delivery, receipt)

    def _settle_soon(self, delivery: Delivery, receipt: Receipt | None) -> None:
        """Together with what else is answered in this turn of the loop, or while the commit before it runs."""
        self._calls.pop(delivery.id, None)
        self._answers.append((delivery, receipt))
        self._hurry |= receipt is None or receipt.verdict is not Verdict.ACCEPTED
        self._settle_in_time()

    def _settle_in_time(self) -> None:
        """At once, or where others will be answered soon together with them."""
        if self._settling is not None or not self._answers:
            return
        wait = self._settled_at + SETTLE_EVERY - _tick()
        if wait <= 0 or self._hurry or self._stopping or len(self._answers) * 2 >= len(self._calls):
            self._begin_to_settle()
        elif self._settle_timer is None:
            self._settle_timer = asyncio.get_running_loop().call_later(wait, self._begin_to_settle)

    def _begin_to_settle(self) -> None:
        if self._settle_timer is not None:
            self._settle_timer.cancel()
            self._settle_timer = None
        self._settled_at, self._hurry = _tick(), False
        self._settling = asyncio.create_task(self._settle(), name=f"settle {self.channel.value}")

    async def _settle(self) -> None:
        answers, self._answers = self._answers, []
        try:
            await self._settle_all(answers)
        except Exception:  # noqa: BLE001  # this task must outlive it
            self._log.exception("delivery failed in our own code")
        finally:
            self._open -= len(answers)
            if self._due and self._open < self._part(self._max):
                self._wake.set()
            self._settling = None
            self._settle_in_time()

    async def _settle_all(self, answers: list[Answer]) -> None:
        now = self._clock()
        outcomes = self._outcomes.of(answers, now)
        if not await self._refill(outcomes, now):
            outcomes = await self._outcomes.keep(outcomes, now)
        paused = len(self.pauses.scopes)
        sentences: list[str] = []
        for outcome in outcomes:
            if outcome.receipt is None:
                self._due = True  # it is where it was
            else:
                sentences += self._lessons.learn(outcome.delivery, outcome.receipt, outcome.step, now)
        self._due |= len(self.pauses.scopes) < paused
        for sentence in sentences:
            await self._alert(sentence, now)

    async def _refill(self, outcomes: list[Outcome], now: float) -> bool:
        """Settle, and start as many others in the same commit, where no answer says that they must wait."""
        if self._turn.locked() or not self._may_refill():
            return False
        if not all(one.receipt is not None and one.receipt.verdict is Verdict.ACCEPTED for one in outcomes):
            return False
        async with self._turn:  # another may have had its turn before, so what counts is what is free now
            room = self._part(self._max) - self._open + len(outcomes)
            if room <= 0 or not self._may_refill():
                return False
            self._due = False
            try:
                after = [outcome.step for outcome in outcomes]
                found = await self._spool.start(self.channel, room, now, now + LEASE, (), after)
            except Exception:  # noqa: BLE001  # nothing was done; what settles alone says what is wrong
                self._due = True
                return False
            self._due |= len(found) == room
            self._call(found, now)
        return True

    def _may_refill(self) -> bool:
        return self._due and not (self._stopping or self.pauses.scopes or self._pace.limit)

    async def _alert(self, text: str, now: float) -> None:
        try:
            await self._spool.alert(text, now)
        except StoreUnavailable:
            self._log.error("alert not kept", text=text)


def _lost(text: str) -> Receipt:
    return Receipt(verdict=Verdict.UNKNOWN, code="", text=text, status="4.4.2")


def _tick() -> float:
    """The loop's own clock, in seconds: nobody can set it."""
    return asyncio.get_running_loop().time()
