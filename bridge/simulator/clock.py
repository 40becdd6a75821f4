"""The simulator's time: the machine's, faster, or moved by hand.

Retries go on for three days; a test wants that in a second, and wants to say when.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

_HOUR = 3600


class Clock:
    """Simulated Unix seconds: `base` times `speed`, plus every `step`."""

    def __init__(self, base: Callable[[], float], speed: float = 1.0) -> None:
        self._base = base
        self._start = self._shown = base()
        self._speed = speed
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> float:
        """Unix seconds of simulated time."""
        return self._shown + (self._base() - self._start) * self._speed

    def step(self, seconds: float) -> None:
        """Move on by `seconds` at once and wake whoever waits for a moment."""
        self._shown += seconds
        for listener in self._listeners:
            listener()

    def on_step(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each step."""
        self._listeners.append(listener)

    def real_seconds_until(self, moment: float) -> float | None:
        """How long to sleep for `moment` to come; None when only a step can bring it."""
        left = moment - self.now()
        if left <= 0:
            return 0.0
        return left / self._speed if self._speed > 0 else None


def _last_sunday_0100(year: int, month: int) -> float:
    day = datetime(year, month, 31, 1, tzinfo=UTC)  # March and October both have 31 days
    return (day - timedelta(days=(day.weekday() + 1) % 7)).timestamp()


def vienna(moment: float) -> str:
    """`moment` (Unix seconds) as the provider writes it: ``2025-03-04T10:11:12.000+01:00``, Europe/Vienna.

    The rule of directive 2000/84/EC is spelt out here, so that no time zone database is needed.
    """
    year = datetime.fromtimestamp(moment, UTC).year
    summer = _last_sunday_0100(year, 3) <= moment < _last_sunday_0100(year, 10)
    zone = timezone(timedelta(seconds=(2 if summer else 1) * _HOUR))
    return datetime.fromtimestamp(moment, zone).isoformat(timespec="milliseconds")
