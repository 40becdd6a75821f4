"""A spool on a server as one side of a copy; see `bridge.spool.copy`."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from bridge.spool import SpoolDamaged, SpoolLocked, schema
from bridge.spool.postgres import nodes, tables
from bridge.spool.postgres.link import Link, is_ours, target, unavailable
from bridge.spool.postgres.pooler import settled

WATCHED_FOR: Final = 7.0
"""Seconds for which other nodes are watched: longer than between two of their heartbeats."""

_WATCHED_EVERY: Final = 0.5
_BATCH: Final = 1000
_LONG: Final = 3600.0
_LEFT_BEHIND: Final = frozenset({"lease", "lease_by", "sent_by"})
_NUMBERED: Final = {"deliveries": "seq", "events": "rowid", "alerts": "id"}


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables on a server, within one transaction."""

    db: Link

    def columns(self, table: str) -> list[str]:
        return [name for name in self._types(table) if name not in _LEFT_BEHIND]

    def count(self, table: str) -> int:
        return int(self.db.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])  # noqa: S608  # our own names

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[list[tuple[Any, ...]]]:
        names, order = ", ".join(columns), _NUMBERED.get(table, "1")
        self.db.script(f"DECLARE all_{table} NO SCROLL CURSOR FOR SELECT {names} FROM {table} ORDER BY {order}")  # noqa: S608  # as above
        while batch := self.db.execute(f"FETCH {_BATCH} FROM all_{table}").fetchall():
            yield batch
        self.db.script(f"CLOSE all_{table}")

    def put(self, table: str, columns: Sequence[str], rows: list[tuple[Any, ...]]) -> None:
        types, names = self._types(table), ", ".join(columns)
        arrays = ", ".join(f"${number}::{types[name]}[]" for number, name in enumerate(columns, 1))
        self.db.execute(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM unnest({arrays}) "  # noqa: S608  # as above
            f"WITH ORDINALITY AS given ({names}, place) ORDER BY place",
            [list(column) for column in zip(*rows, strict=True)],
        )

    def renumber(self) -> None:
        """New rows are numbered after those that were copied."""
        for table, column in _NUMBERED.items():
            highest = self.db.execute(f"SELECT coalesce(max({column}), 0) + 1 FROM {table}").fetchall()[0][0]  # noqa: S608  # as above
            self.db.script(f"ALTER TABLE {table} ALTER COLUMN {column} RESTART WITH {highest}")

    def _types(self, table: str) -> dict[str, str]:
        rows = self.db.execute(
            "SELECT column_name::text, data_type::text FROM information_schema.columns "
            "WHERE table_schema = current_schema() AND table_name = ? ORDER BY ordinal_position",
            (table,),
        )
        return {row[0]: row[1] for row in rows}


@contextmanager
def reading(url: str, password: str | None) -> Iterator[Tables]:
    """A spool as it is now, while no bridge works on it."""
    with _still(url, password, make=False) as db:
        yield Tables(db)
        db.rollback()


@contextmanager
def writing(url: str, password: str | None) -> Iterator[Tables]:
    """A spool to be filled; committed at the end of the block."""
    with _still(url, password, make=True) as db:
        made = Tables(db)
        yield made
        made.renumber()
        db.script("COMMIT", timeout=_LONG)


@contextmanager
def _still(url: str, password: str | None, *, make: bool) -> Iterator[Link]:
    db = Link(settled(target(url, password)), patience=_LONG)
    try:
        db.open()
        if make:
            tables.migrate(db)
        found = tables.version(db)
        if found is None:
            raise SpoolDamaged("the database holds no spool")  # noqa: TRY301
        if found != len(schema.MIGRATIONS):
            raise SpoolDamaged(  # noqa: TRY301
                f"the spool has schema version {found}, this program knows {len(schema.MIGRATIONS)}: "
                "start `smsbridge serve` of this version once"
            )
        _refuse_the_living(db)
        db.script("BEGIN ISOLATION LEVEL REPEATABLE READ; LOCK TABLE nodes IN EXCLUSIVE MODE")
        _refuse_the_living(db, watched_for=0.0)  # nobody came in between: rows that were still are gone
        yield db
    except Exception as error:
        db.rollback()
        if isinstance(error, (SpoolDamaged, SpoolLocked)) or is_ours(error):
            raise
        raise unavailable(error) from error
    finally:
        db.close()


def _refuse_the_living(db: Link, watched_for: float = WATCHED_FOR) -> None:
    """Raises `SpoolLocked` where a bridge beats; rows of bridges that died are taken away."""
    before = _rows(db)
    until = time.monotonic() + watched_for
    while before:
        time.sleep(min(_WATCHED_EVERY, watched_for))
        now = _rows(db)
        if any(before.get(name) != seq for name, seq in now.items()) or watched_for == 0.0:
            raise SpoolLocked("a bridge works on the spool: stop all of them first")
        if time.monotonic() >= until:
            db.execute("DELETE FROM nodes WHERE id = ANY(?)", (sorted(before),))
            return


def _rows(db: Link) -> dict[str, int]:
    rows = db.execute("SELECT id, seq FROM nodes WHERE role IN (?, ?)", (nodes.NODE, nodes.COMMAND))
    return {row[0]: row[1] for row in rows}
