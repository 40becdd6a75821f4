"""The contract on PostgreSQL: who asks, what is asked, and which connection answers. See the package for how it holds.

Questions go over a second connection in a second thread. A node that has nothing to do writes only its heartbeat: what
is due and which leases lapsed is looked for before a transaction is begun for it.
"""

import asyncio
import re
import socket
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import apsw

from bridge.log import get_logger
from bridge.message import Channel, Clock, Delivery, State, StoreUnavailable
from bridge.spool import Accepted, Intake, SpoolDamaged, Step, schema
from bridge.spool.forgetting import Forgotten, Number
from bridge.spool.postgres import moving, news, nodes, tables, vacuum
from bridge.spool.postgres.bell import Bell
from bridge.spool.postgres.lane import Lane
from bridge.spool.postgres.link import Link, Target, is_lost, is_ours, target, unavailable, weaknesses
from bridge.spool.postgres.moving import Moves
from bridge.spool.postgres.news import News
from bridge.spool.postgres.nodes import Node, Shares, Watch
from bridge.spool.postgres.pool import SharedPool
from bridge.spool.postgres.pooler import settled
from bridge.spool.postgres.starting import Start
from bridge.spool.sql import SqlSpool

T = TypeVar("T")

HEARTBEAT = 2.0
"""Seconds between two looks at the other nodes, and the longest between two beats."""

DEAD_AFTER = 15.0
"""Seconds for which a node must have stood still in full view until its work is taken over."""

_FORGET_AFTER: Final = 86400.0
_LAPSED: Final = "SELECT 1 FROM deliveries WHERE lease IS NOT NULL AND lease < ? LIMIT 1"
_RELEASE: Final = (
    "UPDATE deliveries SET lease = NULL, lease_by = NULL WHERE lease IS NOT NULL AND lease < ? RETURNING id"
)

_log = get_logger("spool")


