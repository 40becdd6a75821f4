"""The whole path on PostgreSQL: one node beside SQLite, and several beside one, on the same cores.

The server is a private one with its defaults where durability is concerned: every commit is synced. What it costs
counts as the contestant's.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from tests import pg
from tests.bench.bridges import SERVE, Bridge, configured
from tests.bench.frame import Contestant, Goal, Missing, Options, Outcome, Running, Shot, Stage, compete
from tests.bench.processes import listening, module, process
from tests.bench.sinks import Sink, provider
from tests.bench.whole import CONNECTIONS, mails, settled, until, with_provider

SQLITE: Final = "SQLite"
ONE: Final = "PostgreSQL, one node"
TWO: Final = "PostgreSQL, two nodes"
SHARED: Final = "PostgreSQL, two doors and one delivery"

_ALL: Final = ""
_DOORS: Final = "smtpd,webhook"
_DELIVERY: Final = "delivery"
_DATABASE: Final = "bench"


@dataclass(frozen=True, kw_only=True)
class Nodes(Running):
    """Bridges on one spool, those with a mail door first; `port` is the first one's."""

    sink: Sink
    bridges: list[Bridge]
    doors: int


@contextlib.asynccontextmanager
async def _sqlite(place: Path) -> AsyncIterator[Nodes]:
    async with with_provider(place) as running:
        yield Nodes(port=running.port, pids=running.pids, sink=running.sink, bridges=[running.bridge], doors=1)


@contextlib.asynccontextmanager
async def _nodes(roles: Sequence[str], place: Path) -> AsyncIterator[Nodes]:
    with contextlib.ExitStack() as stack:
        server = syncing(stack)
        async with provider() as sink:
            bridges = [await _node(stack, place / str(number), server, sink, only) for number, only in enumerate(roles)]
            pids = [server.processes[0].pid, *(pid for one in bridges for pid in one.pids)]
            doors = sum(only != _DELIVERY for only in roles)
            yield Nodes(port=bridges[0].port, pids=pids, sink=sink, bridges=bridges, doors=doors)


async def _node(stack: contextlib.ExitStack, place: Path, server: pg.Server, sink: Sink, only: str) -> Bridge:
    place.mkdir()
    password = place / "spool-password"
    password.touch(mode=0o600)
    password.write_text(server.password, encoding="ascii")
    spool = f'url = "{server.url(_DATABASE)}"\npassword_file = "{password.name}"'
    node = configured(place, provider=sink.port, spool=spool)
    command = module(SERVE, "plain", "serve", "--config", place / "bridge.toml")
    pid = stack.enter_context(process([*command, *(["--only", only] if only else [])], said=place / "said"))
    await listening(node.console, pid=pid)
    return replace(node, pids=[pid])


def syncing(stack: contextlib.ExitStack) -> pg.Server:
    """A PostgreSQL that keeps its promises, unlike the tests' own. Raises `Missing`."""
    if pg.programs() is None or find_spec("asyncpg") is None:
        raise Missing("PostgreSQL is not installed: pip install '.[test]'")
    server = stack.enter_context(pg.server())
    for name in ("fsync", "full_page_writes"):
        server.script(f"ALTER SYSTEM SET {name} = on")
    server.script("SELECT pg_reload_conf()")
    server.script(f"CREATE DATABASE {_DATABASE}")
    return server


async def _shoot(running: Nodes, count: int, run: str) -> Shot:
    before = await running.sink.count()
    doors = running.doors
    shares = [count // doors + (number < count % doors) for number in range(doors)]
    volleys = [
        mails(one.port, share, f"{run}.{number}", CONNECTIONS // doors)
        for number, (one, share) in enumerate(zip(running.bridges[:doors], shares, strict=True))
    ]
    said = _together(await asyncio.gather(*volleys))
    await running.sink.reached(before + count)
    return until(said, await settled(running.bridges[0]))


def _together(said: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "began": min(one["began"] for one in said),
        "ended": max(one["ended"] for one in said),
        "busy": sum(one["busy"] for one in said),
        "waits": [wait for one in said for wait in one["waits"]],
    }


async def _run(options: Options) -> Outcome:
    table = await compete(
        "whole path, mail to provider, 50 kept connections: PostgreSQL",
        [
            Contestant(name=SQLITE, open=_sqlite, shoot=_shoot),
            Contestant(name=ONE, open=partial(_nodes, [_ALL]), shoot=_shoot),
            Contestant(name=TWO, open=partial(_nodes, [_ALL, _ALL]), shoot=_shoot),
            Contestant(name=SHARED, open=partial(_nodes, [_DOORS, _DOORS, _DELIVERY]), shoot=_shoot),
        ],
        options,
        goals=[
            Goal(ours=ONE, against=SQLITE, at_least=0.5, aim=0.8),
            Goal(ours=TWO, against=ONE, at_least=0.8, aim=1.2),
        ],
        notes=["every commit is synced; the server's processor time and memory are in the contestant's"],
    )
    return Outcome(tables=[table])


STAGES = (Stage(name="postgres", title="the whole path on PostgreSQL, one node and several", run=_run),)
