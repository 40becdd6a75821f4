"""Several nodes on one PostgreSQL, one of them killed or frozen again and again: nothing lost or doubled.

Each node is the program itself, with its own doors. Mail clients write to any of them and go to another one when no
reply comes; the provider's notifications come through a balancer. A frozen node sleeps for longer than the others wait,
so that they take over what it left, and then goes on where it stood. A third of the mail is on a route that sends again
when an answer was lost: there a message may go twice, and how often is counted.

Nodes are taken for dead after 1.5 seconds here, so that more of them die in the same time; one variant waits for as
long as outside of tests, one goes without notifications between the nodes, one shares the roles.
"""

import asyncio
import json
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests import pg
from tests.flows.rig import ADDRESS, ANNA, ROUTES, SILENT_ADDRESS
from tests.long import kill, spools
from tests.long.cluster import ORDINARY, Cluster, Member, Spread, Variant, cluster
from tests.long.load import LONG, ROUTE, text_of
from tests.wait import until_async

AGAIN_ADDRESS, AGAIN = "again@sms.example.com", "436600000029"
AGAIN_ROUTE = f"""
[[route]]
address = "{AGAIN_ADDRESS}"
number = "{AGAIN}"
allow = ["*@example.org"]
mailbox = "{ANNA}"
on_unknown = "resend"
unknown_wait = "1s"
"""
ADDRESSES = (SILENT_ADDRESS, ADDRESS, AGAIN_ADDRESS)
KILL, FREEZE = "kill", "freeze"

_TAKEN_OVER = re.compile(r"another node stood still")
_CALLS = 8  # a node's max_in_flight


@dataclass(slots=True, kw_only=True)
class Figures(kill.Figures):
    """What came of it; `kills` are SIGKILLs, and `doubled` is on `hold` routes only."""

    nodes: int
    freezes: int = 0
    taken_over: int = 0
    resent: int = 0  # on `resend` routes, because an answer was lost
    resent_doubled: int = 0  # of these, texts that reached the provider more than once


async def prove(
    place: Path, server: pg.Server, *, nodes: int, blows: Sequence[str], seed: int, variant: Variant = ORDINARY
) -> Figures:
    """Strike one node after the other; `wrong` is empty when every promise was kept."""
    began, chance = time.monotonic(), random.Random(seed)
    frozen = sum(blow == FREEZE for blow in blows)
    figures = Figures(seed=seed, nodes=nodes, kills=len(blows) - frozen, freezes=frozen)
    routes = ROUTES + ROUTE + AGAIN_ROUTE
    database = spools.database()
    await asyncio.to_thread(server.script, f"CREATE DATABASE {database}")
    async with cluster(place, server, database, nodes=nodes, routes=routes, variant=variant) as here:
        load = Spread(here.members[0], here.simulator, kill.PAUSE, ADDRESSES, members=here.doors, chance=chance)
        load.begin()
        for blow in blows:
            await asyncio.sleep(chance.uniform(0.2, 1.5))
            await _strike(chance.choice(here.members), blow, chance, variant.dead_after)
        listening = await here.listeners()
        await asyncio.sleep(chance.uniform(0.2, 1.0))
        await load.end()
        await _quiet(here)
        figures.refused, figures.recognised = load.refused, load.recognised
        await _reconcile(figures, here, load, place / "accepted")
        kill.reconcile_mail(figures, here.office.mails, here.simulator, load)
        logs = [member.log for member in here.members]
        for member in here.members:
            kill.expect(figures, await member.stop(LONG) == 0, "a node did not stop cleanly at the end")
    figures.most_unknown = max((int(count) for log in logs for count in kill.RECOVERED.findall(log)), default=0)
    figures.taken_over = sum(len(_TAKEN_OVER.findall(log)) for log in logs)
    kill.expect(figures, (listening == 0) == variant.quiet, f"{listening} connections knew of notifications")
    kill.expect(figures, not any("Traceback" in log for log in logs), "a node failed in our own code")
    figures.seconds = time.monotonic() - began
    return figures


async def _strike(member: Member, blow: str, chance: random.Random, dead_after: float) -> None:
    """Kill a node and start it again, or let it sleep through its own funeral."""
    if blow == KILL:
        member.kill()
        await asyncio.sleep(chance.uniform(0.0, 2 * dead_after))
        member.start()
        await member.ready(LONG)
        return
    member.signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(dead_after * chance.uniform(1.6, 2.4))
    finally:
        member.signal(signal.SIGCONT)


async def _quiet(here: Cluster) -> None:
    """Nothing waits but what stays unknown on a `hold` route, here and at the provider."""
    for _ in range(2):

        async def look() -> bool:
            rows = await here.rows()
            resending = any(state == "unknown" and phone == AGAIN for _, state, phone, _ in rows)
            return not resending and await here.waiting() == 0

        await until_async(look, "nothing waits any more", LONG)
        async with asyncio.timeout(LONG):
            await here.simulator.idle()


async def _reconcile(figures: Figures, here: Cluster, load: Spread, accepted: Path) -> None:
    arrived = Counter(json.loads(line)["text"] for line in accepted.read_text().splitlines())
    rows = await here.rows()
    unknown = {mail for mail, state, _, _ in rows if state == "unknown"}
    told = {mail for mail, state, phone, _ in rows if state == "failed" and phone == AGAIN}
    stored = Counter(mail for mail, *_ in rows)
    resends = {mail: again for mail, _, _, again in rows}
    figures.acked, figures.unknown = len(load.mails), len(unknown)
    figures.resent = sum(resends.values())
    for mail in load.mails:
        times = arrived[text_of(mail.number)]
        figures.delivered += times > 0
        figures.lost += times == 0 and mail.id not in unknown | told
        if mail.to == AGAIN_ADDRESS:
            figures.resent_doubled += times > 1
            kill.expect(figures, times <= 1 + resends[mail.id], f"{mail.id} arrived {times} times")
        else:
            figures.doubled += times > 1
        if times and mail.id in unknown:
            figures.unknown_arrived += 1
            kill.expect(figures, not mail.reported, f"{mail.id} is unknown though its phone reported it")
    blows = figures.kills + figures.freezes
    strange = len(arrived) - figures.delivered
    kill.expect(figures, stored == Counter(mail.id for mail in load.mails), "spool and senders differ")
    kill.expect(figures, figures.doubled == 0, f"{figures.doubled} texts of hold routes reached the provider twice")
    kill.expect(figures, figures.lost == 0, f"{figures.lost} mails were acknowledged and lost")
    kill.expect(figures, strange == 0, f"{strange} texts reached the provider that nobody wrote")
    kill.expect(figures, figures.unknown <= blows * _CALLS, "more is unknown than blows can make")


async def alternating(place: Path, *, nodes: int, blows: int, seed: int, variant: Variant = ORDINARY) -> Figures:
    """The same on a server of its own, kills and freezes by turns."""
    with pg.server() as server:
        by_turns = [FREEZE if number % 2 else KILL for number in range(blows)]
        return await prove(place, server, nodes=nodes, blows=by_turns, seed=seed, variant=variant)
