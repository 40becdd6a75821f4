"""Connections by address, counted over all processes of one bridge, without asking anybody.

Each process writes a row of a memory that all share, and reads the others' rows: nothing is locked, nobody waits. What
is counted as one address is found by Python's own keyed hash, which forked processes have in common. Two that meet in
one slot, by chance and not by anybody's choice, are counted together.
"""

import mmap
import os
from typing import Final

SLOTS: Final = 65_536
_WIDTH: Final = 2  # octets of a number
FIRST: Final = 5
"""What a mail client of the first process weighs, found by trying: of two it is as busy with a sixth of them."""


class Census:
    """One row of it, and the sums of all."""

    def __init__(self, descriptor: int | None = None, *, rows: int = 1, row: int = 0) -> None:
        """`descriptor`: of what `shared` made; None: nobody else counts."""
        size = rows * SLOTS * _WIDTH
        memory = bytearray(size) if descriptor is None else mmap.mmap(descriptor, size)
        self._all = memoryview(memory).cast("H")
        self._own = row * SLOTS

    def of(self, place: str) -> int:
        """How many there are now."""
        return sum(self._all[hash(place) % SLOTS :: SLOTS])

    def lead(self, kind: str, most: int, *, first: int = FIRST) -> int:
        """How many more are counted here than in the process that has the fewest. Until one has `most` those of the
        `first` weigh more: it does for all what is done once.
        """
        counts = self._all[hash(kind) % SLOTS :: SLOTS].tolist()
        if max(counts) < most:
            counts[0] *= first
        return counts[self._own // SLOTS] - min(counts)

    def enter(self, place: str) -> None:
        """One more, in this process."""
        self._all[self._own + hash(place) % SLOTS] += 1

    def leave(self, place: str) -> None:
        """One of this process's is gone."""
        self._all[self._own + hash(place) % SLOTS] -= 1


def shared(rows: int) -> int:
    """The descriptor of a memory for so many processes; whoever has it closes it. Raises OSError."""
    descriptor = os.memfd_create("smsbridge-census")
    os.ftruncate(descriptor, rows * SLOTS * _WIDTH)
    return descriptor
