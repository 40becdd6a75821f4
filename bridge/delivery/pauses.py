"""What must not be tried now: an account or a route that is paused, until a probe finds it well again.

Kept in memory: after a restart the first answer tells it anew, and several nodes tell each other. One message at a time
is the probe of a paused scope; only what the probe is answered lifts the pause, since calls that were under way when it
began know nothing of it.
"""

from dataclasses import dataclass, replace

from bridge.delivery.decide import PROBE_EVERY
from bridge.message import Channel, Delivery, Receipt, Scope, Verdict

ACCOUNT = ""
"""The key of the whole channel; routes have their names, and every route's name is longer than nothing."""

BREAK_AFTER = 5
"""Failures in a row after which one probe at a time replaces trying every message."""

QUIET = 3600.0
"""Seconds without a pause of one kind after which the next one is news for the operator again."""

_FIRST = {Verdict.OURS: PROBE_EVERY, Verdict.THROTTLED: 30.0, Verdict.TEMPORARY: 5.0, Verdict.UNKNOWN: 30.0}
_LONGEST = {Verdict.OURS: PROBE_EVERY, Verdict.THROTTLED: 900.0, Verdict.TEMPORARY: 60.0, Verdict.UNKNOWN: 300.0}
_LONGEST_ASKED = 3600.0
_SLOW = 300.0
"""Who asks for that many seconds is asked half as often each time, down to once an hour: a quota does not grow back."""


