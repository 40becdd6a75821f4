"""How fast calls may start: as configured, and slower for a while when the provider says that it was too fast.

Halved at each complaint, a tenth more for each quiet minute: the way TCP finds what a line bears, slowed down to what a
person at the provider would call polite. Measured on the loop's clock, so a clock that is set changes nothing.
"""

from collections import deque

QUIET = 60.0
"""Seconds without a complaint after which the pace may rise."""

RISE = 1.1
SLOWEST = 0.2
"""Calls a second that are always tried."""

_FIRST_SLOWEST = 1.0
_WINDOW = 1.0  # a provider counts short: what was too fast is what went in the last second
_GONE = 4.0
"""A limit this many times above the rate that was too fast is no limit any more."""


class Pace:
    """When the next call may start."""

    def __init__(self, configured: float = 0.0) -> None:
        self._configured = configured  # calls a second; 0: no limit
        self._limit = 0.0
        self._too_fast = 0.0
        self._changed = 0.0
        self._free_at = 0.0
        self._starts: deque[float] = deque(maxlen=1000)

    @property
    def limit(self) -> float:
        """Calls a second; 0 is no limit."""
        limits = [limit for limit in (self._configured, self._limit) if limit > 0]
        return min(limits, default=0.0)

    def wait(self, now: float) -> float:
        """Seconds until a call may start."""
        self._recover(now)
        return max(0.0, self._free_at - now) if self.limit else 0.0

    def started(self, now: float) -> None:
        """A call starts."""
        self._starts.append(now)
        if self.limit:
            self._free_at = max(self._free_at, now) + 1.0 / self.limit

    def complained(self, now: float) -> None:
        """The provider says that it was too fast: half of what was, but one complaint a second is enough."""
        if self._limit and now - self._changed < 1.0:
            return
        recent = sum(at > now - _WINDOW for at in self._starts) / _WINDOW
        was = self.limit or recent
        self._too_fast = max(was, _FIRST_SLOWEST)
        self._limit = max(SLOWEST if self._limit else _FIRST_SLOWEST, was / 2)
        self._changed = now
        self._free_at = now + 1.0 / self._limit

    def _recover(self, now: float) -> None:
        while self._limit and now - self._changed >= QUIET:
            self._limit *= RISE
            self._changed += QUIET
            if self._limit > self._too_fast * _GONE:
                self._limit = 0.0
