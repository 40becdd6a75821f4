"""What the operator is told of the mail door: each thing once an hour, and nobody waits for it."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.smtpd import bell as bells
from bridge.smtpd.bell import EVERY, Bell
from bridge.spool.sqlite import SqliteSpool, open_spool
from tests.make import NOW
from tests.wait import until, until_async


class Tower:
    def __init__(self, spool: SqliteSpool) -> None:
        self.spool = spool
        self.now = NOW
        self.bell = Bell(spool=spool, clock=lambda: self.now)

    async def heard(self, count: int) -> list[str]:
        """All that was told, once it is that many."""

        async def look() -> list[str] | None:
            found = [alert.text for alert in await self.spool.alerts(9999)]
            return found if len(found) >= count else None

        return await until_async(look, f"{count} alerts")


@pytest.fixture
async def tower(tmp_path: Path) -> AsyncIterator[Tower]:
    spool = await open_spool(tmp_path / "s.db")
    yield Tower(spool)
    await spool.close()


async def test_each_thing_is_told_once_an_hour(tower: Tower) -> None:
    for about, text in (("a", "one"), ("a", "two"), ("b", "three"), ("a", "four")):
        tower.bell.ring(about, text)
    assert sorted(await tower.heard(2)) == ["one", "three"]
    tower.now += EVERY - 1
    tower.bell.ring("a", "five")
    tower.now += 2
    tower.bell.ring("a", "six")
    assert (await tower.heard(3))[2] == "six"


async def test_a_clock_that_was_put_back_silences_nothing(tower: Tower) -> None:
    tower.bell.ring("a", "one")
    tower.now -= 86400
    tower.bell.ring("a", "two")
    assert sorted(await tower.heard(2)) == ["one", "two"]


async def test_what_was_not_kept_is_told_the_next_time(tower: Tower, stream: io.StringIO) -> None:
    await tower.spool.close()
    tower.bell.ring("a", "one")
    await until(lambda: "alert not kept" in stream.getvalue(), "the complaint")
    await asyncio.sleep(0)
    tower.bell.ring("a", "one")
    await until(lambda: stream.getvalue().count("alert not kept") == 2, "the second one")


async def test_memory_is_bounded(tower: Tower, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bells, "_MOST_THINGS", 10)
    for number in range(100):
        tower.bell.ring(str(number), str(number))
    assert len(tower.bell._rung) == 10
    assert len(await tower.heard(100)) == 100
    tower.bell.ring("99", "again")
    tower.bell.ring("x", "last")
    assert (await tower.heard(101))[-1] == "last"
