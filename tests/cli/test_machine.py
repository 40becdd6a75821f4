"""What the program runs on."""

from importlib.util import find_spec
from pathlib import Path

import apsw
import pytest

from bridge.cli.findings import machine
from tests.cli.cases import case, told


async def test_this_machine_is_well(tmp_path: Path) -> None:
    program, sqlite = await machine.look(case(tmp_path))
    assert told([program, sqlite])[1] == ("ok", "SQLite")
    assert "Python 3." in program.text
    assert apsw.sqlite_lib_version() in sqlite.text


async def test_an_old_sqlite_and_an_old_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "OLDEST_SQLITE", (99, 0, 0))
    monkeypatch.setattr(machine, "OLDEST_PYTHON", (99, 0))
    assert told(await machine.look(case(tmp_path))) == [("fail", "program"), ("fail", "SQLite")]


async def test_libraries_that_the_configuration_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs = case(
        tmp_path,
        mail_authentication={"check": True},
        spool={"url": "postgresql://smsbridge@db.example.com/smsbridge"},
    )
    assert len(await machine.look(needs)) == 2, "here they are installed"
    there = find_spec
    gone = {"dkim", "asyncpg", "uvloop"}
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name in gone else there(name))
    found = await machine.look(needs)
    assert told(found) == [("warn", "program"), ("ok", "SQLite"), ("fail", "program"), ("fail", "program")]
    assert ["smsbridge[mailauth]" in found[2].remedy, "smsbridge[postgres]" in found[3].remedy] == [True, True]
