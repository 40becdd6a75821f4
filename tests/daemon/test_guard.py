"""What can go wrong around a daemon that runs: its disk, its clock, its queue."""

import io
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bridge.daemon import Daemon, guard
from bridge.daemon.guard import Guard
from bridge.daemon.steady import Steady
from bridge.daemon.store import Kept
from bridge.message import Channel, State, StoreUnavailable
from bridge.spool import Step, disk
from bridge.spool.sqlite import SqliteSpool, open_spool
from tests.daemon.conftest import AUTHOR, House
from tests.daemon.test_steady import DAY, Machine
from tests.databases import Database
from tests.make import delivery, intake
from tests.wait import until, until_async


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[SqliteSpool]:
    opened = await open_spool(tmp_path / "s.db")
    yield opened
    await opened.close()


@pytest.fixture
def machine() -> Machine:
    return Machine()


def watching(spool: SqliteSpool, machine: Machine) -> Guard:
    return Guard(
        store=Kept(spool=spool), clock=Steady(lambda: machine.day, lambda: machine.on), largest=lambda: 1024 * 1024
    )


async def told(spool: SqliteSpool) -> list[str]:
    return [alert.text for alert in await spool.alerts(99)]


async def _notified(house: House) -> int:
    port = house.daemon.ports["webhook"][0]
    secret = (house.place / "webhook-secret").read_text().strip()
    body = {"messageType": "text", "notificationId": "n1", "senderAddress": "436600000001", "textMessageContent": "Ja"}
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"http://127.0.0.1:{port}/websms/{secret}", json=body) as answer,
    ):
        if answer.status == 503:
            assert answer.headers["Retry-After"] == "60"
        return answer.status


async def test_row_70_both_doors_refuse_while_the_disk_is_nearly_full(
    house: House, monkeypatch: pytest.MonkeyPatch, stream: io.StringIO
) -> None:
    await house.start()
    assert (await house.send()).startswith("250 ")
    monkeypatch.setattr(disk, "LEAST", 2**62)  # more than this disk has
    await until(lambda: "disk low" in stream.getvalue(), "it is seen")
    client = await house.smtp()
    assert await client.say(f"MAIL FROM:<{AUTHOR}>") == "452 4.3.1 the queue is full, try again later"
    await client.close()
    assert await _notified(house) == 503
    queue = await _look(house)
    await until_async(lambda: _mailed(house, "hardly any room left"), "the postmaster is told")
    assert stream.getvalue().count("disk low") == 1
    monkeypatch.undo()
    assert queue == 1, "what was taken before is there"


