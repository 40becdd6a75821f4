"""What one node learns of phones and of the account, the others know too: over a real server, with a clock we turn."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from bridge.daemon.neighbours import DEAF_FOR, GRACE, Neighbours
from bridge.delivery.decide import PROBE_EVERY
from bridge.delivery.pauses import ACCOUNT, Pauses
from bridge.limits import Limits
from bridge.message import Delivery, Receipt, Scope, Verdict
from bridge.spool.postgres.store import PostgresSpool
from tests.databases import Database
from tests.make import NOW, delivery

PHONE = "436600000007"
OURS = Receipt(verdict=Verdict.OURS, scope=Scope.ACCOUNT, code="4001", text="INVALID_CREDENTIALS")
ROUTE = Receipt(verdict=Verdict.OURS, scope=Scope.ROUTE, code="4019", text="sender not allowed")
LINE_DOWN = Receipt(verdict=Verdict.TEMPORARY, scope=Scope.ACCOUNT, code="", text="cannot connect")
OK = Receipt(verdict=Verdict.ACCEPTED, code="2000", text="ok")


@dataclass
class Node:
    """What a daemon is made of, as far as it is told or tells."""

    spool: PostgresSpool
    delivers: bool = True
    now: float = NOW
    pauses: Pauses = field(default_factory=Pauses)
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self.neighbours = Neighbours(
            shared=self.spool.shared,
            limits=self.limits,
            pauses=lambda: self.pauses if self.delivers else None,
            clock=lambda: self.now,
        )

    def stands(self) -> bool:
        return self.pauses.room(self.now) == 0

    def answered(self, receipt: Receipt, *, one: Delivery | None = None) -> None:
        tried = one or delivery()
        self.pauses.answered(tried, receipt, self.now)

    def probed(self, receipt: Receipt) -> None:
        probe = delivery(2)
        assert self.pauses.may_start(probe, self.now)
        self.answered(receipt, one=probe)


@dataclass
class Nodes:
    a: Node
    b: Node

    async def later(self, seconds: float = 1.0) -> None:
        for node in (self.a, self.b):
            node.now += seconds
        for node in (self.a, self.b, self.a):
            await node.neighbours.once()


@pytest.fixture
async def nodes(emptied: Database) -> AsyncIterator[Nodes]:
    made = [await emptied.open(node=name) for name in ("a", "b")]
    yield Nodes(*(Node(spool) for spool in made))
    for spool in made:
        await spool.close()


async def test_a_phone_that_one_node_was_refused_is_refused_at_every_door(nodes: Nodes) -> None:
    nodes.b.delivers = False  # a door alone
    nodes.a.neighbours.refuse(PHONE, NOW + 100)
    assert nodes.a.limits.refuses((PHONE,), NOW)
    assert not nodes.b.limits.refuses((PHONE,), NOW)
    await nodes.later()
    assert nodes.b.limits.refuses((PHONE,), NOW + 1)
    assert not nodes.b.limits.refuses((PHONE,), NOW + 101)


async def test_a_pause_of_the_account_is_everybodys_and_so_is_its_end(nodes: Nodes) -> None:
    nodes.a.answered(OURS)
    await nodes.later()
    assert nodes.a.stands()
    assert nodes.b.stands()
    assert nodes.b.pauses.scopes[ACCOUNT].code == "4001"
    await nodes.later(PROBE_EVERY - 1)  # who found it so probes first
    assert not nodes.a.stands()
    assert nodes.b.stands()
    nodes.a.probed(OURS)
    await nodes.later()
    assert nodes.a.stands()
    assert nodes.b.stands()
    await nodes.later(PROBE_EVERY - 1)
    nodes.a.probed(OK)
    await nodes.later()
    assert nodes.a.pauses.scopes == nodes.b.pauses.scopes == {}
    assert await nodes.a.spool.shared.paused() == []


async def test_when_who_found_it_so_is_gone_another_node_probes(nodes: Nodes) -> None:
    nodes.a.answered(OURS)
    await nodes.later()
    nodes.b.now += PROBE_EVERY + GRACE
    assert not nodes.b.stands()
    nodes.b.probed(OK)
    await nodes.b.neighbours.once()
    assert await nodes.a.spool.shared.paused() == []
    await nodes.later()
    assert nodes.a.pauses.scopes == {}


async def test_a_route_that_is_paused_leaves_the_others_alone(nodes: Nodes) -> None:
    nodes.a.answered(ROUTE)
    await nodes.later()
    assert nodes.b.pauses.closed_routes(nodes.b.now) == [delivery().route]
    assert nodes.b.pauses.room(nodes.b.now) is None


async def test_a_line_that_is_down_is_each_nodes_own(nodes: Nodes) -> None:
    for _ in range(10):
        nodes.a.answered(LINE_DOWN)
    assert nodes.a.stands()
    await nodes.later()
    assert nodes.b.pauses.scopes == {}


async def test_a_node_with_a_wrong_password_stops_the_others_once(nodes: Nodes) -> None:
    nodes.a.answered(OURS)
    await nodes.later()
    nodes.a.now = nodes.b.now = NOW + PROBE_EVERY + GRACE + 2
    nodes.b.probed(OK)  # its own password is right
    await nodes.b.neighbours.once()
    for _ in range(3):
        await nodes.later()
        nodes.a.pauses.scopes.clear()
        nodes.a.answered(OURS)
        await nodes.later()
        assert nodes.a.stands()
        assert nodes.b.pauses.scopes == {}
    nodes.b.answered(OURS)  # what it is told itself it believes
    assert nodes.b.stands()
    nodes.b.pauses.scopes.clear()
    await nodes.later(DEAF_FOR + PROBE_EVERY)
    nodes.a.pauses.scopes.clear()
    nodes.a.answered(OURS)
    await nodes.later()
    assert nodes.b.stands()


async def test_what_a_reload_lifts_stays_lifted(nodes: Nodes) -> None:
    nodes.a.answered(OURS)
    await nodes.later()
    nodes.b.pauses.lift(nodes.b.now)
    assert not nodes.b.stands()
    await nodes.later()
    assert not nodes.b.stands()
