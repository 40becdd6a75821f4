"""Power cuts: a seeded slice of `python -m tests.long`, and that the rig finds what it looks for."""

import os
import random
from pathlib import Path

from tests.long import cut
from tests.long.disk import Disk

CUTS = 50


def seed() -> int:
    """Shown with a failure, so that it can be repeated."""
    chosen = int(os.environ.get("SMSBRIDGE_SEED", random.SystemRandom().randrange(10**6)))
    print(f"SMSBRIDGE_SEED={chosen}")
    return chosen


async def test_row_68_nothing_acknowledged_is_lost_or_damaged_when_the_power_goes(tmp_path: Path) -> None:
    figures = await cut.prove(tmp_path, cuts=CUTS, seed=seed())
    assert figures.wrong == [], figures
    assert (figures.lost, figures.damaged) == (0, 0)
    assert figures.acknowledged > 10 * CUTS
    assert figures.in_flight > CUTS


async def test_with_synchronous_normal_the_same_rig_finds_losses(tmp_path: Path) -> None:
    figures = await cut.prove(tmp_path, cuts=8, seed=1, synchronous="NORMAL")
    assert figures.lost > 0
    assert figures.damaged == 0, "consistent, but not what was acknowledged"


async def test_on_a_disk_that_lies_the_same_rig_finds_damage(tmp_path: Path) -> None:
    lost = damaged = 0
    for number in range(10):  # sixteen cuts find three or four damaged files, and now and then none
        (place := tmp_path / f"try {number}").mkdir()
        figures = await cut.prove(place, cuts=16, seed=number, lies=True)
        lost, damaged = lost + figures.lost, damaged + figures.damaged
        if lost and damaged:
            break
    assert lost > 0
    assert damaged > 0


def test_what_was_synced_survives_and_of_the_rest_some(tmp_path: Path) -> None:
    (tmp_path / "spool.db").touch()
    found = set()
    for number in range(200):
        disk = Disk(tmp_path, "spool.db", random.Random(number), cut_at=10**6)
        path = str(tmp_path / "spool.db-wal")
        try:
            opened = disk.xOpen(path, [0x80006, 0])  # SQLITE_OPEN_WAL | CREATE | READWRITE
            opened.xWrite(b"a" * 1000, 0)
            opened.xSync(2)
            opened.xWrite(b"b" * 1000, 500)
            opened.xClose()
            disk.cut()
        finally:
            disk.remove()
        assert disk.survivors is not None
        survived = disk.survivors[path]
        assert survived[:500] == b"a" * 500
        found.add(survived[500:])
        (tmp_path / "spool.db-wal").unlink()
    assert {b"a" * 500, b"b" * 1000} <= found
    assert any(len(set(one)) > 1 for one in found), "torn ones"


def test_a_file_whose_name_was_not_synced_may_be_gone(tmp_path: Path) -> None:
    found = set()
    for number in range(20):
        disk = Disk(tmp_path, "spool.db", random.Random(number), cut_at=10**6)
        try:
            opened = disk.xOpen(str(tmp_path / "spool.db"), [0x106, 0])  # a database, whose name SQLite does not sync
            opened.xWrite(b"a", 0)
            opened.xSync(2)
            opened.xClose()
            disk.cut()
        finally:
            disk.remove()
        assert disk.survivors is not None
        found.add(len(disk.survivors))
        (tmp_path / "spool.db").unlink()
    assert found == {0, 1}
