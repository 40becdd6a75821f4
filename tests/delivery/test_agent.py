"""One channel's delivery against a scripted carrier, on a real spool, with a clock that the test turns."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import pytest

from bridge.delivery import Agent
from bridge.delivery.agent import LEASE
from bridge.delivery.decide import PROBE_EVERY
from bridge.delivery.pace import Pace
from bridge.message import Channel, Delivery, Receipt, Report, ReportState, Scope, State, Verdict
from bridge.spool import Event, Step, sqlite
from bridge.spool.sqlite import SqliteSpool, open_spool
from tests.make import NOW, delivery, intake
from tests.wait import until, until_async

OK = Receipt(verdict=Verdict.ACCEPTED, code="2000", text="ok", transfer_id="t")
OURS = Receipt(verdict=Verdict.OURS, scope=Scope.ACCOUNT, code="4001", text="INVALID_CREDENTIALS")


@dataclass
class Scripted:
    """A carrier that answers by what the test wrote down for it, and remembers what it was given."""

    spool: SqliteSpool
    answers: dict[str, Receipt | BaseException] = field(default_factory=dict)  # by delivery id
    default: Receipt = OK
    gate: asyncio.Event | None = None  # calls wait for it
    gates: dict[str, asyncio.Event] = field(default_factory=dict)  # by delivery id, instead of that
    calls: list[Delivery] = field(default_factory=list)
    states: list[State] = field(default_factory=list)  # in the spool, at the moment of the call
    now: int = 0
    most: int = 0

    async def send(self, delivery: Delivery, now: float) -> Receipt:
        self.calls.append(delivery)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            ((found, _),) = await self.spool.show(delivery.id)
            self.states.append(found.state)
            gate = self.gates.get(delivery.id, self.gate)
            if gate is not None:
                await gate.wait()
            answer = self.answers.get(delivery.id, self.default)
            if isinstance(answer, BaseException):
                raise answer
            return answer
        finally:
            self.now -= 1


@dataclass
class Rig:
    """An agent that runs, and what surrounds it."""

    spool: SqliteSpool
    carrier: Scripted
    now: float = NOW
    agents: list[tuple[Agent, "asyncio.Task[None]"]] = field(default_factory=list)

    def start(self, *, channel: Channel = Channel.SMS, max_in_flight: int = 4, rate: float = 0.0) -> Agent:
        agent = Agent(
            channel=channel,
            carrier=lambda: self.carrier,
            spool=self.spool,
            clock=lambda: self.now,
            jitter=lambda: 0.5,
            max_in_flight=max_in_flight,
            pace=Pace(rate),
        )
        self.agents.append((agent, asyncio.create_task(agent.run())))
        return agent

    async def put(self, *deliveries: Delivery) -> None:
        await self.spool.accept(intake(*deliveries))

    async def states(self, mail: str = "M1") -> list[State]:
        return [found.state for found, _ in await self.spool.show(mail)]

    async def reach(self, *states: State, mail: str = "M1") -> None:
        async def reached() -> bool:
            return await self.states(mail) == list(states)

        await until_async(reached, f"{states}")

    async def history(self, name: str = "M1-1") -> list[Event]:
        ((_, events),) = await self.spool.show(name)
        return events

    async def calls(self, count: int) -> None:
        await until(lambda: len(self.carrier.calls) >= count, f"{count} calls")

    async def turn(self, agent: Agent, seconds: float) -> None:
        self.now += seconds
        agent.wake()


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr("bridge.delivery.agent.POLL", 0.02)  # what a command queued is found without a wake
    monkeypatch.setattr("bridge.delivery.outcomes.SETTLE_AGAIN", 0.02)
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.02)
    spool = await open_spool(tmp_path / "s.db")
    made = Rig(spool, Scripted(spool))
    yield made
    for agent, task in made.agents:
        await agent.stop(0)
        await asyncio.wait_for(task, 5)
    await spool.close()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    other = apsw.Connection(str(path))
    other.set_busy_timeout(5000)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


async def test_sending_is_committed_before_the_call(rig: Rig) -> None:
    rig.start()
    await rig.put(*(delivery(number) for number in range(1, 31)))
    await rig.reach(*[State.SENT] * 30)
    assert rig.carrier.states == [State.SENDING] * 30
    assert sorted(call.id for call in rig.carrier.calls) == sorted(f"M1-{number}" for number in range(1, 31))
    assert {call.attempts for call in rig.carrier.calls} == {1}
    assert [event.event for event in await rig.history()] == ["queued", "sending", "sent"]


@pytest.mark.parametrize("most", [1, 3])
async def test_row_95_never_more_calls_than_allowed(rig: Rig, most: int) -> None:
    rig.carrier.gate = asyncio.Event()
    agent = rig.start(max_in_flight=most)
    await rig.put(*(delivery(number) for number in range(1, 11)))
    await rig.calls(most)
    for _ in range(20):
        agent.wake()
        await asyncio.sleep(0.001)
    assert (rig.carrier.now, agent.in_flight) == (most, most)
    assert (await rig.states()).count(State.SENDING) == most  # what a crash could make unknown
    rig.carrier.gate.set()
    await rig.reach(*[State.SENT] * 10)
    assert rig.carrier.most == most


async def test_row_95_nor_by_whoever_stood_in_line_for_a_turn(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was free when answers asked for a turn, another turn may have taken before they had theirs."""
    started, free = rig.spool.start, asyncio.Event()
    waiting = 0

    async def slow(*asked: Any) -> list[Delivery]:
        nonlocal waiting
        found = await started(*asked)
        waiting += 1
        await free.wait()
        return found

    rig.carrier.gates = {f"M1-{number}": asyncio.Event() for number in range(1, 5)}
    rig.carrier.gate = asyncio.Event()
    await rig.put(*(delivery(number) for number in range(1, 5)))
    agent = rig.start(max_in_flight=4)
    await rig.calls(4)
    monkeypatch.setattr(rig.spool, "start", slow)
    rig.carrier.gates["M1-1"].set()
    await until(lambda: waiting, "a turn under way")  # there was nothing more
    rig.carrier.gates["M1-2"].set()
    rig.carrier.gates["M1-3"].set()
    await until(lambda: rig.carrier.now == 1, "more answers")
    await rig.put(*(delivery(number, mail="M2") for number in range(1, 11)))
    for _ in range(20):
        agent.wake()
        await asyncio.sleep(0.001)
    free.set()
    await rig.calls(7)
    for _ in range(20):
        agent.wake()
        await asyncio.sleep(0.001)
    assert rig.carrier.most <= 4
    for gate in (rig.carrier.gate, *rig.carrier.gates.values()):
        gate.set()
    await rig.reach(*[State.SENT] * 10, mail="M2")
    assert rig.carrier.most <= 4


