"""The disk, the spool's files and the database."""

import asyncio
import os
from pathlib import Path
from typing import Any

import apsw
import pytest

from bridge.cli.findings import Case, place
from bridge.spool import disk
from bridge.spool.sqlite import open_spool
from tests.cli.cases import case, only, told


@pytest.fixture
async def well(tmp_path: Path) -> Case:
    """A spool as a daemon leaves it."""
    spool = await open_spool(tmp_path / "smsbridge.db")
    spool.disk.load()
    await spool.close()
    return case(tmp_path)


async def test_all_is_well(well: Case) -> None:
    found = await place.look(well)
    assert [check for _, check in told(found)] == ["disk", "spool files", "spool"]
    assert {finding.level for finding in found[1:]} == {"ok"}
    assert "no damage" in found[2].text


async def test_it_may_be_looked_at_beside_a_daemon(well: Case, tmp_path: Path) -> None:
    spool = await open_spool(tmp_path / "smsbridge.db")
    before = sorted(tmp_path.iterdir())
    assert told(await place.look(well))[1:] == [("ok", "spool files"), ("ok", "spool")]
    assert sorted(tmp_path.iterdir()) == before
    await spool.close()


async def test_it_leaves_nothing_behind(well: Case, tmp_path: Path) -> None:
    """A file that root made would keep the service from its own spool."""
    before = sorted(tmp_path.iterdir())
    assert told(await place.look(well))[-1] == ("ok", "spool")
    assert sorted(tmp_path.iterdir()) == before


async def test_one_that_a_crash_left(well: Case, tmp_path: Path) -> None:
    (tmp_path / "smsbridge.db-wal").touch(mode=0o600)
    before = sorted(tmp_path.iterdir())
    assert told(await place.look(well))[-1] == ("warn", "spool")
    assert sorted(tmp_path.iterdir()) == before


async def test_no_spool_yet(tmp_path: Path) -> None:
    found = await place.look(case(tmp_path))
    assert told(found)[-1] == ("warn", "spool")
    assert not (tmp_path / "smsbridge.db").exists()


async def test_no_directory(tmp_path: Path) -> None:
    found = await place.look(case(tmp_path, spool={"url": f"sqlite:{tmp_path}/none/smsbridge.db"}))
    assert told(found) == [("fail", "disk"), ("warn", "spool")]


async def test_a_full_disk(well: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "LEAST", 2**60)
    full = (await place.look(well))[0]
    assert (full.level, full.check) == ("fail", "disk")
    monkeypatch.undo()
    monkeypatch.setattr(place, "SOME", 2**60)
    assert told(await place.look(well))[0] == ("warn", "disk")
    monkeypatch.setattr(place, "SOME", 0)
    assert told(await place.look(well))[0] == ("ok", "disk")
    (tmp_path / "smsbridge.db.ballast").unlink()
    assert told(await place.look(well))[0] == ("warn", "disk")


async def test_a_spool_that_others_may_read(well: Case, tmp_path: Path) -> None:
    (tmp_path / "smsbridge.db").chmod(0o644)
    found = (await place.look(well))[1]
    assert (found.level, found.check) == ("fail", "spool files")
    assert "chmod 640" in found.text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
async def test_a_file_of_somebody_else(well: Case, tmp_path: Path) -> None:
    os.chown(tmp_path / "smsbridge.db.ballast", 12345, -1)
    found = (await place.look(well))[1]
    assert (found.level, "smsbridge.db.ballast" in found.remedy) == ("fail", True)


async def test_a_damaged_spool(well: Case, tmp_path: Path) -> None:
    (tmp_path / "smsbridge.db").write_bytes(b"no database" * 1000)
    found = (await place.look(well))[-1]
    assert (found.level, found.check) == ("fail", "spool")
    assert "put a backup in its place" in found.remedy


async def test_a_damaged_page(well: Case, tmp_path: Path) -> None:
    path = tmp_path / "smsbridge.db"
    db = apsw.Connection(str(path))
    db.execute("PRAGMA journal_mode = DELETE").fetchall()
    page: Any = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'deliveries'").fetchall()[0][0]
    size: Any = db.pragma("page_size")
    db.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    found = (await place.look(well))[-1]
    assert (found.level, "is damaged" in found.text) == ("fail", True)


async def test_a_large_spool_is_not_read_to_its_end(well: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "WHILE", -1.0)
    monkeypatch.setattr(place, "_STEPS", 1)
    found = (await place.look(well))[-1]
    assert (found.level, "what was read" in found.text) == ("ok", True)


async def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    away = case(tmp_path, spool={"url": "postgresql://nobody@127.0.0.1:1/none"})
    found = only(await asyncio.wait_for(place.look(away), 60))
    assert (found.level, found.check) == ("fail", "spool")


async def test_permissions_of_the_configuration(tmp_path: Path) -> None:
    good = case(tmp_path)
    assert only(await place.permissions(good)).level == "ok"
    (tmp_path / "routes.toml").chmod(0o646)
    found = only(await place.permissions(good))
    assert (found.level, found.remedy) == ("fail", f"chmod o-w {tmp_path / 'routes.toml'}")
