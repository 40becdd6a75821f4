"""Whether a pooler (PgBouncer and the like) stands between us and the server, and what it takes to work through it.

A pooler tells us a number for cancelling that is its own and not the server's process, so the two differ. Then nothing
is left to what a connection remembers: each statement is in a transaction, none is kept prepared, and notifications are
replaced by looking, since the next transaction may be given another connection. Where the pooler gives each of us one
for good ("session"), that costs a little and is right as well; who wants it otherwise says so in the URL.
"""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Final

from bridge.spool import SpoolDamaged
from bridge.spool.postgres.link import CONNECT_TIMEOUT, Target, connect

_OURS: Final = "SELECT 1"


def settled(where: Target) -> Target:
    """The same, as it must be spoken to. Not within a running loop. Raises `StoreUnavailable`, and `SpoolDamaged` for a
    pooler that knows no transactions.
    """
    return asyncio.run(_settled(where))


async def _settled(where: Target) -> Target:
    if where.chosen and not where.pooled:
        return where
    pooled = replace(where, statements=0)
    connection = await connect(pooled)
    try:
        # In one message and without values, so that it needs nothing of what is asked for here.
        process = int(connection.get_server_pid())
        if await connection.execute(f"SELECT 1 WHERE pg_backend_pid() = {process}") == _OURS:
            return where
        try:
            await connection.execute("BEGIN")
            await connection.execute("ROLLBACK")
        except Exception as error:
            words = f"a pooler stands before PostgreSQL and lets no transaction through ({error})"
            raise SpoolDamaged(f"{words}: set its pool_mode to transaction or session") from error
    finally:
        with suppress(Exception):
            await connection.close(timeout=CONNECT_TIMEOUT)
    return pooled