async def test_what_a_command_queued_is_found_without_a_wake(rig: Rig) -> None:
    rig.start()
    await asyncio.sleep(0.03)
    await rig.put(delivery())
    await rig.reach(State.SENT)


async def test_channels_keep_to_themselves(rig: Rig) -> None:
    rig.start(channel=Channel.MAIL)
    await rig.put(delivery(1), delivery(2, channel=Channel.MAIL))
    await rig.reach(State.QUEUED, State.SENT)


async def test_a_temporary_answer_is_tried_again_when_it_is_due(rig: Rig) -> None:
    rig.carrier.answers["M1-1"] = Receipt(verdict=Verdict.TEMPORARY, code="5003")
    agent = rig.start()
    await rig.put(delivery())
    await rig.calls(1)
    await rig.reach(State.QUEUED)
    rig.carrier.answers.clear()
    await rig.turn(agent, 1)
    await asyncio.sleep(0.05)
    assert len(rig.carrier.calls) == 1
    await rig.turn(agent, 5)
    await rig.reach(State.SENT)
    assert [call.attempts for call in rig.carrier.calls] == [1, 2]
    assert rig.carrier.calls[0].payload == rig.carrier.calls[1].payload


async def test_row_92_an_expired_delivery_is_not_sent(rig: Rig) -> None:
    rig.start()
    await rig.put(delivery(1, expires_at=NOW), delivery(2))
    await rig.reach(State.QUEUED, State.SENT)
    assert [call.id for call in rig.carrier.calls] == ["M1-2"]


async def test_an_operators_hold_between_claim_and_start_is_respected(rig: Rig) -> None:
    rig.carrier.gate = asyncio.Event()
    rig.start(max_in_flight=1)
    await rig.put(delivery(1), delivery(2), delivery(3))  # all are claimed together, one starts
    await rig.calls(1)
    hold = Step(id="M1-2", to=State.HELD, event="held")
    drop = Step(id="M1-3", to=State.DROPPED, event="dropped")
    assert await rig.spool.move([hold, drop], NOW) == [True, True]
    rig.carrier.gate.set()
    await rig.reach(State.SENT, State.HELD, State.DROPPED)
    assert len(rig.carrier.calls) == 1
    await rig.spool.move([Step(id="M1-2", to=State.QUEUED, event="released", next_at=NOW)], NOW)
    await rig.reach(State.SENT, State.SENT, State.DROPPED)


