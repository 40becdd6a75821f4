"""The other way: notifications accepted durably, and on to the smarthost, beside what one would write by hand."""

import contextlib
import itertools
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from tests.bench.bridges import PROCESSES, Bridge, bridge, closed_port
from tests.bench.frame import Contestant, Goal, Options, Outcome, Running, Shot, Stage, compete
from tests.bench.generators import NEW_IDS, ordered, shot
from tests.bench.processes import free_port, listening, module, process
from tests.bench.sinks import Sink, mailbox
from tests.bench.whole import OURS, SEVERAL, Through, settled, until, with_smarthost

CONNECTIONS: Final = 100
RELAYING: Final = 20
"""Connections at once where each answer of the script waits for a mail."""

NULL: Final = "aiohttp, null handler"
SINGLE: Final = "aiohttp, commit per request"
SCRIPT: Final = "aiohttp + aiosmtplib, naive script"

_BODY: Final = (
    '{"messageType":"text","notificationId":"n%(n)s","senderAddress":"43660%(n)s","senderAddressType":"international",'
    '"recipientAddress":"436600000099","recipientAddressType":"international",'
    '"textMessageContent":"I have seen it and am on my way, please keep the door open for me (%(n)s)."}'
)
_RUNS = itertools.count(1)
"""No number comes twice: the bridge would know the SMS again."""

_ROUTES: Final = '[[route]]\nline = "436600000099"\nmailbox = "office@example.org"\n'


@dataclass(frozen=True, kw_only=True)
class Script(Running):
    """A yardstick, and the smarthost behind it where it has one."""

    sink: Sink | None = None


@contextlib.asynccontextmanager
async def script(kind: str, place: Path) -> AsyncIterator[Script]:
    """One of `yardsticks.WEB` without anything behind it."""
    port = free_port()
    with process(module("tests.bench.yardsticks", kind, port, place / "notifications.db")) as pid:
        await listening(port)
        yield Script(port=port, pids=[pid])


@contextlib.asynccontextmanager
async def relaying(_place: Path) -> AsyncIterator[Script]:
    """The naive script."""
    port = free_port()
    async with mailbox() as sink:
        with process(module("tests.bench.yardsticks", "relay", port, sink.port)) as pid:
            await listening(port)
            yield Script(port=port, pids=[pid], sink=sink)


@contextlib.asynccontextmanager
async def accepting(place: Path, **settings: Any) -> AsyncIterator[Bridge]:
    """A bridge whose smarthost is down, so that accepting alone is measured; `settings` are `bridges.bridge`'s."""
    async with bridge(place, smarthost=closed_port(), routes=_ROUTES, **settings) as running:
        yield running


def through(place: Path, **settings: Any) -> AbstractAsyncContextManager[Through]:
    """A bridge with a smarthost."""
    return with_smarthost(place, routes=_ROUTES, **settings)


async def notify(port: int, count: int, secret: str, connections: int) -> dict[str, Any]:
    """Send them; what the generator says, with the moments."""
    orders = {"port": port, "count": count, "connections": connections, "path": f"/websms/{secret}", "body": _BODY}
    return await ordered("posts", {**orders, "headers": {}, "good": "HTTP/1.1 200", "first": next(_RUNS) * NEW_IDS})


async def _to_bridge(running: Bridge, count: int, _run: str) -> Shot:
    return shot(await notify(running.webhook, count, running.secret, CONNECTIONS))


async def _to_script(running: Script, count: int, _run: str) -> Shot:
    return shot(await notify(running.port, count, "secret", CONNECTIONS))


async def _through_bridge(running: Through, count: int, _run: str) -> Shot:
    before = await running.sink.count()
    said = await notify(running.port, count, running.bridge.secret, RELAYING)
    await running.sink.reached(before + count)
    return until(said, await settled(running.bridge))


async def _through_script(running: Script, count: int, _run: str) -> Shot:
    said = await notify(running.port, count, "secret", RELAYING)
    return until(said, said["ended"])  # it answers when the smarthost did


async def accepted(options: Options) -> Outcome:
    """Accepted durably."""
    table = await compete(
        "notification accepted durably, 100 connections",
        [
            Contestant(name=SEVERAL, open=partial(accepting, processes=PROCESSES), shoot=_to_bridge, least=CONNECTIONS),
            Contestant(name=OURS, open=accepting, shoot=_to_bridge, least=CONNECTIONS),
            Contestant(name=NULL, open=partial(script, "null"), shoot=_to_script, least=CONNECTIONS),
            Contestant(name=SINGLE, open=partial(script, "single"), shoot=_to_script, least=CONNECTIONS),
        ],
        options,
        unit="SMS/s",
        goals=[
            Goal(ours=SEVERAL, against=NULL, at_least=0.6, aim=0.8),
            Goal(ours=SEVERAL, against=SINGLE, at_least=2.5, aim=3.5),
        ],
        notes=[
            "the smarthost is paused, so only accepting is measured; an SMS is routed and made a mail before 2000",
            "both yardsticks on uvloop; the second keeps the body with sqlite3, WAL, FULL, in a thread",
        ],
    )
    return Outcome(tables=[table])


async def relayed(options: Options) -> Outcome:
    """Up to the smarthost."""
    table = await compete(
        f"notification → durable → smarthost → status stored, {RELAYING} connections",
        [
            Contestant(name=SEVERAL, open=partial(through, processes=PROCESSES), shoot=_through_bridge, least=RELAYING),
            Contestant(name=OURS, open=through, shoot=_through_bridge, least=RELAYING),
            Contestant(name=SCRIPT, open=relaying, shoot=_through_script, least=RELAYING),
        ],
        options,
        unit="SMS/s",
        goals=[Goal(ours=SEVERAL, against=SCRIPT, at_least=6, aim=12)],
        notes=[
            "the script: a new connection and an EmailMessage for each, nothing stored",
            "the smarthost takes commands together (PIPELINING), as Postfix does; aiosmtplib sends them one by one",
        ],
    )
    return Outcome(tables=[table])


STAGES = (
    Stage(name="notified", title="notification accepted durably, 100 connections", run=accepted),
    Stage(name="relayed", title="notification to smarthost, beside a naive script", run=relayed),
)
