"""Accepting while the provider is down, in each way it can be down, beside accepting while it answers."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench import contestants as who
from tests.bench.bridges import Bridge, bridge
from tests.bench.frame import Contestant, Goal, Options, Outcome, Shot, Stage, compete
from tests.bench.sinks import Sink, provider

_UP = "the provider answers, deliveries go on"
_PAUSED = "nothing is tried: the account is paused"
_DOWN: dict[str, dict[str, Any] | None] = {
    "connections are refused": None,
    "it answers 503": {"status": 503},
    "it takes requests and never answers": {"silent": True},
}


@dataclass(frozen=True, kw_only=True)
class _Before(Bridge):
    """A bridge and the provider behind it."""

    behind: Sink


@contextlib.asynccontextmanager
async def _opened(place: Path, *, how: dict[str, Any] | None, refused: bool = False) -> AsyncIterator[_Before]:
    async with provider() as behind:
        await behind.set(**(how or {}))
        async with bridge(place, provider=None if refused else behind.port) as running:
            yield _Before(**vars(running), behind=behind)


async def accepting(options: Options) -> Outcome:
    """Each way."""
    shoot = who.shoots(50)
    sent: dict[int, int] = {}

    async def shoot_and_count(running: _Before, count: int, run: str) -> Shot:
        sent[running.port] = sent.get(running.port, 0) + count
        return await shoot(running, count, run)

    async def emptied(running: _Before) -> None:
        await running.behind.reached(sent[running.port])

    up = Contestant(name=_UP, open=partial(_opened, how=None), shoot=shoot_and_count, waits=emptied)
    down: list[Contestant[Any]] = [
        Contestant(name=name, open=partial(_opened, how=how, refused=how is None), shoot=shoot)
        for name, how in list(_DOWN.items())[: 1 if options.quick else None]
    ]
    if not options.quick:
        down.append(Contestant(name=_PAUSED, open=who.paused, shoot=shoot))
    table = await compete(
        "mail accepted durably while the provider is down, 50 kept connections, 500 B",
        [up, *down],
        options,
        goals=[Goal(ours=name, against=_UP, at_least=0.9, aim=1) for name in _DOWN],
        notes=["while the provider answers the same cores deliver too: the last row is what accepting alone reaches"],
    )
    return Outcome(tables=[table])


STAGES = (Stage(name="down", title="accepting while the provider is down", run=accepting),)
