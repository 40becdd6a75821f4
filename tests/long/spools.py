"""Where the bridge of a long proof has its spool, and how the proof looks into it: a file, or a database on a server.

A proof reads the tables itself, over a connection of its own: what a bridge says of itself would prove less.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import apsw

from tests import pg
from tests.flows.program import PROGRAM
from tests.flows.rig import Bridge

Rows = Sequence[tuple[Any, ...]]

HEARTBEAT, DEAD_AFTER = 0.2, 1.5
"""Seconds; a seventh of what they are outside of tests, so that more nodes die in the same time."""

_LONG = 60.0  # seconds for one look: the server may be busy, and in some proofs it has just been killed
_NUMBERS = itertools.count(1)


class Unreadable(Exception):
    """Not now: there is no table yet, or nobody who could answer."""


class Spool(Protocol):
    """A bridge's spool."""

    def give(self, bridge: Bridge) -> None:
        """Tell a bridge that was not started yet."""

    def rows(self, sql: str) -> Rows:
        """What a query finds. Raises `Unreadable`."""

    def close(self) -> None:
        """Look no more."""


class InFile:
    """The file that a bridge makes in its own directory."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def give(self, bridge: Bridge) -> None:
        assert bridge.place == self._path.parent

    def rows(self, sql: str) -> Rows:
        try:
            db = apsw.Connection(str(self._path), flags=apsw.SQLITE_OPEN_READONLY)
            found = list(db.execute(sql).fetchall())
            db.close()
        except apsw.Error as error:
            raise Unreadable from error
        return found

    def close(self) -> None:
        return


class OnServer:
    """A database on a server."""

    def __init__(
        self, server: pg.Server, database: str, *, heartbeat: float = HEARTBEAT, dead_after: float = DEAD_AFTER
    ) -> None:
        """`heartbeat` and `dead_after` are for the bridges that it is given to."""
        from bridge.spool.postgres.link import Link, target

        self.server, self.database = server, database
        self._program = impatient(heartbeat, dead_after)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="proof")  # a test's own loop runs in the other thread
        self._link = self._pool.submit(lambda: Link(target(server.url(database), server.password))).result()

    def give(self, bridge: Bridge) -> None:
        bridge.program = self._program
        on_server(bridge, self.server, self.server.url(self.database))

    def rows(self, sql: str) -> Rows:
        return self._pool.submit(self._rows, sql).result(_LONG)

    def close(self) -> None:
        self._pool.submit(self._link.close).result(_LONG)
        self._pool.shutdown()

    def _rows(self, sql: str) -> Rows:
        try:
            self._link.open()
            return self._link.execute(sql).fetchall()
        except Exception as error:
            self._link.drop()
            raise Unreadable from error


@asynccontextmanager
async def fresh(place: Path, server: pg.Server | None, **options: float) -> AsyncIterator[Spool]:
    """For a bridge in the directory `place`: a file there, or a new database, where there is a server."""
    if server is None:
        yield InFile(place / "smsbridge.db")
        return
    name = database()
    await asyncio.to_thread(server.script, f"CREATE DATABASE {name}")
    spool = OnServer(server, name, **options)
    try:
        yield spool
    finally:
        spool.close()
        await asyncio.to_thread(server.script, f"DROP DATABASE {name} WITH (FORCE)")


def database() -> str:
    """A name that no other proof has taken."""
    return f"long_{next(_NUMBERS)}"


def on_server(bridge: Bridge, server: pg.Server, url: str) -> None:
    """Have a bridge that was not started yet keep its spool there."""
    password = bridge.place / "spool-password"
    password.write_text(server.password + "\n", encoding="ascii")
    password.chmod(0o600)
    with bridge.config.open("a", encoding="utf-8") as file:
        file.write(f'\n[spool]\nurl = "{url}"\npassword_file = "{password.name}"\n')


def impatient(heartbeat: float, dead_after: float) -> str:
    """The program with other times than those that nodes have outside of tests."""
    times: Final = f"store.HEARTBEAT, store.DEAD_AFTER = {heartbeat}, {dead_after}"
    return PROGRAM.replace("from bridge.cli", f"from bridge.spool.postgres import store; {times}; from bridge.cli")
