"""Those who take mail: the bridge in its variants, Postfix, stock aiosmtpd, and a server that reads nothing.

What is measured at a door is accepting, so the bridge's provider is *paused*: it answers 401 to everything, the account
is paused, and nothing but a probe every five minutes is delivered meanwhile, as Postfix's hold queue delivers nothing.
Policy, routing, translation and the commit before the 250 are on.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench import generators
from tests.bench.bridges import PROCESSES, Bridge, bridge
from tests.bench.frame import Contestant, Running, Shot
from tests.bench.postfixes import HOLDS, postfix
from tests.bench.processes import free_port, listening, module, process
from tests.bench.sinks import provider, sink

OURS = f"smsbridge, accepted durably, {PROCESSES} processes"
ALONE = "smsbridge, accepted durably, one process"
SINGLE = "smsbridge, a commit for each message"
NULL = "smsbridge, a store that keeps nothing"
POSTFIX = "Postfix, into its hold queue"
STOCK = "stock aiosmtpd, null handler"
CANNED = "canned replies: the generator's own limit"

Shoots = Callable[[Any, int, str], Awaitable[Shot]]


def shoots(connections: int, *, each: bool = False, size: int = 500) -> Shoots:
    """Mail over so many connections at once."""

    async def shoot(running: Running, count: int, run: str) -> Shot:
        return await generators.volley(running.port, count, connections, run, each=each, size=size)

    return shoot


@contextlib.asynccontextmanager
async def paused(place: Path, **settings: Any) -> AsyncIterator[Bridge]:
    """A bridge whose account is paused; `settings` are `bridges.bridge`'s."""
    async with provider() as behind:
        await behind.set(status=401)
        async with bridge(place, provider=behind.port, **settings) as running:
            yield running


@contextlib.asynccontextmanager
async def _holding(_place: Path, *, environment: Mapping[str, str] | None = None) -> AsyncIterator[Running]:
    async with postfix(HOLDS, environment=environment) as running:
        yield running


@contextlib.asynccontextmanager
async def door(kind: str, _place: Path) -> AsyncIterator[Running]:
    """One of `doors.KINDS`: a mail door without a bridge."""
    port = free_port()
    with process(module("tests.bench.doors", kind, port)) as pid:
        await listening(port, pid=pid)
        yield Running(port=port, pids=[pid])


def ours(shoot: Shoots, least: int, environment: Mapping[str, str] | None = None) -> Contestant[Any]:
    """The whole daemon with worker processes."""
    opened = partial(paused, environment=environment, processes=PROCESSES)
    return Contestant(name=OURS, open=opened, shoot=shoot, least=least)


def alone(shoot: Shoots, least: int, environment: Mapping[str, str] | None = None) -> Contestant[Any]:
    """The whole daemon in one process, as it is configured unless somebody says otherwise."""
    return Contestant(name=ALONE, open=partial(paused, environment=environment), shoot=shoot, least=least)


def single(shoot: Shoots, least: int, environment: Mapping[str, str] | None = None) -> Contestant[Any]:
    """The same without group commit."""
    opened = partial(paused, variant="single", environment=environment)
    return Contestant(name=SINGLE, open=opened, shoot=shoot, least=least)


def null(shoot: Shoots, least: int) -> Contestant[Any]:
    """The same without a spool."""
    return Contestant(name=NULL, open=partial(paused, variant="null"), shoot=shoot, least=least)


def holding(shoot: Shoots, least: int, environment: Mapping[str, str] | None = None) -> Contestant[Any]:
    """Postfix."""
    return Contestant(name=POSTFIX, open=partial(_holding, environment=environment), shoot=shoot, least=least)


def stock(shoot: Shoots, least: int) -> Contestant[Any]:
    """aiosmtpd as it comes, with a handler that takes everything and keeps nothing."""
    return Contestant(name=STOCK, open=partial(door, "stock"), shoot=shoot, least=least)


def canned(shoot: Shoots, least: int) -> Contestant[Any]:
    """What the generator reaches."""
    return Contestant(name=CANNED, open=lambda _place: sink("canned"), shoot=shoot, least=least)
