"""What nodes tell each other through a real server: refused phones and pauses."""

from collections.abc import AsyncIterator, Sequence

import pytest

from bridge.message import Verdict
from bridge.spool.postgres import news
from bridge.spool.postgres.store import PostgresSpool
from bridge.spool.shared import Paused
from tests.databases import Database
from tests.make import NOW

PHONE, OTHER = "436600000007", "436600000008"


def paused(scope: str = "", until: float = NOW, text: str = "wrong password") -> Paused:
    return Paused(scope=scope, verdict=Verdict.OURS, until=until, delay=60, wait=60, code="4001", text=text)


@pytest.fixture
async def two(emptied: Database) -> AsyncIterator[Sequence[PostgresSpool]]:
    nodes = [await emptied.open(node=name) for name in ("one", "two")]
    yield nodes
    for node in nodes:
        await node.close()


async def test_a_refused_phone_is_known_to_all_for_as_long_as_it_is_refused(two: Sequence[PostgresSpool]) -> None:
    one, other = (node.shared for node in two)
    await one.refuse([(PHONE, NOW + 50), (OTHER, NOW + 10), (PHONE, NOW + 5)])
    assert sorted(await other.refused(NOW)) == [(PHONE, NOW + 50), (OTHER, NOW + 10)]
    assert await other.refused(NOW + 20) == [(PHONE, NOW + 50)]
    await other.refuse([(PHONE, NOW + 40)])  # known for longer already
    assert await one.refused(NOW + 45) == [(PHONE, NOW + 50)]


async def test_pauses_are_told_changed_and_taken_back(two: Sequence[PostgresSpool]) -> None:
    one, other = (node.shared for node in two)
    await one.pause([paused(), paused("alarms", NOW + 5)], [])
    assert sorted(await other.paused(), key=lambda found: found.scope) == [paused(), paused("alarms", NOW + 5)]
    await other.pause([paused(until=NOW + 60, text="still wrong")], ["alarms", "never"])
    assert await one.paused() == [paused(until=NOW + 60, text="still wrong")]


async def test_what_is_over_is_forgotten(two: Sequence[PostgresSpool]) -> None:
    one, other = two
    await one.shared.refuse([(PHONE, NOW), (OTHER, NOW + 2 * 86400)])
    await one.shared.pause([paused(until=NOW), paused("alarms", NOW + 2 * 86400)], [])
    assert not await other.lane.run(lambda db: news.anything_old(db, NOW - 1))
    now = NOW + 86400 + 1
    assert await other.lane.run(lambda db: news.anything_old(db, now))
    await other.lane.run(lambda db: news.forget(db, now))
    assert not await other.lane.run(lambda db: news.anything_old(db, now))
    assert await one.shared.refused(0) == [(OTHER, NOW + 2 * 86400)]
    assert [found.scope for found in await one.shared.paused()] == ["alarms"]
