"""Turns at having a sender checked: few at once, and no place takes all of them.

A check asks the name servers that a mail names, so whoever owns one decides how long it takes. Without shares a single
stranger with a slow server would keep every turn taken, and nobody else on the Internet could prove who he is.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

TURNS: Final = 20
"""Mails whose author is being proven by DNS; each may take 20 s."""

OF_ONE_PLACE: Final = 5
"""Of one place, while no more than half of all turns are taken; then a place with one gets no other."""


class NoTurn(Exception):
    """All turns are taken, or this place has its share."""


class Turns:
    """Who is being checked now."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    @contextmanager
    def turn(self, place: str) -> Iterator[None]:
        """While a mail from there is being checked. Raises `NoTurn`, and never waits."""
        taken, own = self._taken.total(), self._taken[place]
        share = OF_ONE_PLACE if taken < TURNS // 2 else 1
        if taken >= TURNS or own >= share:
            raise NoTurn
        self._taken[place] += 1
        try:
            yield
        finally:
            self._taken[place] -= 1
            if not self._taken[place]:
                del self._taken[place]
