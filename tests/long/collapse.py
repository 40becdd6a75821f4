"""The PostgreSQL server ends under load, again and again, and is started again; the bridge runs on all the time.

Half of the ends are what PostgreSQL calls immediate: every process stops where it stands. The others are SIGKILL for
all its processes at once. Both leave the server to recover from its log, which is the crash that its own syncs are for.
Meanwhile the doors say 451 and 503, senders come again, and the bridge finds its way back without being started.
"""

import asyncio
import os
import random
import signal
import time
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

from tests import pg
from tests.flows.office import Office
from tests.flows.program import Port
from tests.flows.rig import ROUTES, running
from tests.long import kill, spools
from tests.long.load import CONNECTIONS, LONG, ROUTE, Load
from tests.wait import until

AWAY = (0.0, 2.0)
"""Seconds for which the server stays away, and sometimes longer, so that bridges give up what they wait for."""

LONG_AWAY, SELDOM = 12.0, 0.1


@dataclass(slots=True, kw_only=True)
class Figures(kill.Figures):
    """What came of it; `kills` are those of the server, `refused` are mails answered 4xx."""

    unconfirmed: int = 0  # notifications answered 503, and sent again
    found_out: int = 0  # commits whose answer was lost, and which of them took place
    wrong: list[str] = field(default_factory=list)


async def prove(place: Path, server: pg.Server, *, ends: int, seed: int, smarthost: bool = False) -> Figures:
    """Run it on a server of its own; `wrong` is empty when every promise was kept."""
    began, chance = time.monotonic(), random.Random(seed)
    figures = Figures(seed=seed, kills=ends)
    office = Office(kill.ANSWER_TAKES)
    async with AsyncExitStack() as stack:
        port = stack.enter_context(closing(Port()))
        await stack.enter_async_context(office.open(port.number))
        spool = await stack.enter_async_context(spools.fresh(place, server))
        to = port.number if smarthost else None
        rig = running(place, start=False, smarthost=to, routes=ROUTES + ROUTE)
        bridge, simulator = await stack.enter_async_context(rig)
        spool.give(bridge)
        bridge.start()
        await bridge.ready(LONG)
        simulator.fault(times=10**9, delay=kill.ANSWER_TAKES)
        load = Load(bridge, simulator, kill.PAUSE)
        load.begin()
        for number in range(ends):
            await asyncio.sleep(chance.uniform(0.1, 2.0))
            await _strike(server, signal.SIGKILL if number % 2 else signal.SIGQUIT, chance)
            await _taken(load)
        await load.end()
        await kill.drained(bridge)
        await simulator.idle()
        left = await bridge.queue()
        figures.refused, figures.recognised = load.refused, load.recognised
        kill.reconcile_sms(figures, bridge, load, left)
        kill.reconcile_mail(figures, office.mails if smarthost else bridge.mails, simulator, load)
        figures.unconfirmed = sum(attempt.http == 503 for one in simulator.notifications for attempt in one.attempts)
        figures.found_out = bridge.log.count("a commit lost its answer")
        kill.expect(figures, bridge.starts == 1, "the bridge did not live through it")
        kill.expect(figures, "Traceback" not in bridge.log, "it failed in our own code")
        kill.expect(figures, figures.unknown <= ends * bridge.max_in_flight, "more is unknown than were in flight")
        kill.expect(figures, await bridge.stop(LONG) == 0, "it did not stop cleanly at the end")
    figures.seconds = time.monotonic() - began
    return figures


async def _strike(server: pg.Server, how: signal.Signals, chance: random.Random) -> None:
    """End the server, and start it again after a while."""
    await asyncio.to_thread(_end, server, how)
    await asyncio.sleep(LONG_AWAY if chance.random() < SELDOM else chance.uniform(*AWAY))
    await asyncio.to_thread(server.start)


async def _taken(load: Load) -> None:
    """Mail is taken again: more than what each connection had begun."""
    begun = len(load.mails) + 2 * CONNECTIONS
    await until(lambda: len(load.mails) > begun, "mail is taken again", LONG)


def _end(server: pg.Server, how: signal.Signals) -> None:
    """All processes of the server, which are groups of their own: the first one is held until the others are named."""
    (process,) = server.processes
    if how is not signal.SIGKILL:
        server.stop(how)
        return
    process.send_signal(signal.SIGSTOP)
    others = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
    for other in others:
        os.kill(int(other), signal.SIGKILL)
    server.stop(signal.SIGKILL)
