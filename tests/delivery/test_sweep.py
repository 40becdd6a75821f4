"""Lifetimes, lost answers, lapsed leases and retention, with a turned clock."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bridge.delivery import Sweep
from bridge.delivery.sweep import RESENDS
from bridge.message import Channel, Delivery, OnUnknown, Report, ReportState, State
from bridge.spool import Step
from bridge.spool.sqlite import SqliteSpool, open_spool
from tests.make import NOW, delivery, intake
from tests.spool.stores import leased


@dataclass
class Rig:
    spool: SqliteSpool
    now: float = NOW
    woken: list[Channel] = field(default_factory=list)
    keep: tuple[float, float] = (72 * 3600.0, 90 * 86400.0)

    def __post_init__(self) -> None:
        self.sweep = Sweep(spool=self.spool, clock=lambda: self.now, keep=lambda: self.keep, wake=self.woken.append)

    async def at(self, seconds: float) -> None:
        self.now = NOW + seconds
        await self.sweep.once()

    async def put(self, *deliveries: Delivery) -> None:
        await self.spool.accept(intake(*deliveries))

    async def found(self, name: str = "M1-1") -> Delivery:
        ((found, _),) = await self.spool.show(name)
        return found


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    spool = await open_spool(tmp_path / "s.db")
    yield Rig(spool)
    await spool.close()


@pytest.mark.parametrize("state", list(State))
async def test_a_lifetime_ends(rig: Rig, state: State) -> None:
    await rig.put(delivery(state=state, code="4001", reason="INVALID_CREDENTIALS"))
    await rig.at(86399)
    assert (await rig.found()).state is state
    await rig.at(86400)
    found = await rig.found()
    statuses = {State.QUEUED: "4.4.7", State.HELD: "4.4.7", State.UNKNOWN: "4.4.2"}
    if state not in statuses:  # under way, or done
        assert found.state is state
        return
    assert (found.state, found.status) == (State.FAILED, statuses[state])
    assert [item.told for item in await rig.spool.telling(rig.now, rig.now, 9)] == ["failed"]
    if state is not State.UNKNOWN:
        assert "INVALID_CREDENTIALS" in found.reason


async def test_a_leased_delivery_whose_life_is_over_fails_too(rig: Rig) -> None:
    await rig.put(delivery())
    await leased(rig.spool, NOW + 10**6)
    await rig.at(86400)
    assert (await rig.found()).state is State.FAILED


@pytest.mark.parametrize("on_unknown", list(OnUnknown))
async def test_the_routes_choice_after_its_wait(rig: Rig, on_unknown: OnUnknown) -> None:
    await rig.put(delivery(state=State.UNKNOWN, on_unknown=on_unknown, unknown_wait=180))
    await rig.at(179)
    assert (await rig.found()).state is State.UNKNOWN
    await rig.at(180)
    found = await rig.found()
    after = {OnUnknown.HOLD: State.UNKNOWN, OnUnknown.RESEND: State.QUEUED, OnUnknown.FAIL: State.FAILED}
    assert found.state is after[on_unknown]
    assert rig.woken == [Channel.SMS] * (on_unknown is OnUnknown.RESEND)
    if on_unknown is OnUnknown.FAIL:
        assert found.status == "4.4.2"
        await rig.spool.report(
            Report(notification_id="n", state=ReportState.DELIVERED, client_message_id="M1-1"), rig.now
        )
        assert (await rig.found()).state is State.DELIVERED  # a late report corrects the record


async def test_a_report_in_time_settles_it(rig: Rig) -> None:
    await rig.put(delivery(state=State.UNKNOWN, on_unknown=OnUnknown.RESEND))
    await rig.spool.report(Report(notification_id="n", state=ReportState.ACCEPTED, client_message_id="M1-1"), NOW + 1)
    await rig.at(10_000)
    assert (await rig.found()).state is State.SENT


async def test_an_alarm_goes_again_so_often_and_not_oftener(rig: Rig) -> None:
    await rig.put(delivery(state=State.UNKNOWN, on_unknown=OnUnknown.RESEND, unknown_wait=10))
    at = 0.0
    for _ in range(RESENDS):
        at += 10
        await rig.at(at)
        assert (await rig.found()).state is State.QUEUED
        for state in (State.SENDING, State.UNKNOWN):
            assert await rig.spool.move([Step(id="M1-1", to=state, event=state.value)], rig.now) == [True]
    await rig.at(at + 9)
    assert (await rig.found()).state is State.UNKNOWN
    await rig.at(at + 10)
    assert (await rig.found()).state is State.FAILED


async def test_a_mail_is_never_resent_as_unknown(rig: Rig) -> None:
    await rig.put(delivery(channel=Channel.MAIL))
    await rig.at(10_000)
    assert (await rig.found()).state is State.QUEUED


async def test_undelivered_fails_at_the_end_of_validity(rig: Rig) -> None:
    await rig.put(delivery(1, state=State.SENT), delivery(2, state=State.SENT))
    await rig.spool.report(Report(notification_id="n", state=ReportState.UNDELIVERED, client_message_id="M1-1"), NOW)
    await rig.at(86399)
    assert (await rig.found()).state is State.SENT
    await rig.at(86400)
    assert ((await rig.found()).state, (await rig.found()).status) == (State.FAILED, "5.2.0")
    assert (await rig.found("M1-2")).state is State.SENT  # no bad news is good news


async def test_a_lease_nobody_renewed_falls_back_and_wakes(rig: Rig) -> None:
    await rig.put(delivery())
    await leased(rig.spool, NOW + 300)
    await rig.at(300)
    assert not rig.woken
    await rig.at(301)
    assert set(rig.woken) == set(Channel)
    assert len(await rig.spool.start(Channel.SMS, 1, rig.now, rig.now + 300, (), ())) == 1


async def test_retention_runs_by_the_hour(rig: Rig) -> None:
    rig.keep = (3600, 7200)
    await rig.put(delivery(state=State.SENT))
    await rig.at(0)
    await rig.at(3601)
    assert (await rig.found()).payload == b""
    await rig.at(7201 + 3601)
    assert await rig.spool.show("M1") == []


async def test_more_than_one_look_holds_is_done_in_several(rig: Rig) -> None:
    await rig.put(*(delivery(number) for number in range(1, 1201)))
    await rig.at(86400)
    await rig.at(86401)
    await rig.at(86402)
    assert await rig.spool.open_count() == 0
