"""The daemon's clock: what time it is, without jumping when somebody sets the system's clock.

Retries, leases and lifetimes are times of day in the spool. With a clock that jumps two days ahead every message would
be past its life, and with one that is set back nothing would be tried for two days. So the time of day is read once and
then counted by a clock that nobody can set; what the system's clock was set by since is told, and followed on purpose.
"""

import time
from typing import Final

from bridge.message import Clock

STEP: Final = 60.0
"""Seconds of difference that are a step; less is how clocks are kept right, and is followed at once."""


def _counted() -> float:
    # Also while the machine sleeps: a message gets older then.
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Steady:
    """Seconds since 1970, to be called."""

    def __init__(self, wall: Clock = time.time, counted: Clock = _counted) -> None:
        self._wall = wall
        self._counted = counted
        self.ahead = wall() - counted()
        """Seconds; processes that have the same go together."""

    def __call__(self) -> float:
        return self.ahead + self._counted()

    def step(self) -> float:
        """Seconds that the system's clock was set ahead; negative: back; 0.0 where it was not."""
        step = self._wall() - self()
        if abs(step) > STEP:
            return step
        self.follow(step)
        return 0.0

    def follow(self, seconds: float) -> None:
        """Jump as the system's clock did."""
        self.ahead += seconds
