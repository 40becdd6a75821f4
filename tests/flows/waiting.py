"""Polling with a deadline, the only way in which these tests wait."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 20.0
"""Seconds that anything may take."""


async def until_async(look: Callable[[], Awaitable[T | None]], what: str, seconds: float = PATIENCE) -> T:
    """Poll until there is something other than None and False; fails with `what` at the deadline."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        found = await look()
        if found is not None and found is not False:
            return found
        assert loop.time() < deadline, f"not within {seconds:.0f} s: {what}"
        await asyncio.sleep(0.02)


async def until(look: Callable[[], T | None], what: str, seconds: float = PATIENCE) -> T:
    """The same for what needs not be awaited."""

    async def looking() -> T | None:
        return look()

    return await until_async(looking, what, seconds)
