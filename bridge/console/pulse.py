"""What happened in the last day, by the minute. Read once, and from then on only what is new.

A minute is asked about again for a while after it is over: an event is noted with the time at which its transaction
began, so it can appear late.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from bridge.spool.window import Window

DAY: Final = 24 * 60
"""Minutes that are remembered."""

_LATE: Final = 3  # minutes
_AT_ONCE: Final = 60
_NOTHING: Final[Counter[str]] = Counter()
_KINDS: Final = {"queued": "in", "sent": "out", "bounced": "bad", "unknown": "bad"}


class Pulse:
    """Counts by minute and kind: "in" was taken, "out" was sent, "bad" failed or was lost sight of."""

    def __init__(self) -> None:
        self._minutes: dict[int, Counter[str]] = {}
        self._until = 0  # the first minute that was never read to its end
        self._turn = asyncio.Lock()

    async def feel(self, spool: Window, now: float) -> None:
        """Read what is new. Raises `StoreUnavailable`."""
        async with self._turn:
            present = int(now // 60)
            if present < self._until - 1:  # the clock was set back
                self._minutes.clear()
                self._until = 0
            first = max(self._until - _LATE, present - DAY)
            while first <= present:
                last = min(first + _AT_ONCE, present + 1)
                found = await spool.pulse(first * 60.0, last * 60.0)
                for minute in range(first, last):
                    self._minutes[minute] = Counter()
                for minute, event, count in found:
                    if kind := _KINDS.get(event):
                        self._minutes.setdefault(minute, Counter())[kind] += count
                first = self._until = last
            self._minutes = {minute: counts for minute, counts in self._minutes.items() if minute > present - DAY}

    def series(self, kind: str, now: float, *, minutes: int, bar: int) -> Sequence[int]:
        """How many in each `bar` minutes of the last `minutes`, oldest first; the last bar holds the present."""
        return [sum(self._minutes.get(minute, _NOTHING)[kind] for minute in span) for span in spans(now, minutes, bar)]


def spans(now: float, minutes: int, bar: int) -> Iterator[range]:
    """The minutes (since 1970) of each bar."""
    end = (int(now // 60) // bar + 1) * bar
    for first in range(end - minutes, end, bar):
        yield range(first, first + bar)
