"""The disk under the spool: the ballast, and what still can be written when there is no room."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bridge.message import Channel, Sms, State, StoreUnavailable, encode_sms
from bridge.spool import SpoolDamaged, Step, disk
from bridge.spool.disk import Disk
from bridge.spool.sqlite import SqliteSpool, open_spool
from tests.faulty_disk import Faulty, fill, small
from tests.make import NOW, delivery, intake
from tests.wait import until

KIB, MIB = 1024, 1024 * 1024
BIG = encode_sms(Sms(text="x" * 50_000))


@pytest.fixture(params=["tmpfs", "faulty"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk of 8 MiB, of which one is to be left and one is ballast."""
    monkeypatch.setattr(disk, "LEAST", MIB)
    monkeypatch.setattr(disk, "BALLAST", MIB)
    with small(request.param, tmp_path, 8 * MIB, monkeypatch) as where:
        yield where


@pytest.fixture
async def spool(place: Path) -> AsyncIterator[SqliteSpool]:
    opened = await open_spool(place / "s.db")
    yield opened
    await opened.close()


async def filled(spool: SqliteSpool) -> int:
    """Take mails in until no more goes; how many went."""
    for number in range(1000):
        try:
            await spool.accept(intake(delivery(mail=f"F{number}", payload=BIG)))
        except StoreUnavailable:
            return number
    raise AssertionError("a small disk holds everything")


def test_row_70_the_figures_are_those_of_the_list(tmp_path: Path) -> None:
    here = Disk(tmp_path / "s.db")
    assert disk.LEAST == 64 * MIB
    free = here.free()
    assert free > 0
    assert here.is_low(free)  # twice the largest mail
    assert Disk(tmp_path / "nowhere" / "s.db").is_low(1), "what cannot be asked is not relied on"


