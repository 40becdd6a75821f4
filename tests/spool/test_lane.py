"""Group commit over there: what was answered is kept, once, whatever becomes of the connection."""

import asyncio
import contextlib
import random

import pytest

from bridge.message import Channel, State, StoreUnavailable
from bridge.spool import Intake, Step
from bridge.spool.postgres.link import Link
from bridge.spool.postgres.store import PostgresSpool
from tests.databases import Database
from tests.make import NOW, delivery, intake
from tests.spool.stores import look
from tests.wait import until


def mail(number: int) -> Intake:
    name = f"M{number}"
    return intake(delivery(mail=name), id=name, seen=[name.encode()])


async def test_what_waits_together_shares_a_commit(emptied: Database) -> None:
    spool = await emptied.open()
    await asyncio.gather(*(spool.accept(mail(number)) for number in range(300)))
    assert spool.lane.commits < 30
    assert await spool.open_count() == 300
    await spool.close()


async def test_one_faulty_operation_does_not_spoil_its_neighbours(emptied: Database) -> None:
    def half_done(db: Link) -> None:
        db.execute("INSERT INTO alerts (at, text) VALUES (1, 'never')")
        raise KeyError("a bug of ours")

    spool = await emptied.open()
    twice = delivery(1, mail="X")
    answers = await asyncio.gather(
        *(spool.accept(mail(number)) for number in range(5)),
        spool.lane.run(half_done),
        spool.accept(intake(twice, twice, id="X")),
        return_exceptions=True,
    )
    assert isinstance(answers[5], KeyError)
    assert "unique" in str(answers[6])
    assert await spool.open_count() == 5
    assert await spool.alerts(9) == []
    await spool.close()


async def test_a_cancelled_asker_does_not_undo_the_commit(emptied: Database) -> None:
    spool = await emptied.open()
    task = asyncio.create_task(spool.accept(mail(1)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await spool.accept(mail(2))
    assert await spool.open_count() == 2
    await spool.close()


async def test_closing_commits_what_waits(emptied: Database) -> None:
    spool = await emptied.open()
    tasks = [asyncio.create_task(spool.accept(mail(number))) for number in range(50)]
    await asyncio.sleep(0)
    await spool.close()
    assert [accepted.repeated for accepted in await asyncio.gather(*tasks)] == [False] * 50
    with pytest.raises(StoreUnavailable):
        await spool.accept(mail(99))
    await spool.close()  # twice is no error


async def test_row_79_a_server_that_went_away_is_unavailable_and_then_well(bare: Database) -> None:
    spool = await bare.open()
    await spool.accept(mail(1))
    async with _killing(bare, every=0.0):
        with contextlib.suppress(StoreUnavailable):
            await spool.accept(mail(2))
    await spool.accept(mail(2))
    assert await spool.open_count() == 2
    await spool.close()


@pytest.mark.parametrize("seed", range(3))
async def test_killed_connections_lose_and_double_nothing(emptied: Database, seed: int) -> None:
    spools = [await emptied.open() for _ in range(2)]
    chosen = random.Random(seed)
    async with _killing(emptied, every=0.01, chosen=chosen) as kills:
        done = asyncio.Event()
        agents = [asyncio.create_task(_deliver(spool, done)) for spool in spools]
        await asyncio.gather(*(_submit(spools[number % 2], number, chosen) for number in range(150)))
        await until(lambda: len(kills) > 10, "killed connections")
        done.set()
        calls = [call for agent in agents for call in await agent]
    for spool in spools:
        calls += await _deliver(spool, done)
    assert sorted(calls) == sorted({f"M{number}-1" for number in range(150)}), "each was called once"
    rows = await look(spools[0], "SELECT state, count(*) FROM deliveries GROUP BY state")
    assert rows == [("sent", 150)]
    assert await look(spools[0], "SELECT count(*) FROM events WHERE event = 'sent'") == [(150,)]
    for spool in spools:
        await spool.close()


async def _submit(spool: PostgresSpool, number: int, chosen: random.Random) -> None:
    """As a mail server does: until it is taken."""
    await asyncio.sleep(chosen.random())
    while True:
        try:
            await spool.accept(mail(number))
        except StoreUnavailable:
            await asyncio.sleep(0.01)
        else:
            return


async def _deliver(spool: PostgresSpool, done: asyncio.Event) -> list[str]:
    """As an agent does, whose calls always succeed: answers and what begins go together; the ids it called."""
    calls: list[str] = []
    answers: list[Step] = []
    while True:
        try:
            begun = await spool.start(Channel.SMS, 8, NOW, NOW + 300, (), answers)
        except StoreUnavailable:
            for step in answers:  # alone, and then nothing
                await _move(spool, step)
            answers = []
            await asyncio.sleep(0.01)
            continue
        if not begun and not answers and done.is_set():
            return calls
        calls += [found.id for found in begun]
        answers = [Step(id=found.id, to=State.SENT, event="sent") for found in begun]
        await asyncio.sleep(0)


async def _move(spool: PostgresSpool, step: Step) -> bool:
    while True:
        try:
            return (await spool.move([step], NOW))[0]
        except StoreUnavailable:
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def _killing(database: Database, every: float, chosen: random.Random | None = None):  # type: ignore[no-untyped-def] # a list of times
    """An administrator who ends sessions: all of them once, or any of them all the time."""
    kills: list[int] = []
    sql = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "  # noqa: S608  # our own name
        f"WHERE datname = '{database.name}' AND pid <> pg_backend_pid() ORDER BY random() "
        f"LIMIT {1 if every else 100}"
    )

    def kill(link: Link) -> None:
        kills.extend(1 for _ in link.execute(sql))

    async def killing() -> None:
        while every:
            await asyncio.to_thread(database.server.on, "postgres", kill)
            await asyncio.sleep(every * (chosen or random).random())

    if not every:
        await asyncio.to_thread(database.server.on, "postgres", kill)
    task = asyncio.create_task(killing())
    try:
        yield kills
    finally:
        task.cancel()
        await asyncio.wait([task])
