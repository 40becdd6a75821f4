"""A real spool for every test of the contract, on a real file and on a real server."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bridge.spool.sqlite import open_spool
from tests.databases import Database
from tests.spool.stores import Store


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
