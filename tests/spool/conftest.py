"""A real spool on a real file for every test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.spool.sqlite import SqliteSpool, open_spool


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[SqliteSpool]:
    opened = await open_spool(tmp_path / "spool.db")
    yield opened
    await opened.close()
