"""What the daemon does beside the way of a message: once, or again and again; a mistake in it is never passed over."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from bridge.log import get_logger
from bridge.message import StoreUnavailable


class Tasks:
    """All of it that is under way."""

    def __init__(self, broke: Callable[[BaseException], None]) -> None:
        """`broke` is told of what ended a task."""
        self._broke = broke
        self._tasks: list[asyncio.Task[None]] = []
        self._log = get_logger("daemon")

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Once."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.append(task)
        task.add_done_callback(self._ended)

    def repeat(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """Now, and always so many seconds after it was done."""
        self.spawn(self._every(seconds, work))

    async def cancel(self) -> None:
        """End all."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.remove(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broke(error)

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except StoreUnavailable as error:
                self._log.warning("spool unavailable", reason=str(error))
            except Exception:  # noqa: BLE001  # logged with its traceback, and the loop goes on
                # One odd row must not end what looks after all the others; it is said every time.
                self._log.exception("internal error")
            await asyncio.sleep(seconds)
