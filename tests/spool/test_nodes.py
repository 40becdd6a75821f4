"""Fencing: what the dead leave is taken over, what the living do is not, and who was taken for dead cannot harm."""

import asyncio
import dataclasses
from typing import Any

import pytest

from bridge.message import Channel, OnUnknown, State
from bridge.spool import Step
from bridge.spool.postgres.nodes import Watch
from bridge.spool.postgres.store import PostgresSpool
from tests.databases import Database
from tests.make import NOW, delivery, intake
from tests.spool.stores import leased, look
from tests.wait import until_async

QUICK: dict[str, Any] = {"heartbeat": 0.05, "dead_after": 0.4}
SENDING = Step(id="M1-1", to=State.SENDING, event="sending", only_from=frozenset({State.QUEUED}), attempts=1)
SENT = Step(id="M1-1", to=State.SENT, event="sent", code="2000", transfer_id="t1")
AGAIN = Step(
    id="M1-1", to=State.QUEUED, event="deferred", only_from=frozenset({State.SENDING}), code="5003", next_at=NOW
)


async def state(spool: PostgresSpool, name: str = "M1-1") -> State:
    ((found, _),) = await spool.show(name)
    return found.state


async def begun(spool: PostgresSpool, **changes: Any) -> None:
    """One SMS whose call is under way."""
    await spool.accept(intake(delivery(**changes)))
    assert await started(spool, 1) == ["M1-1"]


async def started(spool: PostgresSpool, limit: int, channel: Channel = Channel.SMS, now: float = NOW) -> list[str]:
    """What an agent that asks for work would call now."""
    return [found.id for found in await spool.start(channel, limit, now, now + 300, (), ())]


def test_only_who_stands_still_in_full_view_is_dead() -> None:
    watch = Watch(dead_after=15.0, patience=7.0)
    for at in range(0, 14, 2):
        assert watch.still([("a", 5), ("b", at)], float(at)) == []
    assert watch.still([("a", 5), ("b", 14)], 14.0) == []
    assert watch.still([("a", 5), ("b", 15)], 15.0) == ["a"]
    assert watch.still([("a", 6), ("b", 16)], 16.0) == []


def test_who_slept_or_was_cut_off_judges_nobody() -> None:
    watch = Watch(dead_after=15.0, patience=7.0)
    for at in (0.0, 5.0, 10.0):
        watch.still([("a", 5)], at)
    assert watch.still([("a", 5)], 100.0) == []
    assert watch.still([("a", 5)], 106.0) == []


async def test_row_82_what_a_frozen_node_left_is_taken_over(emptied: Database) -> None:
    frozen = await emptied.open()  # it beats once an hour
    await frozen.accept(
        intake(delivery(1), delivery(2), delivery(3, channel=Channel.MAIL), delivery(4, channel=Channel.MAIL))
    )
    assert await started(frozen, 1) == ["M1-1"]
    assert await started(frozen, 1, Channel.MAIL) == ["M1-3"]
    await leased(frozen, NOW + 300)
    assert await started(frozen, 9) == []
    awake = await emptied.open(**QUICK, clock=lambda: NOW + 5)

    async def taken_over() -> bool:
        return await state(awake) is State.UNKNOWN

    await until_async(taken_over, "what was SENDING is taken over")
    found = {item.id: item for item, _ in await awake.show("M1")}
    assert [item.state for item in found.values()] == [State.UNKNOWN, State.QUEUED, State.QUEUED, State.QUEUED]
    assert found["M1-1"].changed_at == NOW + 5
    assert await started(awake, 9, now=NOW + 6) == ["M1-2"]
    # It wakes: what it holds no more it does not send, by itself or when it asks for work.
    assert await frozen.move([dataclasses.replace(SENDING, id="M1-2")], NOW + 7) == [False]
    assert await started(frozen, 9, now=NOW + 7) == []
    assert await started(awake, 9, Channel.MAIL, NOW + 99) == ["M1-4", "M1-3"]
    assert await started(frozen, 9, Channel.MAIL, NOW + 99) == []
    # And the answer to what it was calling counts.
    assert await frozen.move([SENT], NOW + 8) == [True]
    assert await state(awake) is State.SENT
    await frozen.close()
    await awake.close()


