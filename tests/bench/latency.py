"""How long one mail is under way: from its final dot to the provider's having the request, idle and busy.

The yardstick is all that must be said for one SMS: a bare SMTP dialogue with a server that only answers, and one HTTP
request. Beside it stands the least there is between dot and request: a program that posts what it reads, keeps nothing,
looks at nothing, and is in one loop; no goal compares with it.
"""

import contextlib
import statistics
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.bench.bridges import bridge
from tests.bench.frame import Contestant, Goal, Options, Outcome, Running, Shot, Stage, Table, compete
from tests.bench.generators import ordered, shot
from tests.bench.processes import free_port, listening, module, process
from tests.bench.sinks import sink
from tests.bench.whole import OURS, settled

DIALOGUE: Final = "a bare SMTP dialogue and one HTTP request"
FORWARD: Final = "a loop that posts what it reads"
BUSY: Final = f"{OURS}, busy: half of what it bears"

_IDLE: Final = 50.0
"""Mails a second that leave a bridge idle in between."""

_BUSY_CONNECTIONS: Final = 50
_TRIED: Final = 2000
"""Mails that show what a bridge bears."""


@dataclass(frozen=True, kw_only=True)
class Paced(Running):
    """What takes the mails, and where the provider is to be while they come."""

    provider: int
    rate: float = _IDLE
    connections: int = 1
    dialogue: bool = False
    rests: Any = None  # waits until all of it is done


@contextlib.asynccontextmanager
async def _idle(place: Path) -> AsyncIterator[Paced]:
    provider = free_port()
    async with bridge(place, provider=provider) as running:
        yield Paced(port=running.port, pids=running.pids, provider=provider, rests=lambda: settled(running))


@contextlib.asynccontextmanager
async def _busy(tried: int, place: Path) -> AsyncIterator[Paced]:
    async with _idle(place) as running:
        eager = replace(running, rate=0.0, connections=_BUSY_CONNECTIONS)
        await pulse(eager, 100, "first")
        said = await pulse(eager, tried, "tried")
        yield replace(eager, rate=tried / (said["ended"] - said["began"]) / 2)


@contextlib.asynccontextmanager
async def dialogue(_place: Path) -> AsyncIterator[Paced]:
    """The yardstick."""
    async with sink("canned") as canned:
        yield Paced(port=canned.port, pids=canned.pids, provider=free_port(), dialogue=True)


@contextlib.asynccontextmanager
async def forward(_place: Path) -> AsyncIterator[Paced]:
    """The least there is."""
    port, provider = free_port(), free_port()
    with process(module("tests.bench.yardsticks", "forward", port, provider)) as pid:
        await listening(port)
        yield Paced(port=port, pids=[pid], provider=provider)


async def pulse(running: Paced, count: int, run: str) -> dict[str, Any]:
    """Send `count` mails; what the generator says of them."""
    said = await ordered(
        "pulse",
        {
            "port": running.port,
            "provider": running.provider,
            "count": count,
            "rate": running.rate,
            "connections": running.connections,
            "dialogue": running.dialogue,
            "run": f"pulse.{running.port}.{run}",
        },
    )
    if running.rests is not None:
        await running.rests()
    return said


def p95(waits: Sequence[float]) -> float:
    """In ms."""
    return statistics.quantiles(waits, n=20, method="inclusive")[-1] * 1e3


async def _run(options: Options) -> Outcome:
    slow: dict[str, list[float]] = defaultdict(list)

    def contestant(name: str, opened: Any, least: int) -> Contestant[Paced]:
        async def shoot(running: Paced, count: int, run: str) -> Shot:
            said = await pulse(running, count, run)
            slow[name].append(p95(said["waits"]))
            fired = shot(said)
            return replace(fired, value=fired.p50)

        return Contestant(name=name, open=opened, shoot=shoot, least=least)

    contestants = [
        contestant(OURS, _idle, 20),
        contestant(DIALOGUE, dialogue, 20),
        contestant(FORWARD, forward, 20),
        contestant(BUSY, partial(_busy, 100 if options.quick else _TRIED), 100),
    ]
    table = await compete(
        "one mail's way, idle: final dot → the provider has the request, p50",
        contestants,
        options,
        unit="ms",
        goals=[Goal(ours=OURS, against=DIALOGUE, at_least=3, aim=1.5, less=True)],
        notes=[f"{_IDLE:.0f} mails a second, one after the other; durable: committed when it came and before it went"],
    )
    return Outcome(tables=[table, _slower(table, slow)])


def _slower(table: Table, slow: dict[str, list[float]]) -> Table:
    """The same shots by their p95."""
    shots = {
        name: [replace(one, value=wait) for one, wait in zip(fired, slow[name][-len(fired) :], strict=True)]
        for name, fired in table.shots.items()
    }
    return Table(title=table.title.replace("p50", "p95"), unit="ms", shots=shots, left_out=table.left_out)


STAGES = (Stage(name="latency", title="one mail's way, idle and busy", run=_run),)
