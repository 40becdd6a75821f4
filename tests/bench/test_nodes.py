"""The PostgreSQL that is measured keeps its promises: the tests' own does not sync."""

import contextlib
from typing import Any

import pytest

from bridge.spool.postgres.link import Link
from tests.bench import nodes
from tests.bench.frame import Missing
from tests.wait import until


async def test_every_commit_is_synced() -> None:
    with contextlib.ExitStack() as stack:
        try:
            server = nodes.syncing(stack)
        except Missing as missing:
            pytest.skip(str(missing))
        found: dict[str, Any] = {}

        def look(link: Link) -> bool:
            for name in ("fsync", "full_page_writes", "synchronous_commit"):
                found[name] = link.execute(f"SELECT current_setting('{name}')").fetchall()[0][0]
            return set(found.values()) == {"on"}

        def synced() -> bool:
            server.on("postgres", look)
            return set(found.values()) == {"on"}

        await until(synced, "its settings are taken")
