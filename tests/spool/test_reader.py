"""The thread that reads: in order, together, and each asker gets its own answer."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from bridge.message import StoreUnavailable
from bridge.spool.reader import Reader
from tests.wait import PATIENCE


@pytest.fixture
async def reader() -> AsyncIterator[Reader]:
    made = Reader(asyncio.get_running_loop())
    yield made
    made.close()


async def test_each_gets_its_own_answer_in_the_order_of_asking(reader: Reader) -> None:
    asked: list[int] = []

    def question(number: int) -> int:
        asked.append(number)
        return number * 2

    answers = await asyncio.gather(*(reader.run(lambda number=number: question(number)) for number in range(50)))  # type: ignore[misc] # bound now
    assert answers == [number * 2 for number in range(50)]
    assert asked == list(range(50))


async def test_what_one_raises_is_its_own(reader: Reader) -> None:
    def fail() -> int:
        raise ValueError("odd")

    answers = await asyncio.gather(*(reader.run(ask) for ask in (lambda: 1, fail, lambda: 3)), return_exceptions=True)
    assert answers[::2] == [1, 3]
    assert str(answers[1]) == "odd"


async def test_who_went_away_stops_nobody(reader: Reader) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def wait() -> bool:
        entered.set()
        return go_on.wait(PATIENCE)

    first, second, third = (asyncio.ensure_future(reader.run(ask)) for ask in (wait, lambda: True, lambda: True))
    assert await asyncio.to_thread(entered.wait, PATIENCE)
    first.cancel()
    second.cancel()
    go_on.set()
    assert await third is True


async def test_closed_it_answers_what_it_had_begun_and_nobody_else() -> None:
    reader = Reader(asyncio.get_running_loop())
    begun, waiting = asyncio.ensure_future(reader.run(lambda: 1)), asyncio.ensure_future(reader.run(lambda: 2))
    await asyncio.sleep(0)
    reader.close()
    assert await begun == 1
    with pytest.raises(StoreUnavailable):
        await waiting
    with pytest.raises(StoreUnavailable):
        await reader.run(lambda: 3)


async def test_it_is_busy_until_the_last_was_answered(reader: Reader) -> None:
    may = threading.Event()
    seen = [reader.busy]
    first = asyncio.ensure_future(reader.run(may.wait))
    await asyncio.sleep(0)  # it asks as soon as it runs
    seen.append(reader.busy)
    may.set()
    await first
    assert [*seen, reader.busy] == [False, True, False]
