"""How many wait, counted onwards between two readings."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import apsw
import pytest

from bridge.daemon.waiting import Waiting
from bridge.spool.sqlite import SqliteSpool, open_spool
from tests.make import delivery, intake
from tests.wait import PATIENCE, until


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[SqliteSpool]:
    opened = await open_spool(tmp_path / "smsbridge.db")
    yield opened
    await opened.close()


async def take(spool: SqliteSpool, waiting: Waiting, number: int) -> None:
    await spool.accept(intake(delivery(1, mail=f"M{number}"), id=f"M{number}"))
    waiting.add()


def full_at(most: int) -> Callable[[], int]:
    return lambda: most


@pytest.mark.parametrize("most", [3, 1_000_000], ids=["near", "far"])
async def test_it_reads_and_counts_onwards(spool: SqliteSpool, most: int) -> None:
    waiting = Waiting(spool, full_at(most))
    await spool.accept(intake(delivery(1)))
    await waiting.read()
    waiting.add()
    assert (waiting.number, waiting.is_full) == (2, False)
    waiting.add()
    assert (waiting.number, waiting.is_full) == (3, most == 3)


async def test_what_is_committed_and_not_answered_at_a_reading_is_counted_once(spool: SqliteSpool) -> None:
    waiting = Waiting(spool, full_at(5))
    committed, answered = threading.Event(), threading.Event()

    def keep_waiting(_db: apsw.Connection, _name: str, _pages: int) -> int:  # called when a commit is in the file
        committed.set()
        answered.wait(PATIENCE)
        return apsw.SQLITE_OK

    spool.writer._db.set_wal_hook(keep_waiting)
    taking = asyncio.create_task(take(spool, waiting, 1))
    await asyncio.to_thread(committed.wait, PATIENCE)
    assert await spool.open_count() == 1
    reading = asyncio.create_task(waiting.read())
    await until(lambda: spool.writer._waiting, "it reads")
    answered.set()
    await asyncio.gather(taking, reading)
    assert waiting.number == 1


async def test_row_31_readings_amid_a_storm_lose_and_double_nothing(spool: SqliteSpool) -> None:
    waiting = Waiting(spool, full_at(500))
    for first in range(0, 300, 30):
        takes = [take(spool, waiting, number) for number in range(first, first + 30)]
        readings = [waiting.read() for _ in range(5)]
        await asyncio.gather(*(each for six in zip(*[iter(takes)] * 6, readings, strict=True) for each in six))
        assert waiting.number == first + 30
