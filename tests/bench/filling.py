"""A spool with many messages in it, fast: one mail goes through the door, and SQL multiplies what that left behind.

So every table and column is filled as the product fills it, whatever the schema is by now; only what must differ from
message to message is put in here.
"""

import asyncio
from pathlib import Path
from typing import Final

import apsw

from tests.bench.bridges import bridge
from tests.bench.generators import volley
from tests.bench.load import NUMBERS

_PRAGMAS: Final = ("locking_mode = EXCLUSIVE", "journal_mode = OFF", "synchronous = OFF", "cache_size = -500000")
_SPREAD: Final = {
    ("deliveries", "recipient"): f"'43660' || printf('%07d', i % {NUMBERS})",
    ("deliveries", "state"): "'queued'",  # the one may have been under way when its bridge was killed
    ("deliveries", "lease"): "NULL",
    ("deliveries", "next_at"): "created_at",
    ("deliveries", "attempts"): "0",
    ("deliveries", "code"): "''",
    ("deliveries", "reason"): "''",
    ("deliveries", "status"): "''",
    ("deliveries", "warn_at"): "warn_at + 86400",  # nobody is told during a measurement
    ("deliveries", "expires_at"): "expires_at + 86400",
    ("mails", "message_id"): "message_id || i",
}


async def fill(place: Path, count: int) -> Path:
    """Make a spool in the directory `place` with `count` SMS that are due; gives its file."""
    async with bridge(place) as running:
        await volley(running.port, 1, 1, f"fill.{count}")
        file = running.database
    await asyncio.to_thread(multiply, file, count)
    return file


def multiply(file: Path, count: int) -> None:
    """Make `count` of the one mail in the spool at `file`, which no program may have open."""
    db = apsw.Connection(str(file))
    try:
        ((mail,),) = db.execute("SELECT mail FROM deliveries").fetchall()
        for pragma in _PRAGMAS:
            db.execute(f"PRAGMA {pragma}").fetchall()
        with db:
            db.execute("DELETE FROM events WHERE rowid > (SELECT min(rowid) FROM events)")  # nobody was there to call
            for (table,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
                _multiply(db, str(table), str(mail), count)
        db.execute("PRAGMA journal_mode = WAL").fetchall()
    finally:
        db.close()


def _multiply(db: apsw.Connection, table: str, mail: str, count: int) -> None:
    columns = [(str(row[1]), str(row[2]), bool(row[5])) for row in db.execute(f"PRAGMA table_info({table})")]
    names = [name for name, kind, key in columns if not (key and kind == "INTEGER")]  # those are numbered anew
    texts = {name for name, kind, _ in columns if kind == "TEXT"}
    keys = {name for name, kind, key in columns if key and kind == "BLOB"}
    whose = " OR ".join(f"instr({name}, :mail)" for name in sorted(texts)) or "0"
    made = f"substr(:mail, 1, {len(mail) - 8}) || printf('%08d', i)"

    def value(name: str) -> str:
        if (table, name) in _SPREAD:
            return _SPREAD[table, name]
        if name in keys:
            return f"randomblob(length({name}))"
        return f"replace({name}, :mail, {made})" if name in texts else name

    bound = {"mail": mail, "count": count}
    db.execute(f"CREATE TEMP TABLE one AS SELECT * FROM {table} WHERE {whose}", bound)  # noqa: S608  # names of our own
    db.execute(f"DELETE FROM {table} WHERE {whose}", bound)  # noqa: S608  # as above
    db.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count) "  # noqa: S608  # as above
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(map(value, names))} FROM n, temp.one",
        bound,
    )
    db.execute("DROP TABLE temp.one")
