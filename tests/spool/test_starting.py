"""Starting in PostgreSQL: in one trip, whose call it is then, and what is put back when an answer was lost."""

import asyncio
import threading
from dataclasses import replace

from bridge.message import Channel, State
from bridge.spool import Step
from bridge.spool.postgres import starting
from bridge.spool.postgres.link import Link
from bridge.spool.postgres.moving import Moves
from bridge.spool.postgres.starting import Start
from bridge.spool.postgres.store import PostgresSpool
from tests.databases import Database
from tests.make import NOW, delivery, intake
from tests.wait import PATIENCE

WANTED = Start(channel=Channel.SMS, limit=100, now=NOW, lease=NOW + 300, without=(), after=Moves(steps=(), now=NOW))


async def occupied(spool: PostgresSpool) -> tuple[threading.Event, asyncio.Task[bool]]:
    """Its thread waits for an event: what is asked for meanwhile is done in one commit after it."""
    begun, gate = threading.Event(), threading.Event()

    def wait(_: Link) -> bool:
        begun.set()
        return gate.wait(PATIENCE)

    busy = asyncio.create_task(spool.lane.run(wait))
    assert await asyncio.to_thread(begun.wait, PATIENCE)
    return gate, busy


async def test_a_hundred_are_started_in_one_trip(emptied: Database) -> None:
    spool = await emptied.open()
    await spool.accept(intake(*(delivery(number, urgent=number < 50) for number in range(1, 101))))
    trips: list[int] = []

    def counted(db: Link) -> int:
        before = db.trips
        found = starting.start(db, spool.node, WANTED)
        trips.append(db.trips - before)
        return len(found)

    assert await spool.lane.run(counted) == 100
    assert trips == [1]
    await spool.close()


async def test_what_one_node_has_started_another_neither_starts_nor_settles(emptied: Database) -> None:
    one, other = await emptied.open(), await emptied.open()
    await one.accept(intake(delivery(1), delivery(2)))
    assert [found.id for found in await one.start(Channel.SMS, 1, NOW, NOW + 300, (), ())] == ["M1-1"]
    assert [found.id for found in await other.start(Channel.SMS, 9, NOW, NOW + 300, (), ())] == ["M1-2"]
    lost = Step(id="M1-1", to=State.UNKNOWN, event="unknown")
    assert await other.move([lost], NOW) == [False]
    assert await one.move([lost], NOW) == [True]
    await one.close()
    await other.close()


async def test_what_was_started_without_anybody_being_told_is_put_back(emptied: Database) -> None:
    """Its commit took place, and the answer was lost for good: no call was made."""
    spool = await emptied.open()
    await spool.accept(intake(delivery(1), delivery(2), delivery(3, next_at=NOW + 9)))
    (called,) = await spool.start(Channel.SMS, 1, NOW, NOW + 300, (), ())
    await spool.lane.run(lambda db: starting.start(db, spool.node, replace(WANTED, limit=1)))
    assert [found.state for found, _ in await spool.show("M1")] == [State.SENDING, State.SENDING, State.QUEUED]
    spool.lane.hand.strays = True
    (again,) = await spool.start(Channel.SMS, 1, NOW + 1, NOW + 300, (), ())
    assert (called.id, again.id, again.attempts) == ("M1-1", "M1-2", 1)
    assert not spool.lane.hand.strays
    assert [[event.event for event in events] for _, events in await spool.show("M1")] == [
        ["queued", "sending"],
        ["queued", "sending", "deferred", "sending"],
        ["queued"],
    ]
    await spool.close()


async def test_what_two_channels_start_in_one_commit_is_not_put_back(emptied: Database) -> None:
    """After a lost answer both look for work at once: what the one begins is no stray of the other."""
    spool = await emptied.open()
    await spool.accept(intake(delivery(1), delivery(2, channel=Channel.MAIL)))
    gate, busy = await occupied(spool)
    spool.lane.hand.strays = True
    commits = spool.lane.commits
    starts = [asyncio.create_task(spool.start(channel, 9, NOW, NOW + 300, (), ())) for channel in Channel]
    await asyncio.sleep(0)
    gate.set()
    assert [[found.id for found in begun] for begun in await asyncio.gather(*starts)] == [["M1-1"], ["M1-2"]]
    assert await busy
    assert spool.lane.commits == commits + 2
    assert [found.state for found, _ in await spool.show("M1")] == [State.SENDING, State.SENDING]
    await spool.close()


async def test_what_is_given_back_and_begun_again_in_one_commit_is_in_hand(emptied: Database) -> None:
    """Else it would be put back as a stray, later, under its call."""
    spool = await emptied.open()
    await spool.accept(intake(delivery()))
    await spool.start(Channel.SMS, 1, NOW, NOW + 300, (), ())
    back = Step(id="M1-1", to=State.QUEUED, event="deferred", next_at=NOW, attempts=-1)
    gate, busy = await occupied(spool)
    spool.lane.hand.strays = True  # so that it is not looked first whether anything is due
    again = asyncio.create_task(spool.start(Channel.SMS, 1, NOW, NOW + 300, (), ()))
    await asyncio.sleep(0)
    moved = asyncio.create_task(spool.move([back], NOW))
    await asyncio.sleep(0)
    gate.set()
    assert await moved == [True]
    assert [found.id for found in await again] == ["M1-1"]
    assert await busy
    assert spool.lane.hand.calls == {"M1-1": spool.node}
    await spool.close()
