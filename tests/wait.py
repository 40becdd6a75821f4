"""Waiting for what must come, with a deadline instead of a guess."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 20.0
"""Seconds; far more than a slow machine needs, so that only what never comes fails."""


async def until(look: Callable[[], Awaitable[T]], what: str = "it") -> T:
    """What `look` gives once it is true."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = await look()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what} did not come to pass"
        await asyncio.sleep(0.005)


async def until_true(look: Callable[[], object], what: str = "it") -> None:
    """Returns once `look` is true."""

    async def looking() -> bool:
        return bool(look())

    await until(looking, what)
