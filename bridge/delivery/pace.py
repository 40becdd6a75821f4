"""How fast calls may start: as configured, and slower for a while when the provider says that it was too fast.

Halved at each complaint, a tenth more for each quiet minute: the way TCP finds what a line bears, slowed down to what a
person at the provider would call polite. Measured on the loop's clock, so a clock that is set changes nothing.

Where several nodes call, each call under the configured rate also takes a token from a bucket that all of them share.
What a node learnt from complaints is its own: the others hear the provider complain themselves.
"""

from collections import deque

from bridge.limits import Draw, Pool

QUIET = 60.0
"""Seconds without a complaint after which the pace may rise."""

RISE = 1.1
SLOWEST = 0.2
"""Calls a second that are always tried."""

_FIRST_SLOWEST = 1.0
_WINDOW = 1.0  # a provider counts short: what was too fast is what went in the last second
_GONE = 4.0
"""A limit this many times above the rate that was too fast is no limit any more."""

_BUCKET = 0.1  # seconds in which a shared bucket fills: calls that start together after a moment without any
_TOKEN_FOR = 1.0  # seconds; older, and the others have used the time that it stood for


class Pace:
    """When the next call may start."""

    def __init__(self, configured: float = 0.0, pool: Pool | None = None, bucket: str = "") -> None:
        """`configured`: calls a second, 0: no limit; of all nodes together if they have a `bucket` in a `pool`."""
        self._configured = configured
        self._pool = pool if configured > 0 else None
        self._bucket = bucket
        self._token: float | None = None  # when it was drawn
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

    @property
    def shared(self) -> bool:
        """Whether others draw from the same bucket."""
        return self._pool is not None

    def wait(self, now: float) -> float:
        """Seconds until a call may start."""
        self._recover(now)
        return max(0.0, self._free_at - now) if self.limit else 0.0

    async def book(self, now: float) -> bool:
        """Get what the next call needs; False: it must `wait`. Raises `StoreUnavailable`."""
        if self._pool is None or (self._token is not None and now - self._token < _TOKEN_FOR):
            return True
        drawn = await self._pool.draw([self._draw()])
        if drawn.short is not None:
            self._token = None
            self._free_at = max(self._free_at, now + (1.0 - drawn.left[0]) / self._configured)
            return False
        self._token = now
        return True

    def unused(self) -> None:
        """Nothing was there to be called."""
        if self._token is not None and self._pool is not None:
            self._token = None
            self._pool.give_back([self._draw()])

    def started(self, now: float) -> None:
        """A call starts."""
        self._token = None
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

    def _draw(self) -> Draw:
        size = max(1.0, self._configured * _BUCKET)
        return Draw(bucket=self._bucket, size=size, rate=self._configured, tokens=1.0)

    def _recover(self, now: float) -> None:
        while self._limit and now - self._changed >= QUIET:
            self._limit *= RISE
            self._changed += QUIET
            if self._limit > self._too_fast * _GONE:
                self._limit = 0.0
