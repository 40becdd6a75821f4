"""What must not be tried now: an account or a route that is paused, until a probe finds it well again.

Kept in memory: after a restart the first answer tells it anew. One message at a time is the probe of a paused scope;
what it answers lifts the pause or lengthens it.
"""

from dataclasses import dataclass

from bridge.delivery.decide import PROBE_EVERY
from bridge.message import Delivery, Receipt, Scope, Verdict

ACCOUNT = ""
"""The key of the whole channel; routes have their names, and every route's name is longer than nothing."""

BREAK_AFTER = 5
"""Connection failures in a row after which one probe at a time replaces trying every message."""

_FIRST = {Verdict.OURS: PROBE_EVERY, Verdict.THROTTLED: 30.0, Verdict.TEMPORARY: 5.0}
_LONGEST = {Verdict.OURS: PROBE_EVERY, Verdict.THROTTLED: 900.0, Verdict.TEMPORARY: 60.0}
_LONGEST_ASKED = 3600.0


@dataclass(slots=True)
class Pause:
    """One paused scope."""

    verdict: Verdict
    until: float  # when the next probe may go
    delay: float
    code: str
    text: str
    probe: str | None = None  # id of the delivery that is the probe


class Pauses:
    """All pauses of one channel."""

    def __init__(self) -> None:
        self.scopes: dict[str, Pause] = {}
        self._failures = 0

    def room(self, now: float) -> int | None:
        """How many deliveries may start: None for any number, 1 for a probe, 0 for none."""
        pause = self.scopes.get(ACCOUNT)
        if pause is None:
            return None
        return 1 if pause.probe is None and pause.until <= now else 0

    def closed_routes(self, now: float) -> list[str]:
        """Routes of which nothing may be claimed now."""
        return [
            name
            for name, pause in self.scopes.items()
            if name != ACCOUNT and (pause.probe is not None or pause.until > now)
        ]

    def may_start(self, delivery: Delivery, now: float) -> bool:
        """Whether this claimed delivery may go; if a pause covers it, it becomes that pause's probe."""
        covering = [self.scopes[key] for key in (ACCOUNT, delivery.route) if key in self.scopes]
        if any(pause.probe is not None or pause.until > now for pause in covering):
            return False
        for pause in covering:
            pause.probe = delivery.id
        return True

    def not_sent(self, delivery: Delivery) -> None:
        """A delivery that was allowed to start did not: it probes nothing."""
        for pause in self.scopes.values():
            if pause.probe == delivery.id:
                pause.probe = None

    def answered(self, delivery: Delivery, receipt: Receipt, now: float) -> Pause | None:
        """Learn from an answer; gives the pause when one begins that the operator should hear of."""
        probed = [pause for pause in self.scopes.values() if pause.probe == delivery.id]
        self.not_sent(delivery)
        broken = self._count(receipt)
        if receipt.verdict in (Verdict.OURS, Verdict.THROTTLED) and receipt.scope is not Scope.MESSAGE:
            key = delivery.route if receipt.scope is Scope.ROUTE and delivery.route else ACCOUNT
            return self._pause(key, receipt, now)
        if broken:
            return self._pause(ACCOUNT, receipt, now)
        if receipt.verdict in (Verdict.ACCEPTED, Verdict.PERMANENT):
            # It was understood: the account works, and so does the route when the message was taken.
            self.scopes.pop(ACCOUNT, None)
            if receipt.verdict is Verdict.ACCEPTED:
                self.scopes.pop(delivery.route, None)
            return None
        for pause in probed:
            # It says nothing about the scope, and may have cost a message: the next probe waits its time again.
            pause.until = max(pause.until, now + pause.delay)
        return None

    def lift(self, now: float) -> None:
        """Probe everything now, as after a reload of the configuration."""
        for pause in self.scopes.values():
            pause.until = min(pause.until, now)

    def _count(self, receipt: Receipt) -> bool:
        if receipt.verdict is not Verdict.TEMPORARY or receipt.scope is not Scope.ACCOUNT:
            self._failures = 0
            return False
        self._failures += 1
        return self._failures >= BREAK_AFTER or ACCOUNT in self.scopes

    def _pause(self, key: str, receipt: Receipt, now: float) -> Pause | None:
        old = self.scopes.get(key)
        longer = old is not None and old.verdict is receipt.verdict
        delay = min(_LONGEST[receipt.verdict], old.delay * 2) if longer and old else _FIRST[receipt.verdict]
        asked = min(receipt.retry_after or 0.0, _LONGEST_ASKED)
        pause = Pause(
            verdict=receipt.verdict,
            until=now + max(delay, asked),
            delay=delay,
            code=receipt.code,
            text=receipt.text,
        )
        if longer and old is not None and old.until > now:
            # Answers of calls that were already under way say nothing new.
            pause.until, pause.delay = old.until, old.delay
        self.scopes[key] = pause
        return None if longer else pause
