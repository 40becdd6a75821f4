"""Resident memory: of a bridge that does nothing, with a backlog that waits, and while that is delivered."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench.bridges import Bridge, bridge
from tests.bench.filling import fill
from tests.bench.frame import Contestant, Goal, Options, Outcome, Running, Shot, Stage, compete
from tests.bench.processes import resident
from tests.bench.sinks import provider

BACKLOG = 1_000_000
QUICK_BACKLOG = 100_000
_SETTLED = 1.0
"""Seconds after which it is looked first: the first look round is over then."""

_BETWEEN = 0.3
"""Seconds between two looks."""


@contextlib.asynccontextmanager
async def _with(place: Path, *, queued: Path | None, status: int) -> AsyncIterator[Bridge]:
    if queued is not None:
        shutil.copytree(queued, place, dirs_exist_ok=True)
    async with provider() as behind:
        await behind.set(status=status)
        async with bridge(place, provider=behind.port) as running:
            await asyncio.sleep(_SETTLED)
            yield running


async def _look(running: Running, _count: int, _run: str) -> Shot:
    await asyncio.sleep(_BETWEEN)
    return Shot(count=0, seconds=_BETWEEN, value=resident(running.pids))


async def memory(options: Options) -> Outcome:
    """Idle, and with a backlog."""
    backlog = QUICK_BACKLOG if options.quick else BACKLOG
    with tempfile.TemporaryDirectory(prefix="smsbridge-bench-queued-") as name:
        queued = Path(name)
        await fill(queued, backlog)
        kinds: dict[str, tuple[Path | None, int]] = {
            "idle": (None, 401),
            f"{backlog:,} queued, the account is paused": (queued, 401),
            f"{backlog:,} queued, being delivered": (queued, 200),
        }
        contestants: list[Contestant[Any]] = [
            Contestant(name=name, open=partial(_with, queued=filled, status=status), shoot=_look, least=1)
            for name, (filled, status) in kinds.items()
        ]
        idle, *full = kinds
        bounds = [Goal(ours=idle, at_least=80, aim=55, less=True, unit="MiB")]
        bounds += [Goal(ours=name, at_least=130, aim=90, less=True, unit="MiB") for name in full]
        return Outcome(tables=[await compete("resident memory", contestants, options, unit="MiB", goals=bounds)])


STAGES = (Stage(name="memory", title="resident memory idle and at a backlog", run=memory),)
