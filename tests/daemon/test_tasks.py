"""What is done beside the way of a message: a mistake ends what is done once, and stops nothing that is repeated."""

import asyncio

import pytest

from bridge.daemon.tasks import Tasks
from bridge.message import StoreUnavailable
from tests.wait import until


class Work:
    """Something to do, which fails in turn with `faults`."""

    def __init__(self, *faults: BaseException | None) -> None:
        self._faults = list(faults)
        self.times = 0

    async def __call__(self) -> None:
        self.times += 1
        if self._faults and (fault := self._faults.pop(0)) is not None:
            raise fault


@pytest.fixture
def broke() -> list[BaseException]:
    return []


async def test_what_is_done_once_is_told_only_when_it_breaks(broke: list[BaseException]) -> None:
    tasks, error = Tasks(broke.append), RuntimeError("a mistake")
    for work in (Work(), Work(error)):
        tasks.spawn(work())
    await until(lambda: broke)
    assert broke == [error]
    await tasks.cancel()
    assert broke == [error]


async def test_what_is_repeated_begins_at_once_and_survives_its_mistakes(
    broke: list[BaseException], capfd: pytest.CaptureFixture[str]
) -> None:
    tasks = Tasks(broke.append)
    work = Work(None, StoreUnavailable("the disk is away"), RuntimeError("one odd row"), TimeoutError())
    tasks.repeat(0.001, work)
    await until(lambda: work.times > 6)
    await tasks.cancel()
    assert broke == []


async def test_it_is_never_under_way_twice(broke: list[BaseException]) -> None:
    tasks, inside, most = Tasks(broke.append), 0, 0
    done = asyncio.Event()

    async def slow() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.02)
        inside -= 1
        done.set()

    tasks.repeat(0.0, slow)
    for _ in range(3):
        done.clear()
        await done.wait()
    await tasks.cancel()
    assert most == 1


async def test_cancelled_all_have_ended_and_nothing_is_told(broke: list[BaseException]) -> None:
    tasks = Tasks(broke.append)
    ended: list[str] = []

    async def lasting(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append(name)

    work = Work()
    tasks.spawn(lasting("one"))
    tasks.spawn(lasting("two"))
    tasks.repeat(3600, work)
    await until(lambda: work.times)
    await tasks.cancel()
    assert sorted(ended) == ["one", "two"]
    assert broke == []
    await tasks.cancel()


async def test_what_breaks_while_it_is_cancelled_is_told(broke: list[BaseException]) -> None:
    tasks, error = Tasks(broke.append), OSError("at the end")
    begun = asyncio.Event()

    async def stubborn() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise error

    tasks.spawn(stubborn())
    await begun.wait()
    await tasks.cancel()
    assert broke == [error]
