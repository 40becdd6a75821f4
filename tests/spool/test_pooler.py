"""Through a real PgBouncer that gives each transaction another connection, and through one that gives one for good."""

import asyncio
from pathlib import Path

import pytest

from bridge.message import Channel, State, StoreUnavailable
from bridge.spool import SpoolDamaged, Step
from bridge.spool.copy import Place, copy
from bridge.spool.postgres.link import target
from bridge.spool.postgres.pooler import settled
from bridge.spool.sqlite import open_spool
from tests.databases import Database
from tests.make import NOW, delivery, intake
from tests.poolers import MODES, pgbouncer

ROUNDS = 15


async def worked_with(database: Database, url: str) -> None:
    """Two nodes do all that nodes do, at the same time, on a spool that is not there yet."""
    first = await database.open(url=url, heartbeat=0.05)
    second = await database.open(url=url, heartbeat=0.05, wake=lambda _channel: None)
    for number in range(ROUNDS):
        mail = f"M{number}"
        taken, again, *_ = await asyncio.gather(
            first.accept(intake(delivery(mail=mail), id=mail, seen=[mail.encode()])),
            second.accept(intake(delivery(mail=f"{mail}x"), id=f"{mail}x", seen=[mail.encode()])),
            first.open_count(),
            second.listing(None, 5),
            first.show(mail),
            second.probe(),
        )
        assert (taken.repeated, again.repeated).count(True) == 1, "one mail, whichever node it came to"
        for node in (first, second):
            for due in await node.start(Channel.SMS, 9, NOW, NOW + 300, (), ()):
                assert await node.move([Step(id=due.id, to=State.SENT, event="sent", transfer_id=due.id)], NOW) == [
                    True
                ]
    sent = await first.listing(State.SENT, 100)
    assert len(sent) == ROUNDS
    assert {item.attempts for item in sent} == {1}
    await second.close()
    await first.close()


@pytest.mark.parametrize("mode", MODES)
async def test_nothing_need_be_set_for_a_pooler(bare: Database, mode: str) -> None:
    with pgbouncer(bare, mode) as pooler:
        await worked_with(bare, pooler.url())
        assert "prepared statement" not in pooler.said.read_text()


async def test_where_each_has_a_connection_for_good_statements_may_be_kept(bare: Database) -> None:
    with pgbouncer(bare, "session") as pooler:
        await worked_with(bare, pooler.url(statement_cache_size="100"))


async def test_one_that_lets_no_transaction_through_is_refused(bare: Database) -> None:
    with pgbouncer(bare, "statement") as pooler:
        for options in ({}, {"statement_cache_size": "0"}):
            with pytest.raises(SpoolDamaged, match="set its pool_mode to transaction or session"):
                await bare.open(url=pooler.url(**options))


@pytest.mark.parametrize("mode", MODES)
async def test_row_81_what_the_server_promises_is_asked_through_it(bare: Database, mode: str) -> None:
    bare.script(f"ALTER DATABASE {bare.name} SET synchronous_commit = off")
    with pgbouncer(bare, mode) as pooler, pytest.raises(SpoolDamaged, match="synchronous_commit"):
        await bare.open(url=pooler.url())


async def test_a_spool_is_copied_through_it(bare: Database, tmp_path: Path) -> None:
    spool = await open_spool(tmp_path / "s.db")
    for number in range(30):
        await spool.accept(intake(delivery(mail=f"M{number}"), id=f"M{number}"))
    await spool.close()
    with pgbouncer(bare, "transaction") as pooler:
        there = Place(url=pooler.url(), password=bare.server.password)
        copied = await asyncio.to_thread(copy, Place(url=f"sqlite:{tmp_path}/s.db"), there)
        assert copied["deliveries"] == 30
        back = await asyncio.to_thread(copy, there, Place(url=f"sqlite:{tmp_path}/again.db"))
        assert back == copied


async def test_a_pooler_whose_server_is_away_is_no_mistake_of_ours(bare: Database) -> None:
    with pgbouncer(bare, "transaction") as pooler:
        url = pooler.url()
    with pytest.raises(StoreUnavailable):
        await bare.open(url=url)


async def test_a_server_is_told_from_a_pooler(bare: Database) -> None:
    direct = target(bare.url, bare.server.password)
    assert await asyncio.to_thread(settled, direct) == direct
    with pgbouncer(bare, "session") as pooler:
        found = await asyncio.to_thread(settled, target(pooler.url(), bare.server.password))
        assert found.pooled
        chosen = target(pooler.url(statement_cache_size="7"), bare.server.password)
        assert await asyncio.to_thread(settled, chosen) == chosen
