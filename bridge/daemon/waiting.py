"""How many deliveries wait: read now and then, and counted onwards as mails and SMS are taken in."""

from collections.abc import Callable
from typing import Final

from bridge.spool.contract import Spool

NEAR: Final = 1000
"""So near the limit each one counts, and what is being committed during a reading is neither left out nor counted
twice. Farther off it does not matter, and reading is no work for who commits.
"""


class Waiting:
    """`number` of them; no more than `most` are to be taken."""

    def __init__(self, spool: Spool, most: Callable[[], int]) -> None:
        self.number = 0
        self._spool = spool
        self._most = most

    @property
    def is_full(self) -> bool:
        """Whether nothing more is to be taken."""
        return self.number >= self._most()

    async def read(self) -> None:
        """Raises `StoreUnavailable`."""
        number = await self._spool.open_count()
        if number + NEAR > self._most():
            number = await self._spool.open_count_in_order()
        self.number = number

    def add(self) -> None:
        """One more was committed."""
        self.number += 1
