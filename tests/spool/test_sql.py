"""Starts and leases, on both stores."""

import asyncio
from collections.abc import Collection

from bridge.message import Channel, State
from bridge.spool import Step
from tests.make import NOW, delivery, intake
from tests.spool.stores import Store, leased


async def started(spool: Store, limit: int = 50, now: float = NOW, without: Collection[str] = ()) -> list[str]:
    return [item.id for item in await spool.start(Channel.SMS, limit, now, now + 300, without, ())]


async def test_urgent_first_then_oldest(spool: Store) -> None:
    await spool.accept(
        intake(
            delivery(1, next_at=NOW - 1),
            delivery(2, next_at=NOW - 3),
            delivery(3, next_at=NOW, urgent=True),
            delivery(4, next_at=NOW - 2, urgent=True),
            delivery(5, next_at=NOW - 3),
            delivery(6, next_at=NOW + 1, urgent=True),
        )
    )
    assert await started(spool, 3) == ["M1-4", "M1-3", "M1-2"]
    assert await started(spool) == ["M1-5", "M1-1"]
    assert await started(spool, now=NOW + 1) == ["M1-6"]


async def test_paused_routes_are_left_and_stay_due(spool: Store) -> None:
    await spool.accept(intake(delivery(1, route="a"), delivery(2, route="b"), delivery(3, route="'; --")))
    assert await started(spool, without=["a", "'; --"]) == ["M1-2"]
    assert await started(spool, without=["'; --"]) == ["M1-1"]
    assert await started(spool) == ["M1-3"]


async def test_nothing_is_started_twice_however_many_ask(spool: Store) -> None:
    await spool.accept(intake(*(delivery(number) for number in range(1, 101))))
    batches = await asyncio.gather(*(started(spool, 7) for _ in range(30)))
    ids = [item for batch in batches for item in batch]
    assert len(ids) == 100
    assert len(set(ids)) == 100


async def test_channels_and_states_do_not_mix(spool: Store) -> None:
    states = [state for state in State if state is not State.QUEUED]
    await spool.accept(
        intake(
            delivery(1, channel=Channel.MAIL),
            *(delivery(number, state=state) for number, state in enumerate(states, 2)),
        )
    )
    assert await started(spool) == []
    assert [item.id for item in await spool.start(Channel.MAIL, 9, NOW, NOW, (), ())] == ["M1-1"]


async def test_leases_end_when_lapsed_and_when_moved(spool: Store) -> None:
    await spool.accept(intake(delivery(1), delivery(2), delivery(3)))
    await leased(spool, NOW + 300)
    assert await started(spool) == []
    assert await spool.release_leases(NOW + 299) == 0
    assert await spool.move([Step(id="M1-2", to=State.QUEUED, event="retried", next_at=NOW)], NOW) == [True]
    assert await started(spool) == ["M1-2"]
    assert await spool.release_leases(NOW + 301) == 2
    assert await started(spool) == ["M1-1", "M1-3"]
