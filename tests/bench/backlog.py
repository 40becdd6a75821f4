"""What a queue of a million costs: the rate of the whole path, a claim, a start; the more, the picture.

All that is queued is due, as when a provider wakes up after an outage, so new mails come in while old ones go out: a
shot ends when its mails were taken and as many messages arrived since its first. A bridge that does not shoot is
stopped by SIGSTOP, or it would go on delivering beside the others. All of them are killed in the end, so a start is one
after a crash.
"""

import asyncio
import contextlib
import os
import signal
import tempfile
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.bench.bridges import Bridge, bridge
from tests.bench.filling import fill
from tests.bench.frame import Contestant, Goal, Options, Outcome, Picture, Running, Shot, Stage, Table, compete
from tests.bench.generators import ordered, shot
from tests.bench.sinks import provider
from tests.bench.whole import Through, mails, readiness, settled, until

SIZES: Final = (0, 1_000, 10_000, 100_000, 1_000_000)
QUICK: Final = (0, 1_000, 20_000)

_FILE: Final = "smsbridge.db"
_SPOOL: Final = f'url = "sqlite:{_FILE}"\nmax_queued = 10_000_000'
_BATCH: Final = 50
_CLAIMS: Final = 200
_CONNECTS: Final = 0.5
"""Seconds after which a generator awaits the greeting, more or less."""

_PATIENCE: Final = 300.0


def named(size: int) -> str:
    """What the table calls it."""
    return f"{size:,} queued"


@contextlib.asynccontextmanager
async def _waiting(place: Path) -> AsyncIterator[Through]:
    """A bridge over the spool in `place`, stopped."""
    async with provider() as sink, bridge(place, provider=sink.port, spool=_SPOOL) as running:
        _signal(running, signal.SIGSTOP)
        try:
            yield Through(port=running.port, pids=running.pids, sink=sink, bridge=running)
        finally:
            _signal(running, signal.SIGCONT)


async def _through(running: Through, count: int, run: str, *, comes_to_rest: bool) -> Shot:
    before = await running.sink.count()
    sending = asyncio.create_task(mails(running.port, count, run))
    # The kernel takes its connections meanwhile. What still goes out before it begins costs time, and is not counted.
    await asyncio.sleep(_CONNECTS)
    _signal(running.bridge, signal.SIGCONT)
    try:
        said = await sending
        early = bisect_left(await running.sink.arrivals(before), said["began"])
        end = max(said["ended"], await running.sink.reached(before + early + count))
        if comes_to_rest:
            await settled(running.bridge)
        return until(said, end)
    finally:
        _signal(running.bridge, signal.SIGSTOP)


def _signal(running: Bridge, number: signal.Signals) -> None:
    for pid in running.pids:
        os.kill(pid, number)


async def _rates(places: dict[int, Path], options: Options) -> Table:
    def contestant(size: int, place: Path) -> Contestant[Through]:
        async def shoot(running: Through, count: int, run: str) -> Shot:
            return await _through(running, count, run, comes_to_rest=size == 0)

        return Contestant(name=named(size), open=lambda _: _waiting(place), shoot=shoot)

    return await compete(
        "whole path, mail to provider, 50 kept connections, beside what is queued",
        [contestant(size, place) for size, place in places.items()],
        options,
        goals=[Goal(ours=named(max(places)), against=named(0), at_least=0.9, aim=1)],
        notes=["all that is queued is due: the bridge goes on delivering it while it takes mails"],
    )


async def _claims(places: dict[int, Path], options: Options) -> Table:
    def contestant(size: int, place: Path) -> Contestant[Running]:
        @contextlib.asynccontextmanager
        async def nobody(_place: Path) -> AsyncIterator[Running]:
            yield Running(port=0, pids=[])

        async def shoot(_running: Running, count: int, _run: str) -> Shot:
            orders = {"port": 0, "file": str(place / _FILE), "count": min(count, _CLAIMS), "batch": _BATCH}
            fired = shot(await ordered("claims", orders))
            return replace(fired, value=fired.p50)

        return Contestant(name=named(size), open=nobody, shoot=shoot, least=20)

    return await compete(
        f"a claim of {_BATCH} with its commit, p50",
        [contestant(size, place) for size, place in places.items() if size],
        options,
        unit="ms",
        goals=[Goal(ours=named(max(places)), at_least=1, aim=0.5, less=True, unit="ms")],
    )


async def _starts(places: dict[int, Path], options: Options) -> Table:
    def contestant(size: int, place: Path) -> Contestant[Running]:
        @contextlib.asynccontextmanager
        async def nobody(_place: Path) -> AsyncIterator[Running]:
            yield Running(port=0, pids=[])

        async def shoot(_running: Running, _count: int, _run: str) -> Shot:
            began = time.perf_counter()
            async with bridge(place, spool=_SPOOL) as running:
                took = await _ready(running) - began
            return Shot(count=1, seconds=took, value=took)

        return Contestant(name=named(size), open=nobody, shoot=shoot, least=1)

    return await compete(
        "start: seconds until the door says 220 and /readyz 200",
        [contestant(size, place) for size, place in places.items() if size in (0, max(places))],
        replace(options, count=1),
        unit="s",
        goals=[Goal(ours=named(max(places)), at_least=3, aim=1, less=True, unit="s")],
    )


async def _ready(running: Bridge) -> float:
    """When it is."""
    deadline = time.perf_counter() + _PATIENCE
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    greeting = await reader.readline()
    writer.close()
    if not greeting.startswith(b"220"):
        raise RuntimeError(f"the door says {greeting!r}")
    while time.perf_counter() < deadline:
        if (await readiness(running.console)).get("ready"):
            return time.perf_counter()
        await asyncio.sleep(0.005)
    raise RuntimeError("the bridge does not become ready")


async def _run(options: Options) -> Outcome:
    sizes = QUICK if options.quick else SIZES
    with tempfile.TemporaryDirectory(prefix="smsbridge-bench-backlog-") as name:
        places: dict[int, Path] = {}
        for size in sizes:
            places[size] = Path(name) / str(size)
            places[size].mkdir()
            if size:
                await fill(places[size], size)
        rates = await _rates(places, options)
        claims = await _claims(places, options)
        starts = await _starts(places, options)
    return Outcome(tables=[rates, claims, starts], pictures=_pictures(sizes, rates, claims))


def _pictures(sizes: Sequence[int], rates: Table, claims: Table) -> list[Picture]:
    def curve(table: Table, name: str) -> list[tuple[float, float]]:
        found = [(max(size, 1), table.median(named(size), name)) for size in sizes]
        return [(float(x), y) for x, y in found if y is not None]

    return [
        Picture(
            name="backlog",
            title="Cost of a message against what is queued",
            x="messages queued",
            y="µs of processor time a message",
            curves={"mail to provider": curve(rates, "cpu")},
        ),
        Picture(
            name="claim",
            title=f"A claim of {_BATCH} against what is queued",
            x="messages queued",
            y="ms (p50, with its commit)",
            curves={"SQLite": curve(claims, "measured")},
        ),
    ]


STAGES = (Stage(name="backlog", title="a million queued: rate, claim, start", run=_run),)
