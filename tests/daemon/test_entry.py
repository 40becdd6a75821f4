"""What comes in goes out at once where nothing waits before it, and never twice."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bridge.daemon.entry import Entry
from bridge.delivery import Agent
from bridge.message import Channel, Delivery, Receipt, State, StoreUnavailable, Verdict
from bridge.spool import Accepted, Intake
from bridge.spool.sqlite import SqliteSpool, open_spool
from tests.make import NOW, delivery, intake
from tests.wait import until, until_async


@dataclass(slots=True)
class Carrier:
    """Takes what it is given, once it may."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    sent: list[str] = field(default_factory=list)
    given: list[Delivery] = field(default_factory=list)

    async def send(self, one: Delivery, now: float) -> Receipt:
        assert now == NOW
        self.sent.append(one.id)
        self.given.append(one)
        await self.gate.wait()
        return Receipt(verdict=Verdict.ACCEPTED, code="2000", transfer_id=one.id)


class Hall:
    """A spool, its entry, and an agent that has nothing to do."""

    def __init__(self, spool: SqliteSpool) -> None:
        self.spool = spool
        self.carrier = Carrier()
        self.woken: list[Channel] = []
        self.agent = Agent(
            channel=Channel.SMS,
            carrier=lambda: self.carrier,
            spool=spool,
            clock=lambda: NOW,
            jitter=lambda: 0.5,
            max_in_flight=2,
        )
        self.entry = Entry(spool, eager={Channel.SMS: self.agent}, clock=lambda: NOW, wake=self._wake)
        self.running: asyncio.Task[None] | None = None

    def _wake(self, channel: Channel) -> None:
        self.woken.append(channel)
        self.agent.wake()

    async def run(self) -> None:
        """Let the agent work until it has found that there is nothing."""
        self.running = asyncio.create_task(self.agent.run())
        await until(lambda: not self.agent._due, "the agent has looked round")

    async def state(self, identifier: str) -> str:
        found = await self.spool.show(identifier)
        return found[0][0].state.value if found else ""

    async def story(self, identifier: str) -> list[str]:
        return [event.event for event in (await self.spool.show(identifier))[0][1]]


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Hall]:
    made = Hall(await open_spool(tmp_path / "s.db"))
    yield made
    made.carrier.gate.set()
    await made.agent.stop(5)
    if made.running is not None:
        await made.running
    await made.spool.close()


def one(number: int, **changes: Any) -> Intake:
    return intake(delivery(mail=f"M{number}", **changes), seen=(b"key %d" % number,))


async def test_one_commit_and_it_is_under_way(hall: Hall) -> None:
    await hall.run()
    before = hall.spool.writer.commits
    accepted = await hall.entry.accept(one(1))
    assert not accepted.repeated
    assert hall.spool.writer.commits == before + 1
    await until(lambda: hall.carrier.sent == ["M1-1"], "the call is made")
    assert await hall.state("M1-1") == "sending"
    assert hall.carrier.given[0].attempts == 1
    assert hall.woken == []
    hall.carrier.gate.set()
    await until_async(lambda: _is(hall, "M1-1", "sent"), "it is settled")
    assert await hall.story("M1-1") == ["queued", "sending", "sent"]
    assert (await hall.spool.show("M1-1"))[0][0].attempts == 1


async def _is(hall: Hall, identifier: str, state: str) -> bool:
    return await hall.state(identifier) == state


async def test_what_comes_again_is_not_sent_again(hall: Hall) -> None:
    await hall.run()
    hall.carrier.gate.set()
    for _ in range(3):
        accepted = await hall.entry.accept(intake(delivery(mail="M1"), seen=(b"same",)))
        assert accepted.id == "M1"
        again = await hall.entry.accept(intake(delivery(mail="M2"), seen=(b"same",)))
        assert again == Accepted(id="M1", repeated=True)
    await until_async(lambda: _is(hall, "M1-1", "sent"), "it is settled")
    assert hall.carrier.sent == ["M1-1"]
    assert hall.agent.in_flight == 0


async def test_never_more_than_may_be_in_flight_and_nothing_is_forgotten(hall: Hall) -> None:
    await hall.run()
    await asyncio.gather(*(hall.entry.accept(one(number)) for number in range(20)))
    await until(lambda: len(hall.carrier.sent) == 2, "two calls are made")
    assert hall.agent.in_flight == 2
    hall.carrier.gate.set()
    await until_async(lambda: _open(hall, 0), "all are settled")
    assert sorted(hall.carrier.sent) == sorted(f"M{number}-1" for number in range(20))


async def _open(hall: Hall, number: int) -> bool:
    return await hall.spool.open_count() == number


@pytest.mark.parametrize(
    "changes",
    [{"state": State.HELD}, {"next_at": NOW + 1}, {"expires_at": NOW}, {"channel": Channel.MAIL}],
    ids=["held", "later", "over", "another channel"],
)
async def test_what_must_not_go_now_waits(hall: Hall, changes: dict[str, Any]) -> None:
    await hall.run()
    await hall.entry.accept(one(1, **changes))
    assert len(hall.woken) == 1
    await asyncio.sleep(0)
    assert hall.carrier.sent == []
    assert await hall.state("M1-1") == changes.get("state", State.QUEUED).value


async def test_several_are_found_by_the_agent(hall: Hall) -> None:
    await hall.run()
    hall.carrier.gate.set()
    await hall.entry.accept(intake(delivery(1), delivery(2)))
    assert hall.woken == [Channel.SMS]
    await until_async(lambda: _open(hall, 0), "both are settled")
    assert sorted(hall.carrier.sent) == ["M1-1", "M1-2"]


async def test_behind_what_waits_it_waits(hall: Hall) -> None:
    hall.agent.wake()  # it has not looked yet, so something may wait
    await hall.entry.accept(one(1))
    assert hall.woken == [Channel.SMS]
    assert await hall.state("M1-1") == "queued"


async def test_a_store_that_keeps_nothing_sends_nothing(hall: Hall) -> None:
    await hall.run()
    await hall.spool.writer.close()
    with pytest.raises(StoreUnavailable):
        await hall.entry.accept(one(1))
    assert hall.carrier.sent == []
    assert hall.agent.in_flight == 0


async def test_while_it_stops_nothing_is_begun_and_nothing_is_left_in_between(hall: Hall) -> None:
    await hall.run()
    accepting = [asyncio.create_task(hall.entry.accept(one(number))) for number in range(5)]
    await asyncio.sleep(0)  # two have their places
    hall.carrier.gate.set()
    await hall.agent.stop(5)
    await asyncio.gather(*accepting)
    await hall.entry.accept(one(9))
    states = [await hall.state(f"M{number}-1") for number in (0, 1, 2, 3, 4, 9)]
    assert set(states) <= {"queued", "sent"}
    assert states[5] == "queued"
    assert hall.carrier.sent == [f"M{number}-1" for number, state in enumerate(states) if state == "sent"]


async def test_everything_else_passes(hall: Hall) -> None:
    await hall.entry.bury("n1", b"body", "why", NOW)
    assert await hall.entry.conversation("436600000001", None, NOW) is None
    letters: Sequence[Any] = await hall.spool.writer.run(
        lambda db: db.execute("SELECT reason FROM dead_letters").fetchall()
    )
    assert letters == [("why",)]