async def test_row_70_they_open_again_by_themselves(
    house: House, monkeypatch: pytest.MonkeyPatch, stream: io.StringIO
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(disk, "LEAST", 2**62)
        await house.start()
        await until(lambda: "disk low" in stream.getvalue(), "it is seen")
        assert (await house.readyz())[0] == 200, "what is queued goes on"
    await until(lambda: "disk well" in stream.getvalue(), "there is room again")
    assert (await house.send()).startswith("250 ")
    assert await _notified(house) == 200


async def _look(house: House) -> int:
    return int((await house.readyz())[1]["queued"])


async def _mailed(house: House, words: str) -> bool:
    return any(words.encode() in file.read_bytes() for file in house.place.glob("Maildir/new/*"))


async def test_the_ballast_is_there_from_the_start(house: House) -> None:
    await house.start()
    assert house.spool.with_name("smsbridge.db.ballast").stat().st_size == disk.BALLAST


@pytest.mark.parametrize("step", [2 * DAY, -2 * DAY])
async def test_row_78_what_waits_is_due_and_ends_as_long_from_now_as_before(
    spool: SqliteSpool, machine: Machine, step: float
) -> None:
    now = machine.day
    watch = watching(spool, machine)
    times: dict[str, Any] = {"next_at": now + 300, "expires_at": now + 3600, "warn_at": now + 900, "changed_at": now}
    await spool.accept(intake(delivery(1, **times), delivery(2, state=State.SENT, **{**times, "warn_at": None})))
    machine.day += step
    await watch.once()
    ((waiting, _), (sent, _)) = await spool.show("M1")
    after = watch.clock()
    assert after == machine.day
    assert (waiting.next_at - after, waiting.expires_at - after) == (300, 3600)
    assert waiting.warn_at is not None
    assert waiting.warn_at - after == 900
    assert sent.expires_at == now + 3600, "of what is over nothing moves"
    assert await spool.expired(after, 99) == []
    (text,) = await told(spool)
    assert f"{'forward' if step > 0 else 'back'} by 48.0 hours" in text
    await watch.once()
    assert len(await told(spool)) == 1


async def test_row_78_a_step_that_cannot_be_written_now_is_written_later(
    spool: SqliteSpool, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = watching(spool, machine)
    await spool.accept(intake(delivery(1, expires_at=machine.day + 3600)))
    for step in (DAY, -DAY):
        left = machine.day + 3600
        machine.day += step
        with monkeypatch.context() as patch:
            patch.setattr(spool.writer, "broken", "for this test")
            with pytest.raises(StoreUnavailable):
                await watch.once()
        assert watch.clock() <= left, "meanwhile nothing is over that was not"
        await watch.once()
        ((found, _),) = await spool.show("M1-1")
        assert found.expires_at - watch.clock() == 3600


async def test_row_78_a_daemon_whose_clock_is_set_two_days_ahead_fails_nothing(house: House) -> None:
    machine = Machine()
    daemon = Daemon(house.config, clock=Steady(lambda: machine.day, lambda: machine.on), grace=1.0)
    await daemon.start()
    house.daemons.append(daemon)
    assert (await house.send()).startswith("250 ")
    machine.day += 2 * DAY
    await until_async(lambda: _mailed(house, "set forward by 48.0 hours"), "the postmaster is told")

    async def waits_alone() -> bool:  # the telling mail is written first and settled a moment later
        return await _look(house) == 1

    await until_async(waits_alone, "the SMS still waits")
    machine.passes(DAY + 60)  # and after its life it fails as ever

    async def failed() -> bool:
        machine.passes(1.0)
        return await _mailed(house, "could not be delivered in time")

    await until_async(failed, "the author is told")


async def test_on_a_shared_spool_nobody_moves_the_others_times(emptied: Database, machine: Machine) -> None:
    spool = await emptied.open()
    watch = Guard(store=Kept(spool=spool), clock=Steady(lambda: machine.day, lambda: machine.on), largest=lambda: 1)
    await spool.accept(intake(delivery(1)))
    machine.day += 2 * DAY
    for _ in range(2):
        await watch.once()
    assert watch.clock() == machine.day - 2 * DAY
    (alert,) = await spool.alerts(9)
    assert "restart" in alert.text
    assert watch.fault() == ""
    await spool.close()


@pytest.mark.parametrize(("channel", "longest"), [(Channel.SMS, 300.0), (Channel.MAIL, 900.0)])
async def test_rows_92_and_108_a_queue_that_stands_still_is_told_once(
    spool: SqliteSpool, machine: Machine, channel: Channel, longest: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "_AGE_EVERY", 0.0)
    watch = watching(spool, machine)
    await spool.accept(intake(delivery(1, channel=channel, created_at=machine.day)))
    await watch.once()
    machine.passes(longest)
    await watch.once()
    assert await told(spool) == []
    for _ in range(3):
        machine.passes(1.0)
        await watch.once()
    (text,) = await told(spool)
    assert f"more than {longest / 60:.0f} minutes" in text
    sending = Step(id="M1-1", to=State.SENDING, event="sending")
    await spool.move([sending, Step(id="M1-1", to=State.SENT, event="sent")], machine.day)
    await watch.once()
    await spool.accept(intake(delivery(mail="M2", channel=channel, created_at=machine.day)))
    machine.passes(longest + 1)
    await watch.once()
    assert len(await told(spool)) == 1, "in the same hour it is only logged"
    await spool.move([replace(sending, id="M2-1"), Step(id="M2-1", to=State.SENT, event="sent")], machine.day)
    await watch.once()
    await spool.accept(intake(delivery(mail="M3", channel=channel, created_at=machine.day)))
    machine.passes(guard.TELL_EVERY)
    await watch.once()
    assert len(await told(spool)) == 2, "the next hour it is news again"


async def test_row_69_a_spool_that_broke_ends_the_daemon(house: House, stream: io.StringIO) -> None:
    daemon = await house.start()
    spool = daemon._spool
    assert isinstance(spool, SqliteSpool)
    spool.writer.broken = "IOError: disk I/O error"
    await until(lambda: "giving up" in stream.getvalue(), "it is seen")
    assert await daemon.run() is False
    house.daemons.pop()
    assert "nobody knows any more what is on the disk" in stream.getvalue()
