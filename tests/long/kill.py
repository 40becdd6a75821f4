"""kill -9 under load, again and again: nothing that was acknowledged is missing, nothing is there twice.

Kills come at random moments, some while the daemon is still starting from the last one, some while it is stopping.
Half of the phones report what they get, so that an SMS whose answer was lost is settled; the other half never say a
word, so that it stays unknown. Mail goes into a Maildir, where a repeat finds the first copy, or to a smarthost, which
may be given a mail again whose answer was lost: then with the same Message-ID.

Thousands of kills are rounds of a hundred, each in a fresh directory, so that looking at everything that ever came
takes no longer at the end than at the beginning.
"""

import asyncio
import json
import os
import random
import re
import shutil
import signal
import time
from collections import Counter
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field, fields
from email.message import Message
from pathlib import Path
from typing import Any

from bridge.simulator import Simulator
from tests import pg
from tests.flows.office import Office
from tests.flows.program import Port
from tests.flows.rig import ROUTES, Bridge, running
from tests.long import spools
from tests.long.load import LONG, ROUTE, Load, text_of
from tests.wait import until_async

ANSWER_TAKES = 0.01
"""Seconds between acceptance by provider or smarthost and the answer: the time in which a kill loses answers."""

PAUSE = 0.01
EARLY, STOPPING = 0.2, 0.2
"""Shares of kills that do not wait for the daemon to be ready, and that hit it while it obeys a SIGTERM."""

WORKERS = 0.4
"""Share of kills that hit a worker process, where there are any."""

ROUND = 100
"""Kills until everything is counted, and begun anew."""

RECOVERED = re.compile(r"recovered .*?unknown=(\d+)")


@dataclass(slots=True, kw_only=True)
class Figures:
    """What came of it."""

    seed: int
    kills: int
    seconds: float = 0.0
    acked: int = 0  # mails answered 250
    recognised: int = 0  # of these, sent again after a lost reply and answered with the first id
    refused: int = 0
    delivered: int = 0  # of the acked, how many the simulator accepted
    unknown: int = 0  # listed as unknown at the end
    unknown_arrived: int = 0  # of these, how many the simulator accepted
    most_unknown: int = 0  # of one kill
    lost: int = 0
    doubled: int = 0
    incoming: int = 0  # SMS confirmed with 2000
    mailed: int = 0  # of these, in the Maildir
    mails_lost: int = 0
    mails_repeated: int = 0  # smarthost only: given again with the same Message-ID
    mails_doubled: int = 0
    wrong: list[str] = field(default_factory=list)  # everything that must not be


