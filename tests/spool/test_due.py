"""What is due is put into SENDING, on both stores: whose turn it is, what is left alone, and all in one commit."""

import pytest

from bridge.message import Channel, Report, ReportState, State
from bridge.spool import Step, due
from tests.make import NOW, delivery, intake
from tests.spool.stores import Store, leased, look

LEASE = NOW + 300


async def started(
    spool: Store, limit: int = 99, without: tuple[str, ...] = (), after: tuple[Step, ...] = ()
) -> list[str]:
    found = await spool.start(Channel.SMS, limit, NOW, LEASE, without, after)
    assert {one.attempts for one in found} <= {1}
    return [one.id.removeprefix("M1-") for one in found]


async def states(spool: Store) -> list[State]:
    return [found.state for found, _ in await spool.show("M1")]


async def test_urgent_then_oldest_and_no_more_than_asked_for(spool: Store) -> None:
    await spool.accept(intake(*(delivery(number, next_at=NOW - number, urgent=number < 3) for number in range(1, 6))))
    assert await started(spool, 3) == ["2", "1", "5"]
    assert await states(spool) == [State.SENDING] * 2 + [State.QUEUED] * 2 + [State.SENDING]
    assert await started(spool) == ["4", "3"]
    assert await started(spool) == []


async def test_what_is_started_stands_as_it_stood_but_for_the_attempt(spool: Store) -> None:
    """What the last answer was, and when, decides what the next one means."""
    await spool.accept(intake(delivery()))
    await spool.start(Channel.SMS, 1, NOW, LEASE, (), ())
    again = Step(id="M1-1", to=State.QUEUED, event="deferred", code="5003", text="busy", status="4.3.2")
    await spool.move([again], NOW + 1)
    (found,) = await spool.start(Channel.SMS, 1, NOW + 2, LEASE, (), ())
    assert (found.attempts, found.code, found.reason, found.changed_at) == (2, "5003", "busy", NOW + 1)
    ((kept, events),) = await spool.show("M1-1")
    assert (kept.attempts, kept.state, kept.changed_at) == (2, State.SENDING, NOW + 2)
    assert [(event.event, event.at) for event in events] == [
        ("queued", NOW),
        ("sending", NOW),
        ("deferred", NOW + 1),
        ("sending", NOW + 2),
    ]


async def test_what_is_left_alone(spool: Store) -> None:
    await spool.accept(
        intake(
            delivery(1, route="paused"),
            delivery(2, next_at=NOW + 1),
            delivery(3, channel=Channel.MAIL),
            delivery(4, route="leased"),
            delivery(5),
            delivery(6),
        )
    )
    await leased(spool, LEASE, ["paused", delivery().route])
    await spool.move([Step(id="M1-5", to=State.HELD, event="held")], NOW)
    assert await started(spool, without=("paused",)) == ["6"]
    assert await started(spool) == ["1"]


async def test_what_is_past_its_end_is_put_aside_for_who_ends_it(spool: Store) -> None:
    old = [delivery(number, next_at=NOW - 9, expires_at=NOW) for number in range(1, 8)]
    await spool.accept(intake(*old, delivery(8), delivery(9)))
    assert await started(spool, 2) == ["8", "9"]
    assert await states(spool) == [State.QUEUED] * 7 + [State.SENDING] * 2
    assert {row[0] for row in await look(spool, "SELECT lease FROM deliveries WHERE state = 'queued'")} == {LEASE}
    assert len(await spool.expired(NOW, 99)) == 7


async def test_moves_are_made_before_and_room_is_what_they_leave(spool: Store) -> None:
    await spool.accept(intake(delivery(1), delivery(2)))
    assert await started(spool, 1) == ["1"]
    await spool.report(Report(notification_id="n", state=ReportState.DELIVERED, transfer_id="t1"), NOW)
    sent = Step(id="M1-1", to=State.SENT, event="sent", transfer_id="t1")
    assert await started(spool, 1, after=(sent,)) == ["2"]
    assert await states(spool) == [State.DELIVERED, State.SENDING]


async def test_nothing_starts_where_what_goes_before_cannot_be_kept(spool: Store) -> None:
    await spool.accept(intake(delivery(1), delivery(2)))
    await started(spool, 1)
    bad = Step(id="M1-1", to=State.SENT, event="sent", attempts=2**70)
    with pytest.raises(Exception, match=r".") as refused:
        await spool.start(Channel.SMS, 1, NOW, LEASE, (), (bad,))
    assert not isinstance(refused.value, AssertionError)
    assert await states(spool) == [State.SENDING, State.QUEUED]


def test_it_makes_the_move_it_says() -> None:
    step = due.STARTED
    assert (step.to, step.only_from, step.attempts) == (State.SENDING, frozenset({State.QUEUED}), 1)
