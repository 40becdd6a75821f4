"""How many wait, counted onwards between two readings."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from bridge.daemon.waiting import Waiting
from bridge.spool.sqlite import SqliteSpool, open_spool
from tests.make import delivery, intake
from tests.wait import PATIENCE


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[SqliteSpool]:
    opened = await open_spool(tmp_path / "smsbridge.db")
    yield opened
    await opened.close()


async def test_it_reads_and_counts_onwards(spool: SqliteSpool) -> None:
    waiting = Waiting(spool)
    await spool.accept(intake(delivery(1)))
    await waiting.read()
    waiting.add()
    assert waiting.number == 2


async def test_what_a_reading_may_hold_is_not_counted_again(spool: SqliteSpool) -> None:
    waiting = Waiting(spool)
    committed, answered = threading.Event(), threading.Event()

    def keep_waiting(_db: apsw.Connection, _name: str, _pages: int) -> int:  # called when a commit is in the file
        committed.set()
        answered.wait(PATIENCE)
        return apsw.SQLITE_OK

    spool.writer._db.set_wal_hook(keep_waiting)
    accepting = asyncio.ensure_future(spool.accept(intake(delivery(1))))
    await asyncio.to_thread(committed.wait, PATIENCE)
    await waiting.read()
    assert spool.accepting == 1
    answered.set()
    await accepting
    waiting.add()
    assert waiting.number == 1
    waiting.add()
    assert waiting.number == 2
    assert spool.accepting == 0
