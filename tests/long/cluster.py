"""Several bridges on one PostgreSQL: a provider, a smarthost, and a balancer before their webhooks."""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridge.simulator import Simulator, SimulatorSettings
from tests import pg
from tests.flows.office import Office
from tests.flows.program import Port
from tests.flows.rig import LINE, Bridge
from tests.flows.smtp import Client
from tests.long import spools
from tests.long.kill import ANSWER_TAKES
from tests.long.load import LONG, Load

NOTIFY_WITHIN = ANSWER_WITHIN = 1.0
"""Seconds after which provider and mail clients go to another node: sooner than a frozen one is taken for dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """How the nodes work together."""

    split: bool = False  # every other one is the doors, the rest deliver
    quiet: bool = False  # no LISTEN, no NOTIFY and nothing that a connection remembers, as behind a pooler
    heartbeat: float = spools.HEARTBEAT
    dead_after: float = spools.DEAD_AFTER
    settings: tuple[tuple[str, str], ...] = ()  # what stands in bridge.toml, and what stands there instead


ORDINARY = Variant()


class Member(Bridge):
    """One node: a bridge of its own on the spool of all."""

    def join(self, first: Bridge, server: pg.Server, *, url: str, webhook: int, key: str) -> None:
        """Share spool, account, webhook and key with the others; `webhook` is the balancer's port."""
        text = self.config.read_text(encoding="utf-8")
        text = text.replace(f":{self.port('provider')}/rest", f":{first.port('provider')}/rest")
        text = text.replace(
            f'public_url = "http://127.0.0.1:{self.port("webhook")}"', f'public_url = "http://127.0.0.1:{webhook}"'
        )
        self.config.write_text(text, encoding="utf-8")
        spools.on_server(self, server, url)
        self.write_token(first.token)
        for name, content in (("webhook-secret", first.secret), ("smsbridge.key", key)):
            self._private(name, content)

    def change(self, settings: Sequence[tuple[str, str]]) -> None:
        """Other settings; of each what stands there, and what shall."""
        text = self.config.read_text(encoding="utf-8")
        for old, new in settings:
            assert old in text
            text = text.replace(old, new)
        self.config.write_text(text, encoding="utf-8")


class Balancer:
    """Gives each connection to the next backend that takes it; one that is frozen takes it and says nothing."""

    def __init__(self, backends: Sequence[int]) -> None:
        self._backends = list(backends)
        self._next = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(self, port: int) -> AsyncIterator[None]:
        """Listens for as long as this lasts."""
        server = await asyncio.start_server(self._take, "127.0.0.1", port)
        try:
            yield
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._join(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in self._backends:
            self._next = (self._next + 1) % len(self._backends)
            try:
                there, to = await asyncio.open_connection("127.0.0.1", self._backends[self._next])
            except OSError:
                continue
            try:
                await asyncio.gather(_pump(reader, to), _pump(there, writer))
            finally:
                to.close()
            return


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@dataclass(slots=True)
class Spread(Load):
    """Load on all nodes; a mail whose reply does not come goes to any other one."""

    members: Sequence[Bridge] = ()
    chance: random.Random = field(default_factory=random.Random)

    async def _connect(self) -> Client:
        return await Client.connect(self.chance.choice(self.members).port("smtp"), ANSWER_WITHIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """All that runs."""

    members: Sequence[Member]
    simulator: Simulator
    office: Office
    server: pg.Server
    database: str

    @property
    def doors(self) -> Sequence[Member]:
        """Those that mail can be given to."""
        return [member for member in self.members if "delivery" not in member.options]

    async def rows(self) -> list[tuple[Any, ...]]:
        """Of each SMS the mail, the state, the recipient and how often it was sent again."""
        found: list[tuple[Any, ...]] = []
        sql = (
            "SELECT mail, state, recipient, (SELECT count(*) FROM events WHERE delivery = d.id AND event = 'resent') "
            "FROM deliveries d WHERE channel = 'sms'"
        )
        work = self.server.on
        await asyncio.to_thread(
            work, self.database, lambda link: found.extend(map(tuple, link.execute(sql).fetchall()))
        )
        return found

    async def listeners(self) -> int:
        """How many connections of bridges wait for notifications."""
        found: list[int] = []
        sql = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN %' OR query LIKE '%pg_notify%'"
        work = self.server.on  # this query names itself
        await asyncio.to_thread(work, self.database, lambda link: found.append(int(link.execute(sql).fetchall()[0][0])))
        return found[0] - 1

    async def waiting(self) -> int:
        """Deliveries that are still to be made; what is unknown is not."""
        found: list[int] = []
        sql = "SELECT count(*) FROM deliveries WHERE state IN ('queued', 'sending', 'held')"
        work = self.server.on
        await asyncio.to_thread(work, self.database, lambda link: found.append(int(link.execute(sql).fetchall()[0][0])))
        return found[0]


@asynccontextmanager
async def cluster(
    place: Path, server: pg.Server, database: str, *, nodes: int, routes: str, variant: Variant
) -> AsyncIterator[Cluster]:
    """So many nodes, all up."""
    office, way_out, way_in = Office(ANSWER_TAKES), Port(), Port()
    members: list[Member] = []
    key = secrets.token_hex(32)
    try:
        for number in range(nodes):
            home = place / f"node{number}"
            home.mkdir()
            members.append(Member(home, routes=routes, smarthost=way_out.number))
            members[-1].program = spools.impatient(variant.heartbeat, variant.dead_after)
            if variant.split:
                members[-1].options = ("--only", "delivery" if number % 2 else "smtpd,webhook")
            url = server.url(database, **({"statement_cache_size": "0"} if variant.quiet else {}))
            members[-1].join(members[0], server, url=url, webhook=way_in.number, key=key)
            members[-1].change(variant.settings)
        first = members[0]
        simulator = Simulator(
            SimulatorSettings(
                tokens=(first.token,),
                notify_url=f"http://127.0.0.1:{way_in.number}/websms/{first.secret}",
                notify_timeout=NOTIFY_WITHIN,
                default_sender=LINE,
                retry_delays=(0.2, 0.2, 0.5),
                retry_every=0.5,
                accept_log=str(place / "accepted"),
                strict=True,
            )
        )
        balancer = Balancer([member.port("webhook") for member in members if "delivery" not in member.options])
        async with office.open(way_out.number), balancer.open(way_in.number):
            await simulator.start("127.0.0.1", first.port("provider"))
            try:
                simulator.fault(times=10**9, delay=ANSWER_TAKES)
                for member in members:
                    member.start()
                for member in members:
                    await member.ready(LONG)
                yield Cluster(members=members, simulator=simulator, office=office, server=server, database=database)
            finally:
                for member in members:
                    member.close()
                await simulator.stop()
    finally:
        for member in members:
            member.close()
        for port in (way_out, way_in):
            port.close()