async def test_row_82_what_a_living_node_is_calling_is_never_taken_over(emptied: Database) -> None:
    calling, other = await emptied.open(**QUICK), await emptied.open(**QUICK)
    name = calling.node
    await begun(calling)
    await asyncio.sleep(4 * QUICK["dead_after"])
    assert await other.recover(NOW + 9) == (0, 0)
    assert await state(other) is State.SENDING
    assert calling.node == name
    assert await calling.move([SENT], NOW) == [True]
    await calling.close()
    await other.close()


@pytest.mark.parametrize(
    ("late", "made", "after"),
    [
        (AGAIN, False, State.SENDING),  # it would go a third time while the second is under way
        (Step(id="M1-1", to=State.FAILED, event="bounced", code="4000"), False, State.SENDING),
        (Step(id="M1-1", to=State.HELD, event="held", code="4000"), False, State.SENDING),
        (Step(id="M1-1", to=State.UNKNOWN, event="unknown"), False, State.SENDING),
        (SENT, True, State.SENT),  # that it was sent is true whoever says it
    ],
)
async def test_row_82_a_late_answer_settles_nobody_elses_call(
    emptied: Database, late: Step, made: bool, after: State
) -> None:
    frozen, other = await emptied.open(), await emptied.open()
    await begun(frozen, on_unknown=OnUnknown.RESEND)
    assert await other.take_over(frozen.node)
    assert await other.recover(NOW + 1) == (1, 0)
    resent = Step(id="M1-1", to=State.QUEUED, event="resent", only_from=frozenset({State.UNKNOWN}), next_at=NOW)
    assert await other.move([resent], NOW + 2) == [True]
    assert await started(other, 1, now=NOW + 3) == ["M1-1"]
    assert await frozen.move([late], NOW + 4) == [made]
    assert await state(other) is after
    ((_, events),) = await other.show("M1-1")
    assert (events[-1].event in {"answered", late.event}) is bool(late.code)  # it is written down all the same
    await frozen.close()
    await other.close()


async def test_a_node_taken_for_dead_goes_on_under_a_new_name(emptied: Database) -> None:
    node, other = await emptied.open(node="one's"), await emptied.open()
    name = node.node
    assert name.startswith("one-s:")
    assert await other.take_over(name)
    assert not await other.take_over(name)
    await node.accept(intake(delivery()))
    assert node.node.startswith("one-s:")
    assert node.node != name
    assert await started(node, 1) == ["M1-1"]
    assert await node.move([SENT], NOW) == [True]
    await node.close()
    await other.close()


async def test_a_node_in_a_transaction_is_not_dead(emptied: Database) -> None:
    node, other = await emptied.open(), await emptied.open()
    await node.accept(intake(delivery()))
    fenced: list[bool] = []

    def meanwhile(_: object) -> None:
        fenced.append(asyncio.run_coroutine_threadsafe(other.take_over(node.node), loop).result())

    loop = asyncio.get_running_loop()
    await node.lane.run(meanwhile)
    assert fenced == [False]
    await node.close()
    await other.close()


async def test_who_leaves_tidily_leaves_nothing(emptied: Database) -> None:
    node = await emptied.open()
    await begun(node)
    await node.close()
    after = await emptied.open(**QUICK)

    async def recovered() -> bool:
        return await state(after) is State.UNKNOWN

    await until_async(recovered, "at once, since its row is gone")
    assert await look(after, "SELECT count(*) FROM nodes") == [(1,)]
    await after.close()


async def test_rows_of_the_dead_are_forgotten(emptied: Database) -> None:
    node = await emptied.open(**QUICK)
    await node.probe()
    emptied.script("INSERT INTO nodes (id, role, seq, at) VALUES ('old', 'dead', 1, 1), ('left', 'command', 1, 1)")

    async def forgotten() -> bool:
        return await look(node, "SELECT count(*) FROM nodes") == [(1,)]

    await until_async(forgotten, "old rows")
    await node.close()


async def test_reports_and_answers_that_passed_each_other_meet(emptied: Database) -> None:
    node = await emptied.open()
    await begun(node)
    await node.move([SENT], NOW)
    emptied.script("INSERT INTO orphans (transfer_id, state, text, at) VALUES ('t1', 'delivered', '', 1)")
    late = await emptied.open(**QUICK)

    async def settled() -> bool:
        return await state(late) is State.DELIVERED

    await until_async(settled, "the report")
    await node.close()
    await late.close()
