"""Migrations on the server: whole or not at all, once, and the same versions as SQLite's."""

from collections.abc import Callable
from typing import Any

import pytest

from bridge.spool import SpoolDamaged, schema
from bridge.spool.postgres import tables
from bridge.spool.postgres.link import Link
from bridge.spool.schema import MIGRATIONS
from tests.databases import Database


def names(db: Link) -> set[str]:
    rows = db.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
    return {row[0] for row in rows}


def on(database: Database, *work: Callable[[Link], Any]) -> list[Any]:
    """What each gives, on one connection."""
    results: list[Any] = []
    database.server.on(database.name, lambda link: results.extend([one(link) for one in work]))
    return results


def test_an_empty_database_gets_every_table_and_its_version(bare: Database) -> None:
    before, _, version, there, _, again = on(
        bare, tables.version, tables.migrate, tables.version, names, tables.migrate, names
    )
    assert (before, version) == (None, len(MIGRATIONS))
    assert {"mails", "deliveries", "events", "seen", "nodes", "smsbridge"} <= there
    assert again == there


def test_old_tables_are_brought_up_and_keep_their_rows(bare: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    on(bare, tables.migrate)
    bare.script("INSERT INTO alerts (at, text) VALUES (1, 'kept')")
    further = (
        "ALTER TABLE alerts ADD COLUMN more TEXT NOT NULL DEFAULT 'x'; CREATE TABLE new (a REAL);",
        "DROP TABLE new;",
    )
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, *further))
    _, version, rows = on(
        bare, tables.migrate, tables.version, lambda db: db.execute("SELECT text, more FROM alerts").fetchall()
    )
    assert (version, rows) == (len(MIGRATIONS) + 2, [("kept", "x")])


def test_a_migration_that_fails_leaves_the_old_version(bare: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    _, before = on(bare, tables.migrate, names)
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, "CREATE TABLE half (a REAL); CREATE TABLE mails (a REAL);"))
    with pytest.raises(Exception, match="already exists"):
        on(bare, tables.migrate)
    assert on(bare, tables.version, names) == [len(MIGRATIONS), before]


def test_newer_tables_are_refused_untouched(bare: Database) -> None:
    on(bare, tables.migrate)
    bare.script(f"UPDATE smsbridge SET version = {len(MIGRATIONS) + 1}")  # noqa: S608  # a number
    with pytest.raises(SpoolDamaged, match="install the newer smsbridge"):
        on(bare, tables.migrate)


def test_what_the_first_version_queued_is_told_to_its_author_still(
    bare: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "MIGRATIONS", MIGRATIONS[:1])
    on(bare, tables.migrate)
    bare.script(
        "INSERT INTO deliveries (id, mail, channel, recipient, payload, state, sender, author, route, urgent, reports, "
        "language, on_unknown, unknown_wait, created_at, changed_at, next_at, expires_at, attempts, code, reason, "
        "status) VALUES ('M1-1', 'M1', 'sms', '', '', 'queued', '', 'anna@example.org', '', 0, '', '', '', "
        "0, 0, 0, 0, 0, 0, '', '', '')"
    )
    monkeypatch.undo()
    _, rows = on(bare, tables.migrate, lambda db: db.execute("SELECT sender, notify FROM deliveries").fetchall())
    assert rows == [("anna@example.org", "")]
