"""Token buckets on a real server: what nodes take together is never more than there is, whoever dies or freezes."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from bridge.limits import Draw
from bridge.message import StoreUnavailable
from bridge.spool.postgres import pool as pool_module
from bridge.spool.postgres.link import target
from bridge.spool.postgres.pool import SharedPool
from tests.databases import Database

DAY = 86400.0


def draw(bucket: str, tokens: float = 1, size: float = 30, rate: float | None = None) -> Draw:
    return Draw(bucket=bucket, size=size, rate=size / DAY if rate is None else rate, tokens=tokens)


@pytest.fixture
async def pools(emptied: Database) -> AsyncIterator[Sequence[SharedPool]]:
    where = target(emptied.url, emptied.server.password)
    made = [SharedPool(where) for _ in range(3)]
    yield made
    for pool in made:
        await pool.close()


async def taken(pool: SharedPool, *draws: Draw) -> bool:
    return (await pool.draw(draws)).short is None


def rows(database: Database, sql: str) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    database.server.on(database.name, lambda link: found.extend(link.execute(sql).fetchall()))
    return found


async def test_several_nodes_at_once_take_exactly_what_there_is(pools: Sequence[SharedPool]) -> None:
    results = await asyncio.gather(*(taken(pools[n % 3], draw("sender: a")) for n in range(120)))
    assert sum(results) == 30
    assert not await taken(pools[0], draw("sender: a"))
    assert await taken(pools[1], draw("sender: b"))


async def test_from_every_bucket_or_from_none(pools: Sequence[SharedPool]) -> None:
    one, other, _ = pools
    assert await taken(one, draw("recipient", size=1), draw("sender", size=3))
    for _ in range(5):
        drawn = await one.draw([draw("sender", size=3), draw("recipient", size=1)])
        assert drawn.short == 1
    # What was taken of the first for nothing goes back with the next trip.
    assert await taken(one, draw("something else"))
    assert await taken(other, draw("sender", 2, size=3))
    assert not await taken(other, draw("sender", size=3))


async def test_what_is_left_is_told(pools: Sequence[SharedPool]) -> None:
    drawn = await pools[0].draw([draw("sender", 4), draw("route", 4, size=100)])
    assert drawn.short is None
    assert list(drawn.left) == pytest.approx([26, 96], abs=0.5)
    drawn = await pools[1].draw([draw("sender", 27)])
    assert drawn.short == 0
    assert drawn.left[0] == pytest.approx(26, abs=0.5)


async def test_what_was_not_used_is_there_for_all(pools: Sequence[SharedPool]) -> None:
    one, other, _ = pools
    assert await taken(one, draw("sender", 30))
    assert not await taken(other, draw("sender"))
    one.give_back([draw("sender", 30)])
    assert await taken(one, draw("after it"))
    assert await taken(other, draw("sender", 30))
    one.give_back([draw("sender", 60)])  # never more than fits
    assert await taken(one, draw("after it"))
    assert not await taken(other, draw("sender", 31, size=30))


async def test_it_fills_with_the_rate(pools: Sequence[SharedPool], emptied: Database) -> None:
    assert await taken(pools[0], draw("s", 10, size=10, rate=0.01))
    assert not await taken(pools[1], draw("s", size=10, rate=0.01))
    emptied.script("UPDATE buckets SET at = at - 250")  # seconds go by
    assert await taken(pools[1], draw("s", 2, size=10, rate=0.01))
    assert not await taken(pools[0], draw("s", size=10, rate=0.01))
    emptied.script("UPDATE buckets SET at = at - 100000")
    assert await taken(pools[0], draw("s", 10, size=10, rate=0.01))
    assert not await taken(pools[1], draw("s", size=10, rate=0.01))


async def test_a_servers_clock_that_was_set_back_stops_no_mail_for_long(
    pools: Sequence[SharedPool], emptied: Database
) -> None:
    assert await taken(pools[0], draw("s", 10, size=10, rate=0.01))
    emptied.script("UPDATE buckets SET at = at + 86400")
    assert not await taken(pools[0], draw("s", size=10, rate=0.01))  # and counts from now on
    emptied.script("UPDATE buckets SET at = at - 150")
    assert await taken(pools[0], draw("s", size=10, rate=0.01))


async def test_a_changed_limit_counts_at_once(pools: Sequence[SharedPool]) -> None:
    assert await taken(pools[0], draw("s", 10, size=100))
    assert not await taken(pools[0], draw("s", 6, size=5))
    assert await taken(pools[0], draw("s", 5, size=5))


async def test_a_node_that_is_killed_costs_what_it_had_drawn(pools: Sequence[SharedPool]) -> None:
    one, other, _ = pools
    assert await taken(one, draw("s", 10))
    one.abandon()
    assert await taken(other, draw("s", 20))
    assert not await taken(other, draw("s"))
    with pytest.raises(StoreUnavailable):
        await one.draw([draw("s")])


async def test_who_does_not_wait_any_more_pays_nothing(pools: Sequence[SharedPool]) -> None:
    one, other, _ = pools
    assert await taken(one, draw("warm"))
    asked = asyncio.create_task(one.draw([draw("s", 30)]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # it is on its way
    asked.cancel()
    assert await taken(one, draw("after it"))
    assert await taken(one, draw("and its return"))
    assert await taken(other, draw("s", 30))


async def test_a_connection_that_breaks_is_made_again(pools: Sequence[SharedPool], emptied: Database) -> None:
    assert await taken(pools[0], draw("s"))
    emptied.script(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    assert await taken(pools[0], draw("s"))


async def test_without_a_server_it_says_so_and_goes_on_later(pools: Sequence[SharedPool], emptied: Database) -> None:
    assert await taken(pools[0], draw("s"))
    emptied.script("ALTER TABLE buckets RENAME TO elsewhere")
    try:
        with pytest.raises(StoreUnavailable):
            await pools[0].draw([draw("s")])
        pools[0].give_back([draw("s")])
        with pytest.raises(StoreUnavailable):
            await pools[0].draw([draw("s")])
    finally:
        emptied.script("ALTER TABLE elsewhere RENAME TO buckets")
    assert await taken(pools[0], draw("s"))


async def test_no_name_is_kept_and_full_buckets_are_not(
    pools: Sequence[SharedPool], emptied: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await taken(pools[0], draw("recipient: 436600000007", size=10, rate=1))
    ((key,),) = rows(emptied, "SELECT key FROM buckets")
    assert len(key) == 16
    monkeypatch.setattr(pool_module, "_PURGE_EVERY", 0.0)
    emptied.script("UPDATE buckets SET at = at - 3600")
    assert await taken(pools[0], draw("another"))
    assert await taken(pools[0], draw("another"))  # it was purged before this one
    assert rows(emptied, "SELECT count(*) FROM buckets") == [(1,)]


async def test_a_pooler_by_transaction_will_do(emptied: Database) -> None:
    where = target(f"{emptied.url}?statement_cache_size=0", emptied.server.password)
    made = [SharedPool(where) for _ in range(2)]
    try:
        results = await asyncio.gather(*(taken(made[n % 2], draw("s")) for n in range(60)))
        assert sum(results) == 30
    finally:
        for pool in made:
            await pool.close()


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
async def test_stricter_servers_will_do(emptied: Database, isolation: str) -> None:
    where = target(
        f"{emptied.url}?default_transaction_isolation={isolation.replace(' ', '%20')}", emptied.server.password
    )
    made = [SharedPool(where) for _ in range(2)]
    try:
        results = await asyncio.gather(*(taken(made[n % 2], draw("s")) for n in range(60)))
        assert sum(results) == 30
    finally:
        for pool in made:
            await pool.close()


async def test_whatever_is_asked_the_sum_is_never_too_much(pools: Sequence[SharedPool]) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    spent = {"a": 0.0, "b": 0.0, "c": 0.0}

    async def ask(pool: SharedPool) -> None:
        for _ in range(15):
            names = chance.sample(sorted(spent), chance.randint(1, 3))
            draws = [draw(name, chance.randint(1, 5), size=20, rate=0.0) for name in names]
            if (await pool.draw(draws)).short is None:
                for one in draws:
                    spent[one.bucket] += one.tokens
                if chance.random() < 0.3:
                    pool.give_back(draws)
                    for one in draws:
                        spent[one.bucket] -= one.tokens
            assert all(tokens <= 20 for tokens in spent.values()), spent

    await asyncio.gather(*(ask(pool) for pool in pools for _ in range(4)))
    for pool in pools:  # what was to be given back is there
        await taken(pool, draw("end"))
    left = await pools[0].draw([draw(name, 21, size=20, rate=0.0) for name in sorted(spent)])
    await pools[0].draw([draw("end")])
    again = await pools[1].draw([draw(name, 21, size=20, rate=0.0) for name in sorted(spent)])
    assert list(again.left) == list(left.left) == [20 - spent[name] for name in sorted(spent)]
