"""The agents that are built: from the configuration, and with what the nodes share where there are several."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.config import Configuration
from bridge.daemon.deliveries import agents, chores, neighbours
from bridge.delivery import Agent
from bridge.limits import Limits
from bridge.message import Channel, Delivery, Receipt, State, Verdict
from bridge.spool.sqlite import open_spool
from tests.databases import Database
from tests.given import configuration
from tests.make import NOW, delivery, intake
from tests.spool.stores import Store
from tests.wait import until, until_async


class Carrier:
    """Takes everything."""

    def __init__(self, gate: asyncio.Event | None = None) -> None:
        self.took: list[str] = []
        self._gate = gate

    async def send(self, given: Delivery, now: float) -> Receipt:
        self.took.append(given.id)
        if self._gate is not None:
            await self._gate.wait()
        return Receipt(verdict=Verdict.ACCEPTED, code="2000", text="ok", transfer_id=given.id)

    async def close(self) -> None:
        pass


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "sqlite":
        made: Store = await open_spool(tmp_path / "spool.db")
    else:
        database: Database = request.getfixturevalue("emptied")
        made = await database.open(delivers=True)
    yield made
    await made.close()


def limited(**settings: Any) -> Configuration:
    made = configuration()
    return replace(made, settings=replace(made.settings, websms=replace(made.settings.websms, **settings)))


def built(store: Store, carrier: Carrier, given: Configuration) -> dict[Channel, Agent]:
    any_carrier: Any = carrier
    return agents(
        spool=store,
        shared=getattr(store, "shared", None),
        configuration=lambda: given,
        provider=lambda: any_carrier,
        transport=lambda: any_carrier,
        refuse=lambda _phone, _until: None,
        clock=lambda: NOW,
    )


@asynccontextmanager
async def running(*some: Agent) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(agent.run()) for agent in some]
    yield
    await asyncio.gather(*(agent.stop(1.0) for agent in some))
    await asyncio.gather(*tasks)


async def all_sent(store: Store) -> bool:
    return {found.state for found, _ in await store.show("M1")} == {State.SENT}


async def test_both_channels_deliver_with_a_rate_too(store: Store) -> None:
    carrier = Carrier()
    made = built(store, carrier, limited(rate=50.0))
    assert set(made) == set(Channel)
    await store.accept(intake(delivery(1), delivery(2), delivery(3, channel=Channel.MAIL)))
    async with running(*made.values()):
        await until_async(lambda: all_sent(store), "all are sent")
    assert sorted(carrier.took) == ["M1-1", "M1-2", "M1-3"]


async def test_nodes_make_no_more_calls_at_once_than_the_account_bears(emptied: Database) -> None:
    nodes = [await emptied.open(node=name, delivers=True) for name in ("a", "b")]
    for _ in range(3):
        for node in nodes:
            await node.count_nodes()
    gate = asyncio.Event()
    carrier = Carrier(gate)
    sms = [built(node, carrier, limited(max_in_flight=5))[Channel.SMS] for node in nodes]
    await nodes[0].accept(intake(*(delivery(number) for number in range(1, 13))))
    async with running(*sms):
        await until(lambda: len(carrier.took) == 5, "as many calls as may be")
        for agent in sms:
            agent.wake()
        for node in nodes:
            await node.probe()
        assert sorted(agent.in_flight for agent in sms) == [2, 3]
        assert len(carrier.took) == 5
        gate.set()
        await until_async(lambda: all_sent(nodes[0]), "all are sent")
    for node in nodes:
        await node.close()


def test_a_file_has_no_neighbours() -> None:
    assert neighbours(None, Limits(), dict, lambda: NOW) is None


async def test_chores_can_be_done_again_and_again(tmp_path: Path) -> None:
    spool = await open_spool(tmp_path / "s.db")
    done = chores(spool=spool, configuration=configuration, clock=lambda: NOW, wake=lambda _: None)
    assert len(done) == 3
    for chore in (*done, *done):
        assert chore.every > 0
        await chore.once()
    await spool.close()