async def prove(
    place: Path, *, kills: int, seed: int, smarthost: bool = False, server: pg.Server | None = None, processes: int = 1
) -> Figures:
    """Run it, on a file or a server, in so many processes; `wrong` is empty when every promise was kept."""
    began = time.monotonic()
    figures, chance = Figures(seed=seed, kills=0), random.Random(seed)
    for number in range(-(-kills // ROUND)):
        home = place / f"round{number}"
        home.mkdir()
        count = min(ROUND, kills - number * ROUND)
        _add(figures, await _round(home, count, chance, smarthost=smarthost, server=server, processes=processes))
        shutil.rmtree(home)
        if figures.wrong:
            break
    figures.seconds = time.monotonic() - began
    return figures


async def _round(
    place: Path, kills: int, chance: random.Random, *, smarthost: bool, server: pg.Server | None, processes: int
) -> Figures:
    figures = Figures(seed=0, kills=kills)
    office = Office(ANSWER_TAKES)
    async with AsyncExitStack() as stack:
        port = stack.enter_context(closing(Port()))
        await stack.enter_async_context(office.open(port.number))
        spool = await stack.enter_async_context(spools.fresh(place, server))
        to = port.number if smarthost else None
        rig = running(place, start=False, smarthost=to, routes=ROUTES + ROUTE, processes=processes)
        bridge, simulator = await stack.enter_async_context(rig)
        spool.give(bridge)
        bridge.start()
        await bridge.ready(LONG)
        simulator.fault(times=10**9, delay=ANSWER_TAKES)
        load = Load(bridge, simulator, PAUSE)
        load.begin()
        for _ in range(kills):
            await _blow(bridge, chance)
            bridge.start()
        await bridge.ready(LONG)
        await asyncio.sleep(chance.uniform(0.2, 1.0))
        await load.end()
        await drained(bridge)
        await simulator.idle()
        left = await bridge.queue()
        figures.refused, figures.recognised = load.refused, load.recognised
        reconcile_sms(figures, bridge, load, left)
        _bounded(figures, bridge, alone=server is None)
        reconcile_mail(figures, office.mails if smarthost else bridge.mails, simulator, load)
        expect(figures, smarthost or figures.mails_repeated == 0, "a Maildir was given a mail twice")
        expect(figures, await bridge.stop(LONG) == 0, "it did not stop cleanly at the end")
    return figures


def _add(total: Figures, more: Figures) -> None:
    for one in fields(total):
        if one.name not in {"seed", "seconds", "most_unknown"}:
            setattr(total, one.name, getattr(total, one.name) + getattr(more, one.name))
    total.most_unknown = max(total.most_unknown, more.most_unknown)


async def _blow(bridge: Bridge, chance: random.Random) -> None:
    """Let it run for a while, then kill it."""
    early = chance.random() < EARLY
    if not early:
        await bridge.ready(LONG)
    await asyncio.sleep(chance.uniform(0.02, 0.6 if early else 2.0))
    if not early and chance.random() < STOPPING:
        bridge.signal(signal.SIGTERM)
        await asyncio.sleep(chance.uniform(0.0, 0.1))
    if not early and bridge.children and chance.random() < WORKERS:
        os.kill(bridge.children[0], signal.SIGKILL)
        await bridge.ended(LONG)  # without it the daemon does not go on
        return
    bridge.kill()


async def drained(bridge: Bridge) -> None:
    """Wait until nothing is left but what is unknown."""

    async def look() -> bool:
        return all(delivery["state"] == "unknown" for delivery in await bridge.queue())

    await until_async(look, "the queue is empty but for what is unknown", LONG)


def reconcile_sms(figures: Figures, bridge: Bridge, load: Load, left: list[dict[str, Any]]) -> None:
    """Every mail that was acknowledged reached the provider once, or is listed as unknown."""
    lines = [json.loads(line) for line in (bridge.place / "accepted").read_text().splitlines()]
    arrived = Counter(line["text"] for line in lines)
    ids = Counter(line["client_message_id"] for line in lines)
    unknown = {delivery["mail"] for delivery in left}
    figures.acked = len(load.mails)
    figures.unknown = len(unknown)
    figures.doubled = sum(count > 1 for count in arrived.values()) + sum(count > 1 for count in ids.values())
    for mail in load.mails:
        there = text_of(mail.number) in arrived
        figures.delivered += there
        figures.lost += not there and mail.id not in unknown
        if there and mail.id in unknown:
            figures.unknown_arrived += 1
            if mail.reported:
                figures.wrong.append(f"{mail.id} is unknown though its phone reported it")
    strange = len(arrived) - figures.delivered
    expect(figures, figures.doubled == 0, f"{figures.doubled} texts or ids reached the provider twice")
    expect(figures, figures.lost == 0, f"{figures.lost} mails were acknowledged and lost")
    expect(figures, strange == 0, f"{strange} texts reached the provider that nobody wrote")


def _bounded(figures: Figures, bridge: Bridge, *, alone: bool) -> None:
    """A kill makes no more unknown than were in flight. On a server one start may find what several kills left."""
    most = bridge.max_in_flight
    figures.most_unknown = max((int(count) for count in RECOVERED.findall(bridge.log)), default=0)
    at_once = figures.most_unknown <= (most if alone else most * figures.kills)
    expect(figures, at_once, f"a start found {figures.most_unknown} unknown, {most} may be in flight")
    expect(figures, figures.unknown <= figures.kills * most, "more is unknown than kills can make")


def reconcile_mail(figures: Figures, mails: list[Message], simulator: Simulator, load: Load) -> None:
    """Every SMS that was confirmed is a mail, and only one."""
    relayed = [mail for mail in mails if mail["X-SMS-Notification-Id"] is not None]
    arrived = Counter(str(mail["X-SMS-Notification-Id"]) for mail in relayed)
    as_mails = {(str(mail["X-SMS-Notification-Id"]), str(mail["Message-ID"])) for mail in relayed}
    message_ids = {message_id for _, message_id in as_mails}
    figures.incoming = len(load.texts)
    figures.mailed = len(arrived)
    figures.mails_lost = sum(text.id not in arrived for text in load.texts)
    figures.mails_repeated = len(relayed) - len(arrived)
    figures.mails_doubled = len(as_mails) - len(arrived)
    unconfirmed = sum(notification.state != "confirmed" for notification in simulator.notifications)
    expect(figures, unconfirmed == 0, f"{unconfirmed} notifications were never confirmed")
    expect(figures, figures.mails_lost == 0, f"{figures.mails_lost} SMS were confirmed and lost")
    expect(figures, figures.mails_doubled == 0, f"{figures.mails_doubled} SMS arrived twice as mail")
    expect(figures, len(message_ids) == len(arrived), "Message-IDs and notifications do not match")


def expect(figures: Figures, holds: bool, otherwise: str) -> None:
    """Note what must be."""
    if not holds:
        figures.wrong.append(otherwise)
