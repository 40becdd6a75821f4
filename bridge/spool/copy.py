"""A whole spool from one store into another while nothing runs: row by row, counted, and there at once or not at all.

Both sides are kept still for the whole time: a file by its daemon's lock, a server by a lock on its table of nodes, for
which a bridge that starts meanwhile has to wait. Leases stay behind, since nobody holds them any more; what was under
way becomes what it becomes after a crash.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import apsw

from bridge.message import StoreUnavailable
from bridge.spool import SpoolDamaged, generation
from bridge.spool.disk import lock
from bridge.spool.sqlite import connect

BATCH = 1000
TABLES = (
    "mails",
    "deliveries",
    "events",
    "seen",
    "notifications",
    "orphans",
    "conversations",
    "dead_letters",
    "alerts",
    "originals",
    "expansions",
)
"""All but what belongs to one place: the nodes of a server, the generation of a file."""

_LEFT_BEHIND = frozenset({"lease"})

Row = tuple[Any, ...]


class Side(Protocol):
    """One of the two stores, kept still."""

    def columns(self, table: str) -> list[str]:
        """The columns that both stores have, but for what is left behind."""
        ...

    def count(self, table: str) -> int:
        """Its rows."""
        ...

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[list[Row]]:
        """All rows in their order, in batches."""
        ...

    def put(self, table: str, columns: Sequence[str], rows: list[Row]) -> None:
        """Add a batch."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a spool is: the URL of the configuration, and the password of a server."""

    url: str
    password: str | None = None


def copy(source: Place, target: Place, told: Callable[[int, int], None] = lambda _done, _whole: None) -> dict[str, int]:
    """Copy a spool into an empty one; the rows of each table. `told` hears how many rows are done, and of how many.

    Raises `SpoolLocked` where a bridge runs, `SpoolDamaged` where there is no spool or the target is not empty, and
    `StoreUnavailable`; then the target is as it was.
    """
    with _reading(source) as old, _writing(target) as new:
        copied: dict[str, int] = {}
        done, whole = 0, sum(old.count(table) for table in TABLES)
        for table in TABLES:
            if new.count(table):
                raise SpoolDamaged(f"the spool that is copied to is not empty: it has {table}")
        for table in TABLES:
            columns = [name for name in old.columns(table) if name in new.columns(table)]
            for rows in old.rows(table, columns):
                new.put(table, columns, rows)
                done += len(rows)
                told(done, whole)
            copied[table] = old.count(table)
            if new.count(table) != copied[table]:
                raise StoreUnavailable(f"{table}: {copied[table]} rows were read and {new.count(table)} written")
        return copied


def _reading(place: Place) -> AbstractContextManager[Side]:
    if place.url.startswith("postgresql:"):
        from bridge.spool.postgres import copying  # noqa: PLC0415  # an extra

        return copying.reading(place.url, place.password)
    return _reading_file(Path(place.url.removeprefix("sqlite:")))


def _writing(place: Place) -> AbstractContextManager[Side]:
    if place.url.startswith("postgresql:"):
        from bridge.spool.postgres import copying  # noqa: PLC0415  # an extra

        return copying.writing(place.url, place.password)
    return _writing_file(Path(place.url.removeprefix("sqlite:")))


@dataclass(frozen=True, slots=True)
class _File:
    """A SQLite file."""

    db: apsw.Connection

    def columns(self, table: str) -> list[str]:
        return [row[1] for row in self.db.execute(f"PRAGMA table_info({table})") if row[1] not in _LEFT_BEHIND]

    def count(self, table: str) -> int:
        rows: list[Any] = self.db.execute(f"SELECT count(*) FROM {table}").fetchall()  # noqa: S608  # our own names
        return int(rows[0][0])

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[list[Row]]:
        order = "1" if self._without_rowid(table) else "rowid"
        cursor = self.db.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {order}")  # noqa: S608  # as above
        batch: list[Row] = []
        for row in cursor:
            batch.append(row)
            if len(batch) == BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def put(self, table: str, columns: Sequence[str], rows: list[Row]) -> None:
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        self.db.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)  # noqa: S608  # as above

    def _without_rowid(self, table: str) -> bool:
        rows: list[Any] = self.db.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchall()
        return "WITHOUT ROWID" in rows[0][0]


@contextmanager
def _reading_file(path: Path) -> Iterator[Side]:
    if not path.exists():
        raise SpoolDamaged(f"{path} does not exist")
    held = lock(path)
    try:
        db = connect(path, writing=True, command=True)  # a file that a killed daemon left has a log to be read
        try:
            with db:
                yield _File(db)
        finally:
            db.close()
    finally:
        os.close(held)


@contextmanager
def _writing_file(path: Path) -> Iterator[Side]:
    """Beside the file, which takes its place in the end."""
    if path.exists() and path.stat().st_size:
        raise SpoolDamaged(f"{path} exists: name a file that does not")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.copy")
    held = lock(path)
    try:
        new.unlink(missing_ok=True)
        new.touch(mode=0o600)
        db = connect(new, writing=True, command=False)
        try:
            with db:
                yield _File(db)
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            db.close()
        new.rename(path)
        generation.file_of(path).unlink(missing_ok=True)  # of another one that was here: this is the newest
        directory = os.open(path.parent, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)
    finally:
        new.unlink(missing_ok=True)
        os.close(held)
