"""In which turn of the loop something happens."""

import asyncio
from collections import Counter
from types import TracebackType
from typing import Self


class Turns:
    """Counts the turns of the running loop, and what is noted in each."""

    def __init__(self) -> None:
        self.now = 0
        self.noted: Counter[int] = Counter()

    def __enter__(self) -> Self:
        self._count()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._counting.cancel()

    def note(self) -> None:
        """Once more in this turn."""
        self.noted[self.now] += 1

    @property
    def most(self) -> int:
        """Of all turns the one in which most was noted."""
        return max(self.noted.values(), default=0)

    def _count(self) -> None:
        self.now += 1
        self._counting = asyncio.get_running_loop().call_soon(self._count)