async def test_a_paused_account_sends_exactly_one_probe_and_drains_when_it_is_well(rig: Rig) -> None:
    rig.carrier.default = OURS
    agent = rig.start(max_in_flight=1)
    await rig.put(*(delivery(number) for number in range(1, 21)))
    await rig.calls(1)
    await until(lambda: agent.pauses.scopes)
    await asyncio.sleep(0.1)
    assert len(rig.carrier.calls) == 1
    await rig.turn(agent, PROBE_EVERY)
    await rig.calls(2)
    await asyncio.sleep(0.1)
    assert len(rig.carrier.calls) == 2
    assert rig.carrier.calls[0].id != rig.carrier.calls[1].id  # one odd message is not every probe
    assert set(await rig.states()) == {State.QUEUED}  # nothing is bounced
    assert {found.attempts for found, _ in await rig.spool.show("M1")} == {0}  # and nothing is counted
    assert [alert.text for alert in await rig.spool.alerts(9)] == [
        "All sms delivery is paused: 4001 INVALID_CREDENTIALS. Nothing is lost or bounced while it is; "
        "a probe goes now and then."
    ]
    rig.carrier.default = OK
    await rig.turn(agent, PROBE_EVERY)
    await rig.reach(*[State.SENT] * 20)


async def test_calls_under_way_when_the_pause_begins_are_all_that_go(rig: Rig) -> None:
    rig.carrier.default = OURS
    rig.carrier.gate = asyncio.Event()
    rig.start(max_in_flight=4)
    await rig.put(*(delivery(number) for number in range(1, 21)))
    await rig.calls(4)
    rig.carrier.gate.set()
    await rig.reach(*[State.QUEUED] * 20)
    await asyncio.sleep(0.1)
    assert len(rig.carrier.calls) == 4
    assert len(await rig.spool.alerts(9)) == 1


async def test_a_paused_route_does_not_stop_another(rig: Rig) -> None:
    rig.carrier.answers = {f"M1-{number}": replace(OURS, scope=Scope.ROUTE, code="4003") for number in range(1, 61)}
    agent = rig.start(max_in_flight=1)
    bad = [delivery(number, route="bad", next_at=NOW - 100) for number in range(1, 61)]  # all older than the good
    await rig.put(*bad, *(delivery(number, route="good") for number in range(61, 66)))
    await rig.reach(*[State.QUEUED] * 60, *[State.SENT] * 5)
    assert len([call for call in rig.carrier.calls if call.route == "bad"]) == 1
    await rig.turn(agent, PROBE_EVERY)
    await rig.put(delivery(1, mail="M2", route="good"))
    await rig.reach(State.SENT, mail="M2")
    assert len([call for call in rig.carrier.calls if call.route == "bad"]) == 2


async def test_a_held_message_is_said_to_the_operator(rig: Rig) -> None:
    rig.carrier.default = Receipt(verdict=Verdict.OURS, scope=Scope.MESSAGE, code="4099", text="?")
    agent = rig.start()
    await rig.put(delivery())
    await rig.reach(State.HELD)
    await until_async(lambda: rig.spool.alerts(9))
    (alert,) = await rig.spool.alerts(9)
    assert "M1-1" in alert.text
    assert not agent.pauses.scopes


@pytest.mark.parametrize(
    ("channel", "state"), [(Channel.SMS, State.UNKNOWN), (Channel.MAIL, State.QUEUED)], ids=["sms", "mail"]
)
async def test_a_carrier_with_a_bug_leaves_an_unknown_and_not_a_hang(rig: Rig, channel: Channel, state: State) -> None:
    rig.carrier.answers["M1-1"] = ZeroDivisionError("a bug of ours")
    rig.start(channel=channel)
    await rig.put(delivery(1, channel=channel), delivery(2, channel=channel))
    await rig.reach(state, State.SENT)


