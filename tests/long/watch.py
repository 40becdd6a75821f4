"""What a process holds, as the kernel counts it: memory and descriptors."""

import asyncio
import os
from pathlib import Path

MIB = 1024.0 * 1024.0
_EVERY = 0.25
"""Seconds between two looks."""


def resident(pid: int) -> float:
    """MiB in memory now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


async def settled(pid: int) -> float:
    """MiB in memory when nothing is going on: the least of a second."""
    least = resident(pid)
    for _ in range(4):
        await asyncio.sleep(_EVERY)
        least = min(least, resident(pid))
    return least


def descriptors(pid: int) -> int:
    """How many are open."""
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - only counted, and links to sockets are no paths


class Watch:
    """The most memory a process held while this was open."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.most = resident(pid)
        self._task = asyncio.create_task(self._look())

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_EVERY)
            self.most = max(self.most, resident(self._pid))

    def end(self) -> float:
        """Stop looking; MiB."""
        self._task.cancel()
        self.most = max(self.most, resident(self._pid))
        return self.most
