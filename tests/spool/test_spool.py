"""The state machine: which moves there are, that nothing else moves, and that the design's sentences hold."""

import itertools
from collections.abc import Awaitable, Callable

import pytest

from bridge.message import Channel, Report, ReportState, State
from bridge.spool import COMES_FROM, FINAL, MOVES, OPEN, Step
from bridge.spool.deliveries import MOST_STOPS
from tests.make import NOW, delivery, intake
from tests.spool.stores import Store, leased, restarted


def test_the_table_names_every_state() -> None:
    assert set(MOVES) == set(State)
    assert set(State) == FINAL | OPEN
    known = {State.SENDING, State.SENT, State.UNKNOWN, State.FAILED}
    assert COMES_FROM[State.DELIVERED] == known | {State.QUEUED, State.HELD}  # the report of an earlier attempt


def test_nothing_leaves_delivered_or_dropped() -> None:
    assert not MOVES[State.DELIVERED]
    assert not MOVES[State.DROPPED]


@pytest.mark.parametrize(("before", "after"), list(itertools.product(State, State)))
async def test_only_moves_of_the_table_are_made(spool: Store, before: State, after: State) -> None:
    await spool.accept(intake(delivery(state=before)))

    (moved,) = await spool.move([Step(id="M1-1", to=after, event=after.value)], NOW + 1)

    ((found, events),) = await spool.show("M1-1")
    assert moved == (after in MOVES[before])
    assert found.state == (after if moved else before)
    assert [event.event for event in events] == [before.value] + [after.value] * moved


async def test_a_step_may_ask_for_less_than_the_table_allows(spool: Store) -> None:
    await spool.accept(intake(delivery(state=State.HELD)))
    step = Step(id="M1-1", to=State.QUEUED, event="deferred", only_from=frozenset({State.SENDING}))
    assert await spool.move([step], NOW) == [False]


async def test_a_move_of_nothing_is_no_error(spool: Store) -> None:
    assert await spool.move([Step(id="none-1", to=State.SENT, event="sent")], NOW) == [False]


@pytest.mark.parametrize(
    ("state", "before", "after"),
    [
        (ReportState.DELIVERED, State.SENT, State.DELIVERED),
        (ReportState.DELIVERED, State.UNKNOWN, State.DELIVERED),
        (ReportState.DELIVERED, State.FAILED, State.DELIVERED),  # a later "delivered" corrects
        (ReportState.DELIVERED, State.SENDING, State.DELIVERED),  # faster than our own note of the answer
        (ReportState.ACCEPTED, State.SENT, State.SENT),
        (ReportState.ACCEPTED, State.UNKNOWN, State.SENT),
        (ReportState.UNDELIVERED, State.SENT, State.SENT),
        (ReportState.EXPIRED, State.SENT, State.FAILED),
        (ReportState.DELETED, State.SENT, State.FAILED),
        (ReportState.REJECTED, State.UNKNOWN, State.FAILED),
        (ReportState.REJECTED, State.DELIVERED, State.DELIVERED),  # never backwards
        (ReportState.DELIVERED, State.DROPPED, State.DROPPED),
    ],
)
async def test_reports_settle(spool: Store, state: ReportState, before: State, after: State) -> None:
    await spool.accept(intake(delivery(state=before)))
    assert await spool.report(Report(notification_id="n", state=state, client_message_id="M1-1"), NOW + 5)
    ((found, _),) = await spool.show("M1-1")
    assert found.state is after


async def test_a_report_that_overtakes_the_answer_keeps_its_transfer_id(spool: Store) -> None:
    await spool.accept(intake(delivery(state=State.SENDING)))
    await spool.report(Report(notification_id="n", state=ReportState.DELIVERED, client_message_id="M1-1"), NOW + 1)
    moved = await spool.move([Step(id="M1-1", to=State.SENT, event="sent", transfer_id="t1")], NOW + 2)
    ((found, _),) = await spool.show("M1-1")
    assert moved == [False]
    assert (found.state, found.transfer_id) == (State.DELIVERED, "t1")


async def test_a_report_that_knows_only_the_transfer_id_waits_for_the_answer(spool: Store) -> None:
    await spool.accept(intake(delivery(state=State.SENDING)))
    early = Report(notification_id="n", state=ReportState.DELIVERED, transfer_id="t9")
    assert not await spool.report(early, NOW + 1)
    await spool.move([Step(id="M1-1", to=State.SENT, event="sent", transfer_id="t9")], NOW + 2)
    ((found, _),) = await spool.show("M1-1")
    assert found.state is State.DELIVERED


async def test_a_report_never_touches_a_mail(spool: Store) -> None:
    await spool.accept(intake(delivery(channel=Channel.MAIL, state=State.SENT)))
    report = Report(notification_id="n", state=ReportState.REJECTED, client_message_id="M1-1")
    assert not await spool.report(report, NOW)


async def test_recovery(opened: Callable[[], Awaitable[Store]]) -> None:
    killed = await opened()
    await killed.accept(
        intake(
            delivery(1, state=State.SENDING),
            delivery(2, channel=Channel.MAIL, state=State.SENDING),
            delivery(3),
        )
    )
    await leased(killed, NOW + 300)
    spool = await restarted(killed, opened)
    assert await spool.recover(NOW + 10) == (1, 1)
    states = [found.state for found, _ in await spool.show("M1")]
    assert states == [State.UNKNOWN, State.QUEUED, State.QUEUED]
    assert [item.id for item in await spool.start(Channel.SMS, 10, NOW + 10, NOW + 300, (), ())] == ["M1-3"]
    await spool.close()


async def test_row_56_a_mail_that_is_under_way_at_each_crash_is_held_and_others_flow(
    opened: Callable[[], Awaitable[Store]],
) -> None:
    spool = await opened()
    poison = delivery(1, channel=Channel.MAIL)
    other = delivery(2, channel=Channel.MAIL, next_at=NOW + 5)
    await spool.accept(intake(poison, other))
    states = []
    for crash in range(1, MOST_STOPS + 1):
        now = NOW + crash
        begun = await spool.start(Channel.MAIL, 1, now, now + 300, (), ())
        assert [item.id for item in begun] == ["M1-1"]
        spool = await restarted(spool, opened)
        await spool.recover(now)
        states.append((await spool.show("M1-1"))[0][0].state)
    assert states == [State.QUEUED] * (MOST_STOPS - 1) + [State.HELD]
    assert (await spool.show("M1-1"))[0][0].attempts == MOST_STOPS
    (alert,) = await spool.alerts(9)
    assert "smsbridge queue release M1-1" in alert.text
    assert [item.id for item in await spool.start(Channel.MAIL, 9, NOW + 9, NOW + 300, (), ())] == ["M1-2"]
    await spool.close()


async def test_what_the_phone_may_have_is_not_held(spool: Store) -> None:
    """A release would send it again, and no `--yes` is asked of a release."""
    await spool.accept(intake(delivery(state=State.UNKNOWN)))
    assert await spool.move([Step(id="M1-1", to=State.HELD, event="held")], NOW) == [False]
    assert State.HELD not in MOVES[State.UNKNOWN]
    assert State.SENDING not in MOVES[State.HELD]
