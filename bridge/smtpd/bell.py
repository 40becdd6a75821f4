"""The bell on the door: tells the operator by mail what goes on here, once an hour of each thing.

A flood is one thing however many mails it has; what else happened in that hour stands in the log.
"""

import asyncio
from collections.abc import Callable

from bridge.log import get_logger
from bridge.message import Clock, StoreUnavailable
from bridge.spool.contract import Spool

EVERY = 3600.0
"""Seconds before the operator is told of the same thing again."""

Ring = Callable[[str, str], None]
"""Tells the operator of a thing by this name, in these words."""

_MOST_THINGS = 1000


class Bell:
    """Rings without making anybody wait for it."""

    def __init__(self, *, spool: Spool, clock: Clock) -> None:
        self._spool = spool
        self._clock = clock
        self._rung: dict[str, float] = {}
        self._ringing: set[asyncio.Task[None]] = set()
        self._log = get_logger("smtpd")

    def ring(self, about: str, text: str) -> None:
        """Tell the operator `text`, unless he was told of `about` within the hour. Needs a running loop."""
        now = self._clock()
        if 0 <= now - self._rung.get(about, -EVERY) < EVERY:
            return
        if len(self._rung) >= _MOST_THINGS:
            del self._rung[next(iter(self._rung))]
        self._rung.pop(about, None)
        self._rung[about] = now
        task = asyncio.get_running_loop().create_task(self._keep(about, text, now))
        self._ringing.add(task)
        task.add_done_callback(self._ringing.discard)

    async def _keep(self, about: str, text: str, now: float) -> None:
        try:
            await self._spool.alert(text, now)
        except StoreUnavailable as error:
            self._rung.pop(about, None)  # it was not told
            self._log.error("alert not kept", text=text, reason=str(error))  # no mistake of ours
