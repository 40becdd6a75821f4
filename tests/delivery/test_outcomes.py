"""Outcomes are kept together, and each as well as the store allows; test_agent.py shows them under way."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.delivery.outcomes import Outcomes
from bridge.delivery.pauses import Pauses
from bridge.log import get_logger
from bridge.message import Channel, Delivery, Receipt, State, StoreUnavailable, Verdict
from bridge.spool.sqlite import SqliteSpool, open_spool
from tests.make import NOW, delivery, intake
from tests.wait import until

OK = Receipt(verdict=Verdict.ACCEPTED, code="2000", text="ok", transfer_id="t")


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[SqliteSpool]:
    made = await open_spool(tmp_path / "s.db")
    yield made
    await made.close()


def outcomes(spool: SqliteSpool) -> Outcomes:
    return Outcomes(spool=spool, pauses=Pauses(), jitter=lambda: 0.5, log=get_logger("delivery"))


async def sending(spool: SqliteSpool, count: int) -> list[Delivery]:
    await spool.accept(intake(*(delivery(number) for number in range(1, count + 1))))
    return await spool.start(Channel.SMS, count, NOW, NOW + 300, (), ())


async def test_many_are_one_commit(spool: SqliteSpool) -> None:
    found = await sending(spool, 30)
    before = spool.writer.commits
    kept = outcomes(spool)
    await kept.keep(kept.of([(one, OK) for one in found], NOW), NOW)
    assert spool.writer.commits == before + 1
    assert {one.state for one, _ in await spool.show("M1")} == {State.SENT}


async def test_one_that_cannot_be_kept_takes_no_other_with_it(spool: SqliteSpool) -> None:
    bad = Receipt(verdict=Verdict.PERMANENT, code="4002", text="\ud800")  # no text for SQLite
    one, two, three = await sending(spool, 3)
    kept = outcomes(spool)
    done = await kept.keep(kept.of([(one, OK), (two, bad), (three, None)], NOW), NOW)
    assert [outcome.step.text for outcome in done] == ["ok", "internal error", done[2].step.text]
    found = [(one.state, one.attempts) for one, _ in await spool.show("M1")]
    assert found == [(State.SENT, 1), (State.FAILED, 1), (State.QUEUED, 0)]


async def test_a_store_that_is_away_is_asked_until_the_bridge_stops(
    spool: SqliteSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.delivery.outcomes.SETTLE_AGAIN", 0.01)
    found = await sending(spool, 1)
    await spool.close()
    with pytest.raises(StoreUnavailable):
        await spool.probe()
    kept = outcomes(spool)
    keeping = asyncio.create_task(kept.keep(kept.of([(found[0], OK)], NOW), NOW))
    await asyncio.sleep(0.05)
    assert not keeping.done()
    kept.stopping = True
    await until(keeping.done)
    assert await keeping == []
