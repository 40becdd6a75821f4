"""When a batch of what waits to be committed begins, and how much goes into it: by how long commits take.

On a fast disk a commit costs more than what it holds, so what comes in the next turns of the loop is waited for. Where
a sync takes milliseconds the disk must never wait: it gets the next batch before anybody is answered, and no more than
half of those who speak with us, or all would wait for one commit together, and the disk then for all of them.
"""

from typing import Final

MOST: Final = 1000
"""Operations in one commit."""

MOST_QUICK: Final = 100
"""Quick operations that the loop does in one go."""

MOST_TURNS: Final = 10
"""Turns of the loop in which a batch gathers though nothing keeps it from beginning."""

SLOW: Final = 0.002
"""Seconds from which on a commit is what everybody waits for."""


class Rhythm:
    """Of one writer."""

    def __init__(self) -> None:
        self._took = 0.0
        self._last = 0

    @property
    def is_slow(self) -> bool:
        """Whether commits have lately taken long."""
        return self._took >= SLOW

    def note(self, seconds: float) -> None:
        """A commit took so long. May be called by the writing thread."""
        self._took += (seconds - self._took) / 4  # one that stalls changes nothing

    def gathers(self, known: int, waiting: int, turns: int) -> bool:
        """Whether to wait for one more turn, after so many that brought the `known` to as many as are `waiting`."""
        return known < waiting < MOST_QUICK and turns < MOST_TURNS and not self.is_slow

    def share(self, waiting: int, *, quick: bool) -> int:
        """How many of those that wait go into the next commit; `quick`: the loop does them."""
        size = min(waiting, MOST_QUICK if quick else MOST)
        if self.is_slow:
            size = min(size, (size + self._last + 1) // 2)
        self._last = size
        return size
