"""One timer for a whole connection: its deadline moves with every command, the event loop's heap hardly ever does.

A cancelled and a new timer for each command would cost more than parsing it. So a later deadline is only noted, and
the timer that rings too early winds itself up again.
"""

import asyncio
from collections.abc import Callable

FOREVER = float("inf")


class Alarm:
    """Calls `expired` once the deadline has passed. `extra` gives seconds to be added to it, asked when it matters."""

    __slots__ = ("_expired", "_extra", "_loop", "_rings_at", "_timer", "deadline")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, expired: Callable[[], None], extra: Callable[[], float]
    ) -> None:
        self._loop = loop
        self._expired = expired
        self._extra = extra
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = FOREVER
        self.deadline = FOREVER  # loop time

    def set(self, seconds: float) -> None:
        """The deadline is `seconds` from now."""
        self.set_at(self._loop.time() + seconds)

    def set_at(self, deadline: float) -> None:
        """The deadline in loop time."""
        self.deadline = deadline
        if deadline < self._rings_at:
            self._wind(deadline)

    def stop(self) -> None:
        """It will never ring again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.deadline = self._rings_at = FOREVER
        # They are methods of whom the alarm belongs to: as a circle both would stay until garbage is collected.
        self._expired, self._extra = _nothing, _none

    def _wind(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = when
        self._timer = self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        self._timer, self._rings_at = None, FOREVER
        due = self.deadline + self._extra()
        if due == FOREVER:
            return
        if self._loop.time() < due:
            self._wind(due)
        else:
            self.deadline = FOREVER
            self._expired()


def _nothing() -> None:
    pass


def _none() -> float:
    return 0.0
