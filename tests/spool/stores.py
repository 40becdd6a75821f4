"""What tests of the contract know of both stores."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bridge.spool.postgres.store import PostgresSpool, open_spool
from bridge.spool.sqlite import SqliteSpool
from tests import pg

Store = SqliteSpool | PostgresSpool


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


async def restarted(spool: Store, opened: Callable[[], Awaitable[Store]]) -> Store:
    """The next run of a program that was killed; where several run, once the others know that it is dead."""
    if isinstance(spool, SqliteSpool):
        await spool.close()
        return await opened()
    dead = spool.node
    await spool.abandon()
    after = await opened()
    assert isinstance(after, PostgresSpool)
    await after.take_over(dead)
    return after


async def look(spool: Store, sql: str) -> list[tuple[Any, ...]]:
    """What is really in the tables."""
    found: list[tuple[Any, ...]] = await spool._read(lambda db: list(db.execute(sql).fetchall()))
    return found