@pytest.mark.parametrize(
    ("channel", "state"), [(Channel.SMS, State.UNKNOWN), (Channel.MAIL, State.QUEUED)], ids=["sms", "mail"]
)
async def test_stopping_gives_calls_their_grace_then_notes_them_as_lost(
    rig: Rig, channel: Channel, state: State
) -> None:
    rig.carrier.gate = asyncio.Event()
    agent = rig.start(channel=channel, max_in_flight=1)
    await rig.put(delivery(1, channel=channel), delivery(2, channel=channel))
    await rig.calls(1)
    await agent.stop(0.01)
    assert await rig.states() == [state, State.QUEUED]
    due = await rig.spool.start(channel, 9, NOW + 99, NOW + 999, (), ())
    assert len(due) == 1 + (state is State.QUEUED)  # no lease stays
    assert len(rig.carrier.calls) == 1


async def test_stopping_waits_for_an_answer_that_comes_in_time(rig: Rig) -> None:
    rig.carrier.gate = asyncio.Event()
    agent = rig.start(max_in_flight=1)
    await rig.put(delivery(1), delivery(2))
    await rig.calls(1)
    stopping = asyncio.create_task(agent.stop(10))
    await asyncio.sleep(0)
    rig.carrier.gate.set()
    await stopping
    assert await rig.states() == [State.SENT, State.QUEUED]
    assert len(rig.carrier.calls) == 1


async def test_row_72_an_outcome_that_cannot_be_written_is_written_later(rig: Rig, tmp_path: Path) -> None:
    rig.carrier.gate = asyncio.Event()
    rig.start()
    await rig.put(delivery())
    await rig.calls(1)
    with locked(tmp_path / "s.db"):
        rig.carrier.gate.set()
        await until(lambda: not rig.carrier.now)
        await asyncio.sleep(0.1)
        assert await rig.states() == [State.SENDING]
    await rig.reach(State.SENT)
    assert len(rig.carrier.calls) == 1


async def test_what_could_not_begin_goes_when_the_store_is_back(rig: Rig, tmp_path: Path) -> None:
    """The store is busy for a while: an alarm waits no longer than that."""
    rig.start(max_in_flight=8, rate=20.0)
    await rig.put(*(delivery(number) for number in range(1, 9)))
    await rig.calls(2)  # the others wait for the pace
    with locked(tmp_path / "s.db"):
        await asyncio.sleep(0.3)  # several try to begin meanwhile
    await rig.reach(*[State.SENT] * 8)
    assert len(rig.carrier.calls) == 8


async def test_a_lease_that_lapsed_sends_nothing_twice(rig: Rig) -> None:
    rig.carrier.gate = asyncio.Event()
    agent = rig.start(max_in_flight=1)
    await rig.put(*(delivery(number) for number in range(1, 6)))
    await rig.calls(1)
    rig.now += LEASE + 1
    await rig.spool.release_leases(rig.now)
    second = rig.start(max_in_flight=4)
    await rig.calls(5)
    rig.carrier.gate.set()
    await rig.reach(*[State.SENT] * 5)
    await until(lambda: agent.in_flight + second.in_flight == 0)
    assert sorted(call.id for call in rig.carrier.calls) == [f"M1-{number}" for number in range(1, 6)]


async def test_a_report_that_overtakes_the_answer_stands(rig: Rig) -> None:
    rig.carrier.gate = asyncio.Event()
    agent = rig.start()
    await rig.put(delivery())
    await rig.calls(1)
    report = Report(notification_id="n", state=ReportState.DELIVERED, client_message_id="M1-1")
    assert await rig.spool.report(report, NOW)
    rig.carrier.gate.set()
    await until(lambda: agent.in_flight == 0)
    assert await rig.states() == [State.DELIVERED]


async def test_the_rate_is_kept(rig: Rig) -> None:
    rig.start(max_in_flight=50, rate=20.0)
    await rig.put(*(delivery(number) for number in range(1, 11)))
    begun = asyncio.get_running_loop().time()
    await rig.calls(10)
    # Ten calls at twenty a second have nine gaps; a slow machine only makes it longer.
    assert asyncio.get_running_loop().time() - begun >= 9 / 20 - 0.01


async def test_row_92_after_a_night_off_everything_goes_oldest_and_urgent_first(rig: Rig) -> None:
    await rig.put(
        *(delivery(number, next_at=NOW - number, urgent=number > 40) for number in range(1, 46)),
        delivery(46, next_at=NOW - 99, expires_at=NOW - 1),  # it came too late and is not sent
    )
    rig.start(max_in_flight=1)
    await rig.calls(45)
    order = [int(call.id.removeprefix("M1-")) for call in rig.carrier.calls]
    assert order == [*range(45, 40, -1), *range(40, 0, -1)]
    await rig.reach(*[State.SENT] * 45, State.QUEUED)


