"""Many moves in few trips, and who may make them; what they mean is shown by test_deliveries.py on both stores."""

from dataclasses import replace

from bridge.message import Report, ReportState, State
from bridge.spool import Step
from bridge.spool.postgres import moving
from bridge.spool.postgres.link import Link
from bridge.spool.postgres.moving import Hand, Moves
from tests.databases import Database
from tests.make import NOW, delivery, intake


def step(number: int, to: State = State.SENDING, **changes: object) -> Step:
    return replace(Step(id=f"M1-{number}", to=to, event=to.value), **changes)  # type: ignore[arg-type] # fields they mean


async def test_a_hundred_moves_are_one_trip(emptied: Database) -> None:
    spool = await emptied.open()
    await spool.accept(intake(*(delivery(number) for number in range(1, 101))))
    trips: list[int] = []

    def counted(db: Link) -> list[list[bool]]:
        before = db.trips
        moved = moving.move_many(db, Hand(), spool.node, [Moves(steps=[step(n)], now=NOW) for n in range(1, 101)])
        trips.append(db.trips - before)
        return moved

    assert await spool.lane.run(counted) == [[True]] * 100
    assert trips == [1]
    await spool.close()


async def test_several_moves_of_one_delivery_are_made_in_their_order(emptied: Database) -> None:
    spool = await emptied.open()
    await spool.accept(intake(delivery(1), delivery(2)))
    walk = [step(1), step(2), step(1, State.SENT), step(1, State.QUEUED), step(1, State.FAILED), step(2, State.UNKNOWN)]
    assert await spool.move(walk, NOW) == [True, True, True, False, True, True]
    assert [[event.event for event in events] for _, events in await spool.show("M1")] == [
        ["queued", "sending", "sent", "failed"],
        ["queued", "sending", "unknown"],
    ]
    await spool.close()


async def test_a_lost_answer_of_what_was_reported_is_none(emptied: Database) -> None:
    spool = await emptied.open()
    await spool.accept(intake(delivery(1), delivery(2)))
    await spool.move([step(1), step(2)], NOW)
    await spool.report(Report(notification_id="n", state=ReportState.ACCEPTED, client_message_id="M1-1"), NOW)
    assert await spool.move([step(1, State.UNKNOWN, text="cut"), step(2, State.UNKNOWN)], NOW) == [True, True]
    first, second = await spool.show("M1")
    assert (first[0].state, first[0].reason, second[0].state) == (State.SENT, "a report came; cut", State.UNKNOWN)
    await spool.close()


async def test_only_one_node_begins_the_call_and_only_that_one_takes_it_back(emptied: Database) -> None:
    one, other = await emptied.open(), await emptied.open()
    await one.accept(intake(delivery(1)))
    assert await other.move([step(1)], NOW) == [True]
    assert await one.move([step(1)], NOW + 1) == [False]
    # What another node is calling is put back by nobody; that it was sent, anybody may say.
    assert await one.move([step(1, State.QUEUED)], NOW + 2) == [False]
    assert await one.move([step(1, State.SENT)], NOW + 2) == [True]
    await one.close()
    await other.close()


def test_what_is_in_hand_does_not_grow() -> None:
    hand = Hand()
    for number in range(100):
        hand.started([delivery(number)], "n")
        hand.moved(step(number, State.SENT), "n", done=number % 2 == 0)
    hand.moved(step(99), "n", done=True)
    assert hand.calls == {"M1-99": "n"}
    hand.moved(step(98), "n", done=False)
    assert hand.calls == {"M1-99": "n"}