async def test_row_70_it_is_low_long_before_it_is_full(place: Path) -> None:
    here = Disk(place / "s.db")
    assert not here.is_low(100 * KIB)
    somebody = fill(place, leave=MIB // 2)
    assert here.is_low(100 * KIB)
    somebody.unlink()
    assert not here.is_low(100 * KIB)


async def test_row_71_the_ballast_is_what_outcomes_are_written_into(spool: SqliteSpool, place: Path) -> None:
    assert spool.disk.load()
    await spool.accept(intake(delivery(1)))
    await spool.start(Channel.SMS, 1, NOW, NOW + 300, (), ())
    fill(place)
    await filled(spool)
    assert spool.disk.ballast.exists(), "it is not for mails"
    (moved,) = await spool.move([Step(id="M1-1", to=State.SENT, event="sent", code="2000", transfer_id="t")], NOW)
    assert moved
    ((found, _),) = await spool.show("M1-1")
    assert (found.state, found.transfer_id) == (State.SENT, "t")
    assert not spool.disk.ballast.exists()
    assert spool.disk.is_low(0)


async def test_row_71_without_ballast_nothing_is_said_that_is_not_so(spool: SqliteSpool, place: Path) -> None:
    await spool.accept(intake(delivery(1)))
    await spool.move([Step(id="M1-1", to=State.SENDING, event="sending", attempts=1)], NOW)
    somebody = fill(place)
    kept = await filled(spool)
    with pytest.raises(StoreUnavailable):
        await spool.accept(intake(delivery(mail="more", payload=BIG)))
    assert await spool.show("more") == []
    ((found, _),) = await spool.show("M1-1")
    assert found.state is State.SENDING
    assert await spool.open_count() == 1 + kept, "what was kept can be read"
    somebody.unlink()
    await spool.accept(intake(delivery(mail="more", payload=BIG)))
    assert await spool.recover(NOW) == (1, 0)


async def test_ballast_is_taken_in_where_there_is_room_and_only_once(place: Path) -> None:
    here = Disk(place / "s.db")
    somebody = fill(place, leave=2 * MIB)
    assert not here.load(), "then the doors would be closed"
    assert not here.ballast.exists()
    somebody.unlink()
    assert here.load()
    assert here.ballast.stat().st_size == MIB
    assert here.ballast.stat().st_blocks * 512 >= MIB, "real room, no hole"
    assert here.ballast.stat().st_mode & 0o777 == 0o600
    assert here.load()
    assert here.drop()
    assert not here.drop()


async def test_a_command_leaves_the_ballast_alone(place: Path) -> None:
    daemon = await open_spool(place / "s.db")
    assert daemon.disk.load()
    command = await open_spool(place / "s.db", command=True)
    somebody = fill(place)
    await filled(command)
    assert daemon.disk.ballast.exists()
    await command.close()
    somebody.unlink()
    await daemon.close()


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[Faulty]:
    made = Faulty(tmp_path)
    yield made
    made.remove()


async def test_row_69_after_a_sync_that_failed_nothing_is_written_any_more(faulty: Faulty, tmp_path: Path) -> None:
    spool = await open_spool(tmp_path / "s.db")
    await spool.accept(intake(delivery(1)))
    faulty.sync_fails = True
    with pytest.raises(StoreUnavailable):
        await spool.accept(intake(delivery(mail="M2")))
    assert "IOError" in spool.broken
    faulty.sync_fails = False  # as Linux does: the next one says "ok" about pages that are gone
    faulty.written = 0
    for call in (spool.accept(intake(delivery(mail="M3"))), spool.probe(), spool.move([], NOW)):
        with pytest.raises(StoreUnavailable):
            await call
    await spool.close()
    assert faulty.syncs_failed == 1
    assert faulty.written == 0, "not even when it is closed"
    again = await open_spool(tmp_path / "s.db")
    assert not again.broken
    assert await again.show("M1-1") != []
    assert await again.show("M3-1") == []
    await again.close()


async def test_row_69_a_checkpoint_that_cannot_be_synced_counts_too(
    faulty: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's own checkpoints pass over their errors."""
    spool = await open_spool(tmp_path / "s.db")
    await spool.accept(intake(delivery(1)))
    monkeypatch.setattr("bridge.spool.writer.CHECKPOINT_AT", 1)

    def fail(_: object) -> None:
        faulty.sync_fails = True

    await spool.writer.run(fail)  # writes nothing itself; the checkpoint comes after the answer
    await until(lambda: spool.broken, "it is seen")
    with pytest.raises(StoreUnavailable):
        await spool.accept(intake(delivery(mail="M2")))
    await spool.close()


async def test_row_67_what_can_wait_gets_no_room_because_of_its_neighbours(faulty: Faulty, tmp_path: Path) -> None:
    """Of what is taken in and begun together only the beginning may ask for the ballast, and it needs none."""
    spool = await open_spool(tmp_path / "s.db")
    assert spool.disk.load()
    faulty.room = 0
    started = asyncio.create_task(spool.start(Channel.SMS, 8, NOW, NOW + 300, (), ()))
    with pytest.raises(StoreUnavailable):
        await spool.accept(intake(delivery(1)))
    assert await started == []
    assert spool.disk.ballast.exists()
    faulty.room = None
    assert await spool.show("M1-1") == []
    await spool.close()


async def test_row_69_trouble_that_passes_breaks_nothing(faulty: Faulty, tmp_path: Path) -> None:
    spool = await open_spool(tmp_path / "s.db")
    faulty.room = 0
    with pytest.raises(StoreUnavailable):
        await spool.accept(intake(delivery(1)))
    assert not spool.broken
    faulty.room = None
    await spool.accept(intake(delivery(1)))
    await spool.close()
    assert [file.name for file in tmp_path.iterdir()] == ["s.db"]


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o620, 0o660, 0o777])
@pytest.mark.parametrize("ending", ["", "-wal", ".lock", ".generation"])
async def test_row_131_a_spool_that_others_may_read_is_refused_and_left_alone(
    tmp_path: Path, ending: str, mode: int
) -> None:
    await (await open_spool(tmp_path / "s.db")).close()
    file = tmp_path / f"s.db{ending}"
    file.touch()
    file.chmod(mode)
    with pytest.raises(SpoolDamaged, match=rf"s\.db{ending} can be read .*mode {mode:04o}.*chmod 640"):
        await open_spool(tmp_path / "s.db")
    command = await open_spool(tmp_path / "s.db", command=True)  # what is in it can still be looked at
    await command.close()


@pytest.mark.parametrize(("mode", "right"), [(0o700, True), (0o755, True), (0o1777, True), (0o777, False)])
async def test_row_131_nobody_else_may_put_another_file_in_its_place(tmp_path: Path, mode: int, right: bool) -> None:
    place = tmp_path / "spool"
    place.mkdir()
    place.chmod(mode)
    if right:
        await (await open_spool(place / "s.db")).close()
    else:
        with pytest.raises(SpoolDamaged, match="chmod o-w"):
            await open_spool(place / "s.db")


async def test_row_131_its_group_may_read_it(tmp_path: Path) -> None:
    await (await open_spool(tmp_path / "s.db")).close()
    (tmp_path / "s.db").chmod(0o640)
    await (await open_spool(tmp_path / "s.db")).close()
