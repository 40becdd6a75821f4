"""The pace that a provider bears: halved when it complains, a little more each quiet minute, gone in the end."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.delivery.pace import QUIET, RISE, SLOWEST, Pace
from bridge.limits import Draw
from bridge.spool.postgres.link import target
from bridge.spool.postgres.pool import SharedPool
from tests.databases import Database


def hurried(pace: Pace, calls: int, now: float = 100.0) -> None:
    """So many calls in the second before `now`."""
    for number in range(calls):
        pace.started(now - 0.5 + number / (calls * 2))


def test_without_a_complaint_there_is_no_limit() -> None:
    pace = Pace()
    for _ in range(1000):
        assert pace.wait(100.0) == 0
        pace.started(100.0)
    assert pace.limit == 0


def test_a_configured_rate_is_kept_from_the_start() -> None:
    pace, now, started = Pace(4.0), 100.0, 0
    while now < 110:
        if pace.wait(now) == 0:
            pace.started(now)
            started += 1
        now += 0.01
    assert 38 <= started <= 41


def test_a_complaint_halves_what_was() -> None:
    pace = Pace()
    hurried(pace, 40)
    pace.complained(100.0)
    assert pace.limit == pytest.approx(20)
    assert pace.wait(100.0) == pytest.approx(1 / 20)
    pace.complained(102.0)
    assert pace.limit == pytest.approx(10)


def test_calls_that_were_under_way_complain_only_once() -> None:
    pace = Pace()
    hurried(pace, 40)
    for number in range(40):
        pace.complained(100.0 + number * 0.02)
    assert pace.limit == pytest.approx(20)


def test_it_never_stands_still() -> None:
    pace = Pace()
    for number in range(100):
        pace.complained(100.0 + number * 2)
    assert pace.limit == SLOWEST


def test_it_recovers_and_is_gone_in_the_end() -> None:
    pace = Pace()
    hurried(pace, 40)
    pace.complained(100.0)
    assert pace.wait(100.0 + QUIET - 0.1) == 0
    assert pace.limit == pytest.approx(20)
    pace.wait(100.0 + QUIET)
    assert pace.limit == pytest.approx(20 * RISE)
    pace.wait(100.0 + 3 * QUIET)
    assert pace.limit == pytest.approx(20 * RISE**3)
    pace.wait(100.0 + 3600)
    assert pace.limit == 0


def test_what_was_once_too_fast_does_not_stay_in_memory_for_ever() -> None:
    """The slowest pace too comes to its end within hours, not years."""
    pace = Pace()
    for number in range(100):
        pace.complained(number * 2.0)
    pace.wait(200.0 + 3 * 3600)
    assert pace.limit == 0


def test_a_configured_rate_stays_when_the_learnt_one_is_gone() -> None:
    pace = Pace(10.0)
    pace.complained(100.0)
    assert pace.limit == pytest.approx(5)
    pace.wait(100.0 + 86400)
    assert pace.limit == 10


@given(st.lists(st.tuples(st.floats(0, 200), st.booleans()), max_size=60), st.sampled_from([0.0, 0.5, 20.0]))
def test_whatever_happens_a_call_may_go_within_seconds(steps: list[tuple[float, bool]], configured: float) -> None:
    pace, now = Pace(configured), 0.0
    for seconds, complains in steps:
        now += seconds
        if complains:
            pace.complained(now)
        elif pace.wait(now) == 0:
            pace.started(now)
        slowest = min(SLOWEST, configured or SLOWEST)
        assert 0 <= pace.wait(now) <= 1 / slowest + 1e-6
        assert pace.limit == 0 or pace.limit >= slowest


async def test_several_nodes_have_one_pace_together(emptied: Database) -> None:
    pools = [SharedPool(target(emptied.url, emptied.server.password)) for _ in range(2)]
    rate, calls = 20.0, 0
    paces = [Pace(rate, pool, "calls") for pool in pools]
    loop = asyncio.get_running_loop()

    async def call(pace: Pace) -> None:
        nonlocal calls
        while calls < 30:
            if pace.wait(loop.time()) == 0 and await pace.book(loop.time()):
                pace.started(loop.time())
                calls += 1
                assert calls <= rate * (loop.time() - began) + 2 + 2  # a full bucket, and a moment of rounding each
            await asyncio.sleep(pace.wait(loop.time()))

    began = loop.time()
    await asyncio.gather(*map(call, paces))
    for pool in pools:
        await pool.close()


async def test_a_token_that_nobody_needs_is_there_for_the_others(emptied: Database) -> None:
    pools = [SharedPool(target(emptied.url, emptied.server.password)) for _ in range(2)]
    one, other = (Pace(0.001, pool, "calls") for pool in pools)
    assert one.shared
    assert await one.book(100.0)
    assert await one.book(100.5)  # it has one
    assert not await other.book(100.0)
    assert other.wait(100.0) > 900
    one.unused()
    one.unused()  # there was only one
    await pools[0].draw([Draw(bucket="after it", size=1.0, rate=1.0, tokens=1.0)])
    assert await other.book(100.0)
    assert not await one.book(100.0)
    for pool in pools:
        await pool.close()