class PostgresSpool(SqlSpool):
    """Keeps `bridge.spool.contract.Spool` on a server that other nodes use too. Build it with `open_spool`."""

    def __init__(
        self,
        where: Target,
        node: Node,
        *,
        heartbeat: float,
        dead_after: float,
        clock: Clock,
        wake: Callable[[Channel], None] | None,
    ) -> None:
        self._clock = clock
        self._link = Link(where)
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="spool-reader")
        self._looking = Link(where)
        self._onlooker = ThreadPoolExecutor(1, thread_name_prefix="spool-onlooker")
        self._closed = self._ended = False
        self._watch = Watch(dead_after, heartbeat * 3 + 1.0)
        self._seq = -1
        self._shares = Shares()
        self._pool = SharedPool(where)
        self._bell = Bell(where, wake) if wake is not None and not where.pooled else None
        self.lane = Lane(
            where,
            node,
            asyncio.get_running_loop(),
            every=heartbeat,
            idle=self._look_round,
            frozen_after=dead_after,
        )
        self.shared = News(self._pool, self._shares, ask=self._ask, write=self.lane.run)

    @property
    def node(self) -> str:
        """The name under which this node works now."""
        return self.lane.node.id

    async def accept(self, intake: Intake) -> Accepted:
        accepted = await self.lane.accept(intake)
        if not accepted.repeated:
            for channel in {delivery.channel for delivery in intake.deliveries}:
                self._ring(channel)
        return accepted

    async def start(
        self, channel: Channel, limit: int, now: float, lease: float, without: Collection[str], after: Sequence[Step]
    ) -> list[Delivery]:
        needed = bool(after) or self.lane.hand.strays
        if not needed and not await self._ask(lambda db: moving.anything_due(db, channel, now)):
            return []
        moves = Moves(steps=after, now=now)
        wanted = Start(channel=channel, limit=limit, now=now, lease=lease, without=without, after=moves)
        return await self.lane.start(wanted)

    async def move(self, steps: Sequence[Step], now: float) -> list[bool]:
        return await self.lane.move(Moves(steps=steps, now=now))

    async def recover(self, now: float) -> tuple[int, int]:
        """For what nodes left that are not alive; this one does it by itself all the time."""
        return await self.lane.run(lambda db: self._recover(db, now))

    async def take_over(self, node: str) -> bool:
        """Call a node dead by its name, though it may only be slow: it is fenced and `recover` finds what it left."""
        return await self.lane.run(lambda db: nodes.take_over(db, node))

    async def count_nodes(self) -> None:
        """What `shared.part` goes by; done again with every heartbeat."""
        self._shares.look(self.node, await self._ask(nodes.delivering))

    async def release_leases(self, before: float) -> int:
        if not await self._ask(lambda db: bool(db.execute(_LAPSED, (before,)).fetchall())):
            return 0
        return await self.lane.run(lambda db: len(db.execute(_RELEASE, (before,)).fetchall()))

    async def forget(self, wanted: Number, now: float, *, yes: bool) -> Forgotten:
        return await self.lane.run(lambda db: vacuum.forget(db, wanted, now, yes=yes))

    async def scrub(self) -> bool:
        await asyncio.to_thread(vacuum.vacuum, self._link.where)
        return False  # only the server knows when it uses space again

    async def probe(self) -> None:
        """Write something and commit it: whether the store can keep a promise now."""
        await self.lane.run(lambda _: None)  # the beat of this node

    def is_in_place(self) -> bool:
        """A server has no file that could be removed."""
        return True

    async def close(self) -> None:
        """Commit what waits, take this node's row away and close all connections."""
        self._closed = True
        if self._bell is not None:
            await self._bell.close()
        await self._pool.close()
        await self.lane.close()
        await self._end()

    async def abandon(self) -> None:
        """End as if the program were killed, for tests of exactly that: nothing is committed, nothing tidied up."""
        self._closed = True
        if self._bell is not None:
            await self._bell.close()
        self._pool.abandon()
        await asyncio.to_thread(self.lane.abandon)
        await self._end()

    async def _end(self) -> None:
        if not self._ended:
            self._ended = True
            await asyncio.get_running_loop().run_in_executor(self._reader, self._link.close)
            self._reader.shutdown(wait=True)
            await asyncio.get_running_loop().run_in_executor(self._onlooker, self._looking.close)
            self._onlooker.shutdown(wait=True)

    async def _write(self, op: Callable[[apsw.Connection], T]) -> T:
        return await self.lane.run(lambda db: op(db.cursor))

    async def _read(self, query: Callable[[apsw.Connection], T]) -> T:
        return await self._ask(lambda db: query(db.cursor))

    async def _ask(self, query: Callable[[Link], T]) -> T:
        if self._closed:
            raise StoreUnavailable("the spool is closed")
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._asked, self._link, query)

    async def _look(self, query: Callable[[apsw.Connection], T]) -> T:
        if self._closed:
            raise StoreUnavailable("the spool is closed")
        return await asyncio.get_running_loop().run_in_executor(
            self._onlooker, self._asked, self._looking, lambda db: query(db.cursor)
        )

    def _asked(self, link: Link, query: Callable[[Link], T]) -> T:
        """In the link's thread; asked again once over a fresh connection when the old one turns out to be broken."""
        for last in (False, True):
            try:
                link.open()
                if link.where.pooled:
                    link.script("BEGIN READ ONLY")
                return query(link)
            except Exception as error:
                if is_lost(error):
                    link.drop()
                    if not last:
                        continue
                if isinstance(error, SpoolDamaged) or not is_ours(error):
                    raise unavailable(error) from error
                raise
            finally:
                if link.where.pooled:
                    link.rollback()
        raise AssertionError("one of the two returned or raised")

    def _ring(self, channel: Channel) -> None:
        if self._bell is not None:
            self._bell.ring(channel)

    def _recover(self, db: Link, now: float) -> tuple[int, int]:
        nodes.release(db)
        unknown = again = 0
        while found := nodes.orphaned(db, now):
            made = moving.settle(db, self.node, found, now)
            unknown += sum(step.to is State.UNKNOWN for step in made)
            again += sum(step.to is State.QUEUED for step in made)
            if not made:
                break
        return unknown, again

    def _look_round(self, lane: Lane) -> None:
        """Every heartbeat, in the lane's thread."""
        if lane.node.role != nodes.NODE:
            return
        if lane.node.seq == self._seq or not lane.node.id:
            lane.now(lambda _: None)
        self._seq = lane.node.seq
        self._shares.look(lane.node.id, lane.look(nodes.delivering))
        for other in self._watch.still(lane.look(lambda db: nodes.others(db, lane.node)), time.monotonic()):
            if lane.now(lambda db, other=other: nodes.take_over(db, other)):  # type: ignore[misc] # bound now
                _log.warning("another node stood still, its work is taken over", node=other)
        if lane.look(nodes.anything_orphaned):
            unknown, again = lane.now(lambda db: self._recover(db, self._clock()))
            if unknown or again:
                _log.warning("recovered", unknown=unknown, deferred=again)
        if lane.look(moving.anything_late):
            lane.now(lambda db: moving.adopt_late(db, self._clock()))
        if lane.look(lambda db: nodes.anything_forgotten(db, time.time() - _FORGET_AFTER)):
            lane.now(lambda db: nodes.forget(db, time.time() - _FORGET_AFTER))
        if lane.look(lambda db: news.anything_old(db, time.time())):
            lane.now(lambda db: news.forget(db, time.time()))


