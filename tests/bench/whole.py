"""The whole path beside peers: mail in, durable, to the provider, its status stored; 50 kept connections.

A shot ends when the provider had the last message and the bridge has stored what came of each: the peers store nothing,
so theirs ends with the last message.
"""

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.bench.bridges import PROCESSES, Bridge, bridge
from tests.bench.frame import Contestant, Goal, Options, Outcome, Running, Shot, Stage, compete
from tests.bench.generators import ordered, shot
from tests.bench.peers_running import Peer, kannel, mailrise, postfix_with_curl
from tests.bench.sinks import Sink, mailbox, provider

OURS: Final = "smsbridge"
SEVERAL: Final = f"smsbridge, {PROCESSES} processes"
CONNECTIONS: Final = 50

_TEXT: Final = "host%(n)s+does+not+answer+since+10:00.+Last+value:+95.+Please+look+at+it+and+acknowledge+it."
_PATIENCE: Final = 300.0

Shooting = Callable[[Any, int, str], Awaitable[Shot]]
_RUNS = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class Through(Running):
    """A bridge with the sink behind it."""

    sink: Sink
    bridge: Bridge


@contextlib.asynccontextmanager
async def with_provider(place: Path, **settings: Any) -> AsyncIterator[Through]:
    """A bridge that sends to a provider; `settings` are `bridges.bridge`'s."""
    async with provider() as sink, bridge(place, provider=sink.port, **settings) as running:
        yield Through(port=running.port, pids=running.pids, sink=sink, bridge=running)


@contextlib.asynccontextmanager
async def with_smarthost(place: Path, **settings: Any) -> AsyncIterator[Through]:
    """A bridge that relays to a smarthost; its `port` is the webhook's."""
    async with mailbox() as sink, bridge(place, smarthost=sink.port, **settings) as running:
        yield Through(port=running.webhook, pids=running.pids, sink=sink, bridge=running)


async def mails(port: int, count: int, run: str, connections: int = CONNECTIONS) -> dict[str, Any]:
    """Send them; what the generator says, with the moments."""
    word = f"{run}.{next(_RUNS)}"
    orders = {"port": port, "count": count, "connections": connections, "each": False, "size": 500, "first": 0}
    return await ordered("volley", {**orders, "run": f"whole.{word}"})


async def settled(bridge: Bridge, within: float = _PATIENCE) -> float:
    """When nothing of a bridge was queued or under way any more, by CLOCK_MONOTONIC."""
    deadline = time.perf_counter() + within
    while time.perf_counter() < deadline:
        shown = await readiness(bridge.console)
        if shown.get("queued") == 0:
            return time.perf_counter()
        await asyncio.sleep(0.002)
    raise RuntimeError(f"the bridge does not come to rest: {shown}")


async def readiness(port: int) -> dict[str, Any]:
    """What /readyz shows."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: bench.example.com\r\nConnection: close\r\n\r\n")
        found: dict[str, Any] = json.loads((await reader.read()).partition(b"\r\n\r\n")[2])
        return found
    finally:
        writer.close()


def until(said: dict[str, Any], end: float) -> Shot:
    """A shot that ends later than its generator; how long that waited is not what is looked at."""
    return replace(shot(said), seconds=end - said["began"], p50=None, p99=None)


async def _through_bridge(running: Through, count: int, run: str) -> Shot:
    before = await running.sink.count()
    said = await mails(running.port, count, run)
    await running.sink.reached(before + count)
    return until(said, await settled(running.bridge))


async def through_peer(running: Peer, count: int, run: str) -> Shot:
    """Mails."""
    before = await running.sink.count()
    said = await mails(running.port, count, run)
    return until(said, await running.sink.reached(before + count))


async def through_kannel(running: Peer, count: int, _run: str) -> Shot:
    """Texts of the same host."""
    before = await running.sink.count()
    path = f"/cgi-bin/sendsms?username=bench&password={running.password}&from=alarm&to=%2B43660%(n)s&text={_TEXT}"
    orders = {"port": running.port, "count": count, "connections": CONNECTIONS, "path": path}
    said = await ordered("gets", {**orders, "good": "HTTP/1.1 202", "first": 1_000_000 * next(_RUNS)})
    return until(said, max(said["ended"], await running.sink.reached(before + count)))


async def _run(options: Options) -> Outcome:
    table = await compete(
        "mail → durable → provider → status stored, 50 kept connections, 500 B",
        [
            Contestant(name=SEVERAL, open=partial(with_provider, processes=PROCESSES), shoot=_through_bridge),
            Contestant(name=OURS, open=with_provider, shoot=_through_bridge),
            Contestant(name="Mailrise", open=mailrise, shoot=through_peer),
            Contestant(name="Postfix pipe + curl", open=postfix_with_curl, shoot=through_peer),
            Contestant(name="Kannel", open=kannel, shoot=through_kannel),
        ],
        options,
        goals=[
            Goal(ours=SEVERAL, against="Mailrise", at_least=6, aim=12),
            Goal(ours=SEVERAL, against="Postfix pipe + curl", at_least=10, aim=20),
            Goal(ours=SEVERAL, against="Kannel", at_least=0.5, aim=1),
        ],
        notes=[
            "Mailrise keeps nothing; Postfix syncs; Kannel takes texts by HTTP, writes a file and does not sync.",
            "Only the bridge stores what became of each message, and its shots end when it has.",
        ],
    )
    return Outcome(tables=[table])


STAGES = (Stage(name="whole", title="mail to provider, beside peers", run=_run),)
