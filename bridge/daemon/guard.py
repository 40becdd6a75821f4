"""What can go wrong around us: the disk, the clock, the file of the spool, a queue that does not move.

Looked at every few seconds by the daemon. Each thing is told once when it begins, in the log and to the postmaster;
what comes and goes is mailed once an hour.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from bridge.daemon.steady import Steady
from bridge.daemon.store import Kept
from bridge.log import get_logger
from bridge.message import Channel, Clock, StoreUnavailable
from bridge.spool.sqlite import SqliteSpool

STALE_AFTER: Final = {Channel.SMS: 300.0, Channel.MAIL: 900.0}
"""Seconds for which something may wait in the queue before the operator hears of it."""

TELL_EVERY: Final = 3600.0
"""Seconds before the operator is mailed about the same thing again."""

_ADVANCE_EVERY: Final = 60.0
_AGE_EVERY: Final = 15.0
_LOW = (
    "There is hardly any room left on the disk of the spool ({free} MiB). Mail is answered 452 4.3.1 and SMS 503 until "
    "there is, so their senders keep them; what is queued goes on. Make room there; shorter keep_text and keep_history "
    "in [spool] need less of it."
)
_STALE = (
    "The oldest {channel} in the queue has been waiting for more than {minutes:.0f} minutes. What waits and why: "
    "smsbridge queue list. What is paused: /readyz."
)
_STEPPED = (
    "The clock of this machine was set {way} by {hours:.1f} hours. What waits is tried, and ends, as long from now as "
    "before; dates and log lines follow the new time."
)
_NOT_FOLLOWED = (
    "The clock of this machine was set {way} by {hours:.1f} hours. The bridge goes on by the time it had before, since "
    "other nodes share the spool: restart it once the clock is right."
)


@dataclass(slots=True)
class Guard:
    """Looks round; the daemon calls `once`."""

    store: Kept
    clock: Clock
    largest: Callable[[], int]  # octets of the largest mail that is taken
    closed: bool = False
    """Whether the doors must take nothing, for want of room."""
    _stale: set[Channel] = field(default_factory=set)
    _owed: float = 0.0  # seconds by which the times in the spool have still to be moved
    _not_followed: bool = False
    _advance_at: float = 0.0  # monotonic, as the next one
    _age_at: float = 0.0
    _mailed: dict[str, float] = field(default_factory=dict)  # when, by what it was about

    def fault(self) -> str:
        """Why the daemon must stop; "" while it need not."""
        spool = self.store.spool
        if isinstance(spool, SqliteSpool) and spool.broken:
            return f"nobody knows any more what is on the disk: {spool.broken}"
        return "" if spool.is_in_place() else "the spool's file was removed or replaced"

    async def once(self) -> None:
        """One look at everything. Raises `StoreUnavailable`."""
        await self._look_at_disk()
        await self._look_at_clock()
        tick = time.monotonic()
        if tick >= self._age_at:
            self._age_at = tick + _AGE_EVERY
            await self._look_at_queue()
        if isinstance(self.store.spool, SqliteSpool) and tick >= self._advance_at:
            self._advance_at = tick + _ADVANCE_EVERY
            await self.store.spool.advance()

    async def _look_at_disk(self) -> None:
        spool = self.store.spool
        if not isinstance(spool, SqliteSpool):
            return
        was, self.closed = self.closed, spool.disk.is_low(self.largest())
        if self.closed and not was:
            free = spool.disk.free() // 2**20
            _log.critical("disk low", reason=f"{free} MiB are free: nothing is taken")
            await self._alert("disk", _LOW.format(free=free))
        if was and not self.closed:
            _log.warning("disk well", reason="mail and SMS are taken again")
        if not self.closed:
            spool.disk.load()

    async def _look_at_clock(self) -> None:
        spool = self.store.spool
        if self._owed and isinstance(spool, SqliteSpool):
            await spool.shift(self._owed)
            self._owed = 0.0
        step = self.clock.step() if isinstance(self.clock, Steady) else 0.0
        if not step or not isinstance(self.clock, Steady):
            return
        how = {"way": "forward" if step > 0 else "back", "hours": abs(step) / 3600}
        if not isinstance(spool, SqliteSpool):
            if not self._not_followed:
                self._not_followed = True
                _log.critical("clock set", reason=f"{how['way']} by {abs(step):.0f} s, which is not followed")
                await self._alert("clock not followed", _NOT_FOLLOWED.format(**how))
            return
        _log.critical("clock set", reason=f"{how['way']} by {abs(step):.0f} s")
        # In this order nothing looks older meanwhile than it is.
        if step < 0:
            self.clock.follow(step)
            self._owed = step
            await spool.shift(step)
            self._owed = 0.0
        else:
            await spool.shift(step)
            self.clock.follow(step)
        await self._alert(f"clock {step:.0f}", _STEPPED.format(**how))

    async def _look_at_queue(self) -> None:
        now = self.clock()
        for channel, longest in STALE_AFTER.items():
            oldest = await self.store.spool.oldest(channel)
            stale = oldest is not None and now - oldest > longest
            if stale and channel not in self._stale:
                _log.error("queue stands still", channel=channel.value, delay=round(now - (oldest or now)))
                name = "SMS" if channel is Channel.SMS else "mail"
                await self._alert(f"queue {name}", _STALE.format(channel=name, minutes=longest / 60))
            (self._stale.add if stale else self._stale.discard)(channel)

    async def _alert(self, about: str, text: str) -> None:
        now = self.clock()
        if 0 <= now - self._mailed.get(about, -TELL_EVERY) < TELL_EVERY:
            return
        try:
            await self.store.spool.alert(text, now)
            self._mailed[about] = now
        except StoreUnavailable:
            _log.error("alert not kept", text=text)


_log = get_logger("daemon")
