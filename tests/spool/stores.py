"""What tests of the contract know of both stores."""

from collections.abc import Awaitable, Callable, Collection
from typing import Any

from bridge.message import Channel
from bridge.spool.postgres.store import PostgresSpool
from bridge.spool.sqlite import SqliteSpool

Store = SqliteSpool | PostgresSpool


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


async def leased(spool: Store, until: float, without: Collection[str] = ()) -> None:
    """Lease all SMS that wait, but those of some routes, as `start` does with what is past its end: here all is."""
    assert await spool.start(Channel.SMS, 1, 1e12, until, without, ()) == []


async def look(spool: Store, sql: str) -> list[tuple[Any, ...]]:
    """What is really in the tables."""
    found: list[tuple[Any, ...]] = await spool._read(lambda db: list(db.execute(sql).fetchall()))
    return found