@dataclass(slots=True)
class Pause:
    """One paused scope."""

    verdict: Verdict
    until: float  # when the next probe may go
    delay: float  # the last wait, without what the carrier asked for
    wait: float  # the whole wait that ends at `until`
    code: str
    text: str
    probe: str | None = None  # id of the delivery that is the probe

    def is_over(self, now: float) -> bool:
        """Whether a probe may go; a clock that was set back does not lengthen the wait."""
        return self.probe is None and (now >= self.until or now < self.until - self.wait)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an answer did to the pauses: a scope that began to pause, scopes that go on."""

    begun: str | None = None
    news: bool = False  # the operator was not told of the like lately
    resumed: tuple[str, ...] = ()


class Pauses:
    """All pauses of one channel."""

    def __init__(self) -> None:
        self.scopes: dict[str, Pause] = {}
        self._failures = 0
        self._worked: dict[str, float] = {}  # when a scope last took a message
        self._last: dict[tuple[str, Verdict], float] = {}

    @property
    def worked_at(self) -> float | None:
        """When a message was last taken; None: not since the start."""
        return self._worked.get(ACCOUNT)

    def room(self, now: float) -> int | None:
        """How many deliveries may start: None for any number, 1 for a probe, 0 for none."""
        pause = self.scopes.get(ACCOUNT)
        if pause is None:
            return None
        return 1 if pause.is_over(now) else 0

    def closed_routes(self, now: float) -> list[str]:
        """Routes of which nothing may start now."""
        return [name for name, pause in self.scopes.items() if name != ACCOUNT and not pause.is_over(now)]

    def paused_routes(self) -> list[str]:
        """Routes of which only a probe may start, or nothing."""
        return [name for name in self.scopes if name != ACCOUNT]

    def may_start(self, delivery: Delivery, now: float) -> bool:
        """Whether this delivery may go; if a pause covers it, it becomes that pause's probe."""
        covering = [self.scopes[key] for key in (ACCOUNT, delivery.route) if key in self.scopes]
        if not all(pause.is_over(now) for pause in covering):
            return False
        for pause in covering:
            pause.probe = delivery.id
        return True

    def not_sent(self, delivery: Delivery) -> None:
        """A delivery that was allowed to start did not: it probes nothing."""
        for pause in self.scopes.values():
            if pause.probe == delivery.id:
                pause.probe = None

    def judged(self, delivery: Delivery, receipt: Receipt) -> Receipt:
        """The answer, or the same about this message alone.

        Whoever is refused a second time with words for the whole scope, while others went through since the first, is
        itself what is wrong: it is held, or it would pause the scope again and again.
        """
        if receipt.verdict is not Verdict.OURS or receipt.scope is Scope.MESSAGE or delivery.code != receipt.code:
            return receipt
        key = delivery.route if receipt.scope is Scope.ROUTE else ACCOUNT
        if self._worked.get(key, 0.0) <= delivery.changed_at:
            return receipt
        return replace(receipt, scope=Scope.MESSAGE)

    def answered(self, delivery: Delivery, receipt: Receipt, now: float) -> Change:
        """Learn from an answer."""
        if receipt.verdict is Verdict.ACCEPTED:
            self._worked[ACCOUNT] = self._worked[delivery.route] = now
        probed = {key: pause for key, pause in self.scopes.items() if pause.probe == delivery.id}
        self.not_sent(delivery)
        key = self._paused_by(delivery, receipt)
        if key is not None:
            return self._pause(key, receipt, now, probed=key in probed)
        if receipt.verdict is Verdict.ACCEPTED:
            resumed = tuple(probed)
        elif receipt.verdict is Verdict.PERMANENT:
            # It was understood, so the account works; of the route it says nothing.
            resumed = (ACCOUNT,) if ACCOUNT in probed else ()
        else:
            resumed = ()
        for name in resumed:
            del self.scopes[name]
        for name, pause in probed.items():
            if name not in resumed:
                # It may have cost a message: the next probe waits its time again.
                pause.until, pause.wait = now + pause.delay, pause.delay
        return Change(resumed=resumed)

    def lift(self, now: float) -> None:
        """Probe everything now, as after a reload of the configuration."""
        for pause in self.scopes.values():
            pause.until = min(pause.until, now)

    def adopt(self, scope: str, told: Pause | None) -> None:
        """Believe another node that a scope is out of order, or in order again; a probe under way goes on."""
        old = self.scopes.pop(scope, None)
        if told is not None:
            self.scopes[scope] = replace(told, probe=None if old is None else old.probe)

    def _paused_by(self, delivery: Delivery, receipt: Receipt) -> str | None:
        """The scope that an answer pauses, if it does."""
        failed = (receipt.verdict is Verdict.TEMPORARY and receipt.scope is Scope.ACCOUNT) or (
            receipt.verdict is Verdict.UNKNOWN and delivery.channel is Channel.SMS
        )
        self._failures = self._failures + 1 if failed else 0
        if failed:
            return ACCOUNT if self._failures >= BREAK_AFTER or ACCOUNT in self.scopes else None
        if receipt.verdict not in (Verdict.OURS, Verdict.THROTTLED) or receipt.scope is Scope.MESSAGE:
            return None
        return delivery.route if receipt.scope is Scope.ROUTE and delivery.route else ACCOUNT

    def _pause(self, key: str, receipt: Receipt, now: float, *, probed: bool) -> Change:
        old = self.scopes.get(key)
        if old is not None and old.verdict is receipt.verdict and not probed and not old.is_over(now):
            return Change()  # a call that was already under way says nothing new
        longer = old is not None and old.verdict is receipt.verdict
        asked = min(receipt.retry_after or 0.0, _LONGEST_ASKED)
        first, longest = _FIRST[receipt.verdict], _LONGEST[receipt.verdict]
        if receipt.verdict is Verdict.THROTTLED and asked >= _SLOW:
            first, longest = asked, _LONGEST_ASKED
        delay = max(first, min(longest, old.delay * 2)) if longer and old else first
        wait = max(delay, asked)
        probe = None if old is None else old.probe
        self.scopes[key] = Pause(receipt.verdict, now + wait, delay, wait, receipt.code, receipt.text, probe)
        last = self._last.get((key, receipt.verdict))
        self._last[key, receipt.verdict] = now
        return Change(begun=None if longer else key, news=last is None or now - last > QUIET)
