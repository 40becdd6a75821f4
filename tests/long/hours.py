"""The provider is away for six hours while a long queue waits, with a clock that is turned: the daemon in this process.

Then all that is still alive goes once, oldest first, what is past its life is not sent, and neither the start nor the
memory grew with the queue.
"""

import asyncio
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from bridge.daemon import Daemon
from bridge.message import Sms, encode_sms
from bridge.spool.contract import Spool
from bridge.spool.sqlite import open_spool
from tests import pg
from tests.flows.rig import POSTMASTER, SILENT, running
from tests.long import spools
from tests.make import delivery, intake
from tests.wait import until, until_async

HOUR = 3600.0
EXPIRING = 20
"""Messages whose life ends while the provider is away."""

_AT_ONCE = 1000
_LOOKS = 12  # at the turned clock, within the six hours
_PER_MESSAGE = 0.05  # seconds; many times what a message takes


@dataclass(slots=True, kw_only=True)
class Figures:
    """What came of it."""

    messages: int
    hours: float = 6.0
    seconds: float = 0.0
    start: float = 0.0  # seconds until the doors were open
    drained: float = 0.0  # seconds from the provider's return until the queue was empty
    memory: float = 0.0  # MiB that the process grew
    sent: int = 0
    doubled: int = 0
    expired: int = 0
    wrong: list[str] = field(default_factory=list)  # everything that must not be


class Clock:
    """Real time and what it was turned on by."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


async def prove(place: Path, *, messages: int, server: pg.Server | None = None) -> Figures:
    """Run it; `wrong` is empty when every promise was kept."""
    began, figures, clock = time.monotonic(), Figures(messages=messages), Clock()
    async with spools.fresh(place, server) as spool, running(place, start=False) as (bridge, simulator):
        spool.give(bridge)
        await simulator.stop()
        await _fill(await _opened(spool, place), messages)
        before, at = _resident(), time.monotonic()
        daemon = Daemon(bridge.config, clock=clock)
        await daemon.start()
        figures.start = time.monotonic() - at
        try:
            for _ in range(_LOOKS):
                clock.ahead += figures.hours * HOUR / _LOOKS
                await asyncio.sleep(0.1)
            await until(lambda: len(bridge.mails_to(POSTMASTER)) > 0, "the operator is told")
            figures.memory = (_resident() - before) / 2**20
            _expect(figures, (await bridge.readiness())["ready"], "the doors were not open")
            await simulator.start("127.0.0.1", bridge.port("provider"))
            clock.ahead += HOUR / 60
            at = time.monotonic()
            await until_async(lambda: _is_empty(daemon), "the queue is empty", 60 + messages * _PER_MESSAGE)
            figures.drained = time.monotonic() - at
        finally:
            await daemon.stop()
        sent = Counter(message.text or "" for message in simulator.messages)
        order = [int(message.text or "0") for message in simulator.messages]
    _count(figures, sent, order)
    figures.seconds = time.monotonic() - began
    return figures


async def _opened(spool: spools.Spool, place: Path) -> Spool:
    if not isinstance(spool, spools.OnServer):
        return await open_spool(place / "smsbridge.db")
    from bridge.spool.postgres import store  # asyncpg only where a server is

    return await store.open_spool(spool.server.url(spool.database), spool.server.password, heartbeat=HOUR)


async def _fill(spool: Spool, messages: int) -> None:
    """What had been taken in before, one mail a second; the last ones live for an hour only."""
    now = time.time() - messages / 1000
    for first in range(0, messages, _AT_ONCE):
        waiting = [
            delivery(
                number,
                mail=f"M{first}",
                recipient=SILENT,
                route="silent@sms.example.com",
                payload=encode_sms(Sms(text=str(number))),
                created_at=now,
                changed_at=now,
                next_at=now + number / 1000,
                expires_at=now + (HOUR if number >= messages - EXPIRING else 24 * HOUR),
            )
            for number in range(first, min(first + _AT_ONCE, messages))
        ]
        await spool.accept(intake(*waiting, id=f"M{first}"))
    await spool.close()


async def _is_empty(daemon: Daemon) -> bool:
    return bool((await daemon.readiness())["queued"] == 0)


def _count(figures: Figures, sent: Counter[str], order: list[int]) -> None:
    figures.sent, figures.doubled = len(sent), sum(count > 1 for count in sent.values())
    late = {str(number) for number in range(figures.messages - EXPIRING, figures.messages)}
    figures.expired = len(late - sent.keys())
    # One failed attempt or several put off what was tried: those few go a little later than their turn.
    backwards = sum(second < first - 2 * _PARALLEL for first, second in pairwise(order))
    _expect(figures, figures.sent == figures.messages - EXPIRING, f"{figures.sent} of {figures.messages} were sent")
    _expect(figures, figures.doubled == 0, f"{figures.doubled} were sent twice")
    _expect(figures, figures.expired == EXPIRING, "something was sent after its life")
    _expect(figures, backwards <= 2 * _PARALLEL, f"{backwards} times an older one came after a newer one")
    _expect(figures, figures.memory < 64, f"the process grew by {figures.memory:.0f} MiB")


_PARALLEL = 8


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _expect(figures: Figures, holds: bool, otherwise: str) -> None:
    if not holds:
        figures.wrong.append(otherwise)