async def test_row_72_the_spool_may_be_away_for_a_while(rig: Rig, tmp_path: Path) -> None:
    await rig.put(delivery())
    with locked(tmp_path / "s.db"):
        rig.start()
        await asyncio.sleep(0.1)
        assert not rig.carrier.calls
    await rig.reach(State.SENT)


@pytest.mark.parametrize("verdict", [Verdict.ACCEPTED, Verdict.UNKNOWN])
async def test_an_outcome_that_cannot_be_stored_is_stored_without_its_words(rig: Rig, verdict: Verdict) -> None:
    """Else it would stay in SENDING until the next start, and a probe would keep its place for ever."""
    rig.carrier.default = OURS
    agent = rig.start(max_in_flight=1)
    await rig.put(delivery(1, next_at=NOW - 2), delivery(2, next_at=NOW - 1), delivery(3))
    await until(lambda: agent.pauses.scopes)
    await until(lambda: agent.in_flight == 0)
    rig.carrier.default = Receipt(verdict=verdict, text="\ud800", transfer_id="t")  # no SQLite text
    await rig.turn(agent, PROBE_EVERY)
    await rig.calls(2)
    await until(lambda: agent.in_flight == 0)
    state = {Verdict.ACCEPTED: State.SENT, Verdict.UNKNOWN: State.UNKNOWN}[verdict]
    assert (await rig.states())[1] is state
    rig.carrier.default = OK
    await rig.turn(agent, PROBE_EVERY)
    await rig.reach(State.SENT, state, State.SENT)


async def test_a_clock_that_is_set_back_does_not_stop_delivery(rig: Rig) -> None:
    rig.start(rate=50.0)
    await rig.put(delivery())
    await rig.reach(State.SENT)
    rig.now -= 600
    await rig.put(*(delivery(number, mail="M2", created_at=rig.now, next_at=rig.now) for number in range(1, 4)))
    await rig.reach(*[State.SENT] * 3, mail="M2")


async def test_five_lost_answers_in_a_row_pause_the_account(rig: Rig) -> None:
    rig.carrier.default = Receipt(verdict=Verdict.UNKNOWN, code="lost")
    agent = rig.start(max_in_flight=1)
    await rig.put(*(delivery(number) for number in range(1, 21)))
    await until(lambda: agent.pauses.scopes)
    await asyncio.sleep(0.05)
    assert len(rig.carrier.calls) == 5
    assert await rig.states() == [State.UNKNOWN] * 5 + [State.QUEUED] * 15
    rig.carrier.default = OK
    await rig.turn(agent, PROBE_EVERY)
    await rig.reach(*[State.UNKNOWN] * 5, *[State.SENT] * 15)


@contextlib.asynccontextmanager
async def starting(rig: Rig) -> AsyncIterator[Agent]:
    """While this is open the agent waits for the store, which it asked to put something into SENDING."""
    await rig.put(delivery())
    gate = threading.Event()
    blocked = asyncio.create_task(rig.spool.writer.run(lambda _: gate.wait(20)))
    await asyncio.sleep(0)  # it is asked for before the agent asks
    try:
        agent = rig.start()
        await until(agent._turn.locked, "the agent starts something")
        yield agent
    finally:
        gate.set()
        await blocked


async def test_what_may_not_start_any_more_is_given_back(rig: Rig) -> None:
    """A pause began while SENDING was being committed: no call is made, none is counted."""
    async with starting(rig) as agent:
        agent.pauses.answered(delivery(9), OURS, rig.now)
    await until_async(lambda: given_back(rig), "it is given back")
    assert not rig.carrier.calls
    await rig.turn(agent, PROBE_EVERY)
    await rig.reach(State.SENT)
    assert [call.attempts for call in rig.carrier.calls] == [1]


async def test_what_was_about_to_start_when_the_bridge_stopped_is_given_back(rig: Rig) -> None:
    async with starting(rig) as agent:
        stopping = asyncio.create_task(agent.stop(5))
        await asyncio.sleep(0)
    await stopping
    assert await given_back(rig)
    assert not rig.carrier.calls


async def given_back(rig: Rig) -> bool:
    events = [event.event for event in await rig.history()]
    return events == ["queued", "sending", "deferred"] and await rig.states() == [State.QUEUED]


