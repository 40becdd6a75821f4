"""Migrations: a fresh file, an old file, and a program killed in the middle of one."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from bridge.spool import SpoolDamaged, schema
from bridge.spool.schema import MIGRATIONS, migrate
from tests.wait import PATIENCE

ROOT = Path(__file__).parents[2]


def shape(db: apsw.Connection) -> set[str]:
    return {row[0] for row in db.execute("SELECT name FROM sqlite_schema")}


@pytest.fixture
def db(tmp_path: Path) -> Iterator[apsw.Connection]:
    made = apsw.Connection(str(tmp_path / "m.db"))
    yield made
    made.close()


def test_a_fresh_file_gets_every_table_and_its_version(db: apsw.Connection) -> None:
    migrate(db)
    tables = shape(db)
    assert {"mails", "deliveries", "events", "seen", "notifications", "conversations", "dead_letters"} <= tables
    assert db.pragma("user_version") == len(MIGRATIONS)
    migrate(db)
    assert shape(db) == tables


def test_row_76_an_old_file_is_brought_up_and_keeps_its_rows(
    db: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(db)
    db.execute("INSERT INTO alerts (at, text) VALUES (1, 'kept')")
    further = ("ALTER TABLE alerts ADD COLUMN more TEXT NOT NULL DEFAULT 'x'; CREATE TABLE new (a);", "DROP TABLE new;")
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, *further))
    migrate(db)
    assert db.pragma("user_version") == len(MIGRATIONS) + 2
    assert db.execute("SELECT text, more FROM alerts").fetchall() == [("kept", "x")]
    assert "new" not in shape(db)


def test_row_76_a_migration_that_fails_leaves_the_old_version(
    db: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(db)
    before = shape(db)
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, "CREATE TABLE half (a); CREATE TABLE mails (a);"))
    with pytest.raises(apsw.SQLError):
        migrate(db)
    assert db.pragma("user_version") == len(MIGRATIONS)
    assert shape(db) == before
    assert not db.in_transaction


def test_row_76_a_newer_file_is_refused_untouched(db: apsw.Connection) -> None:
    db.pragma("user_version", len(MIGRATIONS) + 1)
    with pytest.raises(SpoolDamaged, match="install the newer smsbridge"):
        migrate(db)
    assert shape(db) == set()


def _columns(db: apsw.Connection) -> set[str]:
    return {row[1] for row in db.execute("PRAGMA table_info(deliveries)")}


def test_what_the_first_version_queued_is_told_to_its_author_still(
    db: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "MIGRATIONS", MIGRATIONS[:1])
    migrate(db)
    columns = [row[1] for row in db.execute("PRAGMA table_info(deliveries)")]
    values = {"id": "M1-1", "mail": "M1", "channel": "sms", "author": "anna@example.org", "sender": "", "warn_at": None}
    db.execute(
        f"INSERT INTO deliveries ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",  # noqa: S608  # our own names
        [None if name == "seq" else values.get(name, 0) for name in columns],
    )
    monkeypatch.undo()
    migrate(db)
    row = db.execute("SELECT sender, notify, orcpt FROM deliveries").fetchone()
    assert row == ("anna@example.org", "", "")


KILLED = """
import os, signal, sys
import apsw
from bridge.spool.schema import migrate
db = apsw.Connection(sys.argv[1])
db.execute("PRAGMA journal_mode = WAL").fetchall()
db.execute("PRAGMA synchronous = FULL")
steps = 0
def step():
    global steps
    steps += 1
    if steps > int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return False
db.set_progress_handler(step, 50)
migrate(db)
db.set_progress_handler(None)
db.close()
print(steps)
"""


def test_row_76_a_program_killed_in_a_migration_leaves_the_old_version_or_the_new(tmp_path: Path) -> None:
    def run(name: str, kill_at: int) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", KILLED, str(tmp_path / name), str(kill_at)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE)

    whole = run("whole", 10**9)
    assert whole.returncode == 0, whole.stderr
    steps = int(whole.stdout)
    assert steps > 10
    found = set()
    for number in range(6):
        name = f"killed-{number}"
        killed = run(name, steps * number // 6)
        assert killed.returncode == -signal.SIGKILL
        db = apsw.Connection(str(tmp_path / name))
        version = int(db.pragma("user_version"))
        assert bool(shape(db)) is (version > 0)
        assert ("notify" in _columns(db)) is (version > 1)
        found.add(version)
        migrate(db)
        assert {"mails", "deliveries", "alerts"} <= shape(db)
        assert db.pragma("integrity_check") == "ok"
        db.close()
    assert 0 in found
