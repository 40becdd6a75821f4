"""What a server is asked to do for what was erased, and what it remembers of a number."""

import asyncio
from pathlib import Path

from bridge.message import Sms, State, encode_sms
from bridge.spool.forgetting import number
from bridge.spool.postgres.link import target
from bridge.spool.postgres.vacuum import vacuum
from tests.databases import Database
from tests.make import NOW, PHONE, delivery, intake
from tests.spool.stores import look

MARK = "seeded-marker-of-a-text"


async def test_that_the_provider_refused_it_is_forgotten_too(emptied: Database) -> None:
    emptied.script(f"INSERT INTO refused (phone, until) VALUES ('{PHONE}', {NOW}), ('436600000002', {NOW})")  # noqa: S608  # our own
    spool = await emptied.open()
    await spool.forget(number(PHONE), NOW, yes=False)
    assert await look(spool, "SELECT phone FROM refused") == [("436600000002",)]
    await spool.close()


async def test_row_129_on_a_server_the_administrators_vacuum_full_ends_it(bare: Database) -> None:
    """As docs/operate.md says: from the tables at once, from their files with VACUUM FULL; the log is the server's."""
    spool = await bare.open()
    payload = encode_sms(Sms(text=MARK * 5))
    await spool.accept(intake(*(delivery(n, state=State.SENT, payload=payload) for n in range(1, 50))))
    bare.script("CHECKPOINT")
    assert _found(bare)
    await spool.purge(NOW + 4 * 86400, 3 * 86400.0, 90 * 86400.0)
    assert await look(spool, "SELECT count(*) FROM deliveries WHERE payload <> ''") == [(0,)]
    await spool.scrub()
    bare.script("VACUUM FULL")
    bare.script("CHECKPOINT")
    assert _found(bare) == []
    await spool.close()


async def test_a_server_that_knows_no_vacuum_is_no_error(bare: Database) -> None:
    await asyncio.to_thread(vacuum, target(bare.url, bare.server.password))  # there is not even a table
    await asyncio.to_thread(vacuum, target(bare.url, "wrong"))


def _found(database: Database) -> list[Path]:
    return [
        file
        for file in (database.server.directory / "data" / "base").rglob("*")
        if file.is_file() and MARK.encode() in file.read_bytes()
    ]