async def test_throttling_leaves_a_pace_behind(rig: Rig) -> None:
    rig.carrier.default = Receipt(verdict=Verdict.THROTTLED, scope=Scope.ACCOUNT, code="4023")
    begun = asyncio.get_running_loop().time()
    agent = rig.start(max_in_flight=8)
    await rig.put(delivery(1))
    await until(lambda: agent.pauses.scopes)
    rig.carrier.default = OK
    await rig.turn(agent, 60)
    await rig.put(*(delivery(number, mail="M2") for number in range(1, 3)))
    await rig.reach(State.SENT, State.SENT, mail="M2")
    # One call in a second was too fast: from the complaint on each waits for its own second.
    assert asyncio.get_running_loop().time() - begun >= 2 - 0.01


async def test_the_operator_reads_what_to_do(rig: Rig) -> None:
    agent = Agent(
        channel=Channel.SMS,
        carrier=lambda: rig.carrier,
        spool=rig.spool,
        clock=lambda: rig.now,
        jitter=lambda: 0.5,
        max_in_flight=1,
        explain=lambda code: f"what to do about {code}",
    )
    rig.agents.append((agent, asyncio.create_task(agent.run())))
    rig.carrier.default = OURS
    await rig.put(delivery())
    (alert,) = await until_async(lambda: rig.spool.alerts(9))
    assert alert.text.startswith("All sms delivery is paused: 4001 INVALID_CREDENTIALS.")
    assert alert.text.endswith("\nwhat to do about 4001")


async def test_a_higher_price_is_told_once_an_hour(rig: Rig) -> None:
    agent = rig.start(max_in_flight=1)
    rig.carrier.default = replace(OK, parts=2)

    async def send(number: int) -> int:
        await rig.put(delivery(mail=f"P{number}"))
        await rig.reach(State.SENT, mail=f"P{number}")
        return len(await rig.spool.alerts(99))

    async def told() -> bool:
        return bool(await rig.spool.alerts(99))

    await send(1)
    await until_async(told)
    assert [await send(number) for number in range(2, 5)] == [1, 1, 1]
    await rig.turn(agent, 3600.0)
    await send(5)

    async def told_again() -> bool:
        return len(await rig.spool.alerts(99)) == 2

    await until_async(told_again)
    (first, _) = await rig.spool.alerts(99)
    assert "P1-1 cost 2 SMS where the bridge counted 1" in first.text


async def test_what_is_urgent_does_not_wait_behind_what_a_slow_pace_has_claimed(rig: Rig) -> None:
    agent = rig.start(max_in_flight=8, rate=5.0)
    await rig.put(*(delivery(number) for number in range(1, 9)))
    await rig.calls(1)
    await rig.put(delivery(mail="ALARM", urgent=True))
    agent.wake()
    await rig.calls(3)
    assert "ALARM-1" in [call.id for call in rig.carrier.calls[:3]]


async def _many_under_way(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Agent:
    """Nine calls; that of the first of ten deliveries is settled, and for long no others because of their time."""
    monkeypatch.setattr("bridge.delivery.agent.SETTLE_EVERY", 1e9)
    rig.carrier.gates = {f"M1-{number}": asyncio.Event() for number in range(1, 11)}
    agent = rig.start(max_in_flight=20)
    await rig.put(*(delivery(number) for number in range(1, 11)))
    await rig.calls(10)
    rig.carrier.gates["M1-1"].set()
    await rig.reach(State.SENT, *[State.SENDING] * 9)
    return agent


def _under_way(rig: Rig, calls: int) -> bool:
    return rig.carrier.now == calls


async def test_answers_that_come_one_by_one_share_a_commit(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    await _many_under_way(rig, monkeypatch)
    for number in (2, 3):
        rig.carrier.gates[f"M1-{number}"].set()
        await until(partial(_under_way, rig, 10 - number), "it is answered")
    await rig.spool.probe()  # a commit behind theirs, if they had one
    assert await rig.states() == [State.SENT, *[State.SENDING] * 9]
    rig.carrier.gates["M1-4"].set()  # now half as many are answered as are under way
    await rig.reach(*[State.SENT] * 4, *[State.SENDING] * 6)


async def test_what_is_learnt_from_is_settled_at_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    await _many_under_way(rig, monkeypatch)
    rig.carrier.answers["M1-2"] = OURS
    rig.carrier.gates["M1-2"].set()
    await rig.reach(State.SENT, State.QUEUED, *[State.SENDING] * 8)


async def test_stopping_settles_what_waits_for_others(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = await _many_under_way(rig, monkeypatch)
    rig.carrier.gates["M1-2"].set()
    await until(partial(_under_way, rig, 8), "it is answered")
    await agent.stop(0)
    assert await rig.states() == [State.SENT, State.SENT, *[State.UNKNOWN] * 8]
