"""Waiting for what must come, with a deadline instead of a guess: the only way in which tests wait."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 20.0
"""Seconds; far more than a slow machine needs, so that only what never comes fails."""

_BETWEEN = 0.01


async def until(look: Callable[[], T | None], what: str = "it", seconds: float = PATIENCE) -> T:
    """What `look` gives once it is true; fails with `what` at the deadline."""

    async def looking() -> T | None:
        return look()

    return await until_async(looking, what, seconds)


async def until_async(look: Callable[[], Awaitable[T | None]], what: str = "it", seconds: float = PATIENCE) -> T:
    """The same for what has to be awaited."""
    deadline = time.monotonic() + seconds
    while True:
        found = await look()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        await asyncio.sleep(_BETWEEN)
