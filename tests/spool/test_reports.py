"""Handset reports in any order, repeated, early, late, and for nobody."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.message import Report, ReportState, State
from bridge.spool import Step
from bridge.spool.sqlite import open_spool
from tests.make import NOW, delivery, intake
from tests.spool.stores import Store, look

REPORT = Report(notification_id="n", state=ReportState.DELIVERED, client_message_id="M1-1")


async def state_of(spool: Store, name: str = "M1-1") -> State:
    ((found, _),) = await spool.show(name)
    return found.state


async def test_a_report_is_written_down_with_the_providers_words(spool: Store) -> None:
    await spool.accept(intake(delivery(state=State.SENT)))
    await spool.report(replace(REPORT, state=ReportState.REJECTED, text="deliveredAs=x"), NOW + 1)
    ((found, events),) = await spool.show("M1-1")
    assert (found.state, found.status, found.reason) == (State.FAILED, "5.7.1", "deliveredAs=x")
    assert [(event.event, event.code) for event in events] == [
        ("sent", ""),
        ("report", "rejected"),
        ("bounced", "report rejected"),
    ]


@pytest.mark.parametrize(
    ("state", "status"),
    [(ReportState.EXPIRED, "4.4.7"), (ReportState.DELETED, "5.2.0"), (ReportState.REJECTED, "5.7.1")],
)
async def test_a_final_bad_report_tells_the_author(spool: Store, state: ReportState, status: str) -> None:
    await spool.accept(intake(delivery(state=State.SENT)))
    await spool.report(replace(REPORT, state=state), NOW + 1)
    ((item,),) = (await spool.telling(NOW + 1, NOW + 1, 9),)
    assert (item.told, item.delivery.status) == ("failed", status)


async def test_a_report_that_comes_again_tells_nobody_again(spool: Store) -> None:
    await spool.accept(intake(delivery(state=State.SENT)))
    for _ in range(3):
        assert await spool.report(replace(REPORT, state=ReportState.EXPIRED), NOW + 1)
    due = await spool.telling(NOW + 1, NOW + 1, 9)
    await spool.accept(intake(id="N", kind="notice", told=[(item.delivery.id, item.told) for item in due]))
    await spool.report(replace(REPORT, state=ReportState.EXPIRED), NOW + 2)
    assert await spool.telling(NOW + 99, NOW + 99, 9) == []


async def test_a_report_that_comes_again_is_written_down_once(spool: Store) -> None:
    await spool.accept(intake(delivery(state=State.SENT)))
    same = replace(REPORT, state=ReportState.UNDELIVERED, text="sentOn=x")
    for at in range(3):
        assert await spool.report(same, NOW + at)
    # other ids, and other words under the same id, are other reports
    assert await spool.report(replace(same, notification_id="n2"), NOW + 4)
    assert await spool.report(replace(same, state=ReportState.DELIVERED), NOW + 5)
    ((_, events),) = await spool.show("M1-1")
    assert [event.at for event in events if event.event == "report"] == [NOW, NOW + 4, NOW + 5]
    assert await state_of(spool) is State.DELIVERED


async def test_an_operators_retry_is_not_undone_by_an_old_report(spool: Store) -> None:
    await spool.accept(intake(delivery(state=State.SENT)))
    rejected = replace(REPORT, state=ReportState.REJECTED)
    await spool.report(rejected, NOW + 1)
    assert (await spool.move([Step(id="M1-1", to=State.QUEUED, event="retried", next_at=NOW)], NOW + 2)) == [True]
    await spool.report(rejected, NOW + 3)
    assert await state_of(spool) is State.QUEUED


async def test_an_early_report_that_comes_again_is_kept_once(spool: Store) -> None:
    await spool.accept(intake(delivery(state=State.SENDING)))
    early = replace(REPORT, client_message_id=None, transfer_id="t", text="deliveredAs=sms")
    for _ in range(3):
        assert not await spool.report(early, NOW + 1)
    await spool.move([Step(id="M1-1", to=State.SENT, event="sent", transfer_id="t")], NOW + 2)
    assert await spool.report(early, NOW + 3)
    ((_, events),) = await spool.show("M1-1")
    assert [(event.event, event.text) for event in events if event.event == "report"] == [("report", "deliveredAs=sms")]


async def test_whatever_names_nobody_is_kept(spool: Store) -> None:
    for number, changes in enumerate(({"client_message_id": "x-1"}, {"client_message_id": None, "transfer_id": "t"})):
        await spool.report(replace(REPORT, notification_id=f"n{number}", phone="436600000001", **changes), NOW)  # type: ignore[arg-type]  # its own fields
    kept = await look(spool, "SELECT transfer_id, client_message_id, phone, state FROM orphans")
    assert kept == [(None, "x-1", "436600000001", "delivered"), ("t", None, "436600000001", "delivered")]


async def test_the_clients_id_counts_before_the_transfer_id(spool: Store) -> None:
    await spool.accept(intake(delivery(1, state=State.SENT), delivery(2, state=State.SENT, transfer_id="t")))
    await spool.report(replace(REPORT, transfer_id="t"), NOW)
    assert await state_of(spool, "M1-1") is State.DELIVERED
    assert await state_of(spool, "M1-2") is State.SENT
    assert await spool.report(replace(REPORT, client_message_id="not ours", transfer_id="t"), NOW)
    assert await state_of(spool, "M1-2") is State.DELIVERED


async def test_a_report_for_nobody_is_no_error(spool: Store) -> None:
    assert not await spool.report(replace(REPORT, client_message_id="x-1"), NOW)
    assert not await spool.report(replace(REPORT, client_message_id=None, transfer_id="t"), NOW)
    assert not await spool.report(replace(REPORT, client_message_id="M1"), NOW)  # a mail's id is no delivery's


async def test_reports_before_the_answer_settle_in_their_order(spool: Store) -> None:
    await spool.accept(intake(delivery(state=State.SENDING)))
    early = replace(REPORT, client_message_id=None, transfer_id="t")
    await spool.report(replace(early, state=ReportState.DELIVERED), NOW + 2)
    await spool.report(replace(early, state=ReportState.ACCEPTED), NOW + 1)
    await spool.move([Step(id="M1-1", to=State.SENT, event="sent", transfer_id="t")], NOW + 3)
    assert await state_of(spool) is State.DELIVERED
    # and they are used up
    await spool.accept(intake(delivery(mail="M2", state=State.SENDING), id="M2"))
    await spool.move([Step(id="M2-1", to=State.SENT, event="sent", transfer_id="t")], NOW + 4)
    assert await state_of(spool, "M2-1") is State.SENT


async def test_undelivered_is_not_final_but_fails_at_the_end_of_validity(spool: Store) -> None:
    await spool.accept(intake(delivery(1, state=State.SENT), delivery(2, state=State.SENT)))
    await spool.report(replace(REPORT, state=ReportState.UNDELIVERED), NOW + 1)
    assert await spool.expired(NOW + 86399, 9) == []
    assert [item.id for item in await spool.expired(NOW + 86400, 9)] == ["M1-1"]  # of M1-2 nothing bad is known
    await spool.report(replace(REPORT, state=ReportState.DELIVERED), NOW + 2)
    assert await spool.expired(NOW + 86400, 9) == []


@pytest.mark.parametrize("again", [State.QUEUED, State.HELD])
async def test_a_phone_that_has_it_ends_the_second_try(spool: Store, again: State) -> None:
    await spool.accept(intake(delivery(state=State.UNKNOWN, attempts=1)))
    await spool.move([Step(id="M1-1", to=State.QUEUED, event="resent", next_at=NOW)], NOW)
    if again is State.HELD:
        await spool.move([Step(id="M1-1", to=State.HELD, event="held")], NOW)
    await spool.report(REPORT, NOW + 1)
    assert await state_of(spool) is State.DELIVERED


FINAL = {ReportState.DELIVERED, ReportState.EXPIRED, ReportState.DELETED, ReportState.REJECTED}


async def test_in_whatever_order_they_come_delivered_wins(spool: Store) -> None:
    orders = itertools.permutations(
        [ReportState.ACCEPTED, ReportState.UNDELIVERED, ReportState.EXPIRED, ReportState.DELIVERED]
    )
    for number, order in enumerate(orders):
        name = f"P{number}"
        await spool.accept(intake(delivery(mail=name, state=State.SENDING), id=name))
        for state in order:
            await spool.report(replace(REPORT, state=state, client_message_id=f"{name}-1"), NOW + 1)
        await spool.move([Step(id=f"{name}-1", to=State.SENT, event="sent", transfer_id=name)], NOW + 2)
        assert await state_of(spool, f"{name}-1") is State.DELIVERED


async def test_no_sequence_of_reports_goes_backwards(tmp_path_factory: pytest.TempPathFactory) -> None:
    spool = await open_spool(tmp_path_factory.mktemp("spool") / "s.db")
    rank = {State.SENDING: 0, State.UNKNOWN: 0, State.SENT: 1, State.FAILED: 2, State.DELIVERED: 3}
    numbers = itertools.count()
    cases: list[tuple[State, list[ReportState]]] = []

    @settings(max_examples=60, database=None, deadline=None)
    @given(st.sampled_from(sorted(rank)), st.lists(st.sampled_from(ReportState), max_size=5))
    def collect(first: State, reports: list[ReportState]) -> None:
        cases.append((first, reports))

    collect()
    for first, reports in cases:
        name = f"H{next(numbers)}"
        await spool.accept(intake(delivery(mail=name, state=first), id=name))
        before = first
        for state in reports:
            await spool.report(replace(REPORT, state=state, client_message_id=f"{name}-1"), NOW + 1)
            after = await state_of(spool, f"{name}-1")
            assert rank[after] >= rank[before], (first, reports)
            before = after
        if ReportState.DELIVERED in reports:
            assert before is State.DELIVERED, (first, reports)
    await spool.close()


@pytest.mark.parametrize("early", [ReportState.ACCEPTED, ReportState.UNDELIVERED])
@pytest.mark.parametrize("how", ["the answer is lost", "the bridge is killed"])
async def test_who_reported_has_it_whatever_became_of_the_answer(spool: Store, early: ReportState, how: str) -> None:
    """Else a route that resends would send what the phone is about to get."""
    await spool.accept(intake(delivery(1, state=State.SENDING), delivery(2, state=State.SENDING)))
    await spool.report(replace(REPORT, state=early), NOW + 1)
    assert await state_of(spool) is State.SENDING
    if how == "the bridge is killed":
        assert await spool.recover(NOW + 2) == (1, 0)
    else:
        lost = [Step(id=f"M1-{number}", to=State.UNKNOWN, event="unknown", code="lost") for number in (1, 2)]
        assert await spool.move(lost, NOW + 2) == [True, True]
    assert await state_of(spool) is State.SENT
    assert await state_of(spool, "M1-2") is State.UNKNOWN  # of this nobody reported