async def open_spool(
    url: str,
    password: str | None = None,
    *,
    node: str = "",
    command: bool = False,
    delivers: bool = False,
    heartbeat: float | None = None,
    dead_after: float | None = None,
    clock: Clock = time.time,
    wake: Callable[[Channel], None] | None = None,
) -> PostgresSpool:
    """Open the spool at ``postgresql://…``, made if it is not there; needs the running loop.

    `node` is a name for people, the host's by default. A `command` makes no calls and no tables; the calls are divided
    among those that `deliver`. `wake` is called when another node took something in. Raises `SpoolDamaged` or
    `StoreUnavailable`.
    """
    where = await asyncio.to_thread(settled, target(url, password))
    await asyncio.to_thread(_prepare, where, command=command)
    me = Node(
        name=re.sub(r"[^A-Za-z0-9._-]", "-", node or socket.gethostname())[:64],
        role=nodes.COMMAND if command else nodes.NODE,
        delivers=delivers,
    )
    spool = PostgresSpool(
        where,
        me,
        heartbeat=HEARTBEAT if heartbeat is None else heartbeat,
        dead_after=DEAD_AFTER if dead_after is None else dead_after,
        clock=clock,
        wake=wake,
    )
    try:
        await spool.probe()  # that it can be written to, and this node's row
        await spool.count_nodes()
    except BaseException:
        await spool.close()
        raise
    return spool


def _prepare(where: Target, *, command: bool) -> None:
    link = Link(where)
    try:
        link.open()
        if not command:
            if where.pooled:
                _log.info("postgresql", reason="a pooler stands before it: other nodes' news is looked for")
            for weakness in weaknesses(link):
                _log.warning("postgresql", reason=weakness)
            tables.migrate(link)
        elif (found := tables.version(link)) is None:
            raise StoreUnavailable("the database holds no spool yet: start `smsbridge serve` once")  # noqa: TRY301
        elif found > len(schema.MIGRATIONS):
            raise SpoolDamaged(tables.newer(found))  # noqa: TRY301
        elif found < len(schema.MIGRATIONS):
            raise StoreUnavailable("the spool was made by an older smsbridge: start `smsbridge serve` once")  # noqa: TRY301
    except Exception as error:
        if isinstance(error, SpoolDamaged) or is_ours(error):
            raise
        raise unavailable(error) from error
    finally:
        link.close()
