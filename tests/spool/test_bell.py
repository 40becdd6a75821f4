"""The bell: heard by others, silent where it cannot be, and never needed."""

import asyncio

import asyncpg

from bridge.message import Channel
from bridge.spool.postgres import bell
from bridge.spool.postgres.bell import Bell
from bridge.spool.postgres.link import target
from tests.databases import Database
from tests.make import NOW, delivery, intake
from tests.wait import until


async def test_what_is_rung_together_is_told_once(emptied: Database) -> None:
    heard: list[Channel] = []
    own: list[Channel] = []
    where = target(emptied.url, emptied.server.password)
    one, other = Bell(where, own.append), Bell(where, heard.append)
    await until(lambda: one.listens and other.listens)
    for _ in range(50):
        one.ring(Channel.SMS)
    await until(lambda: heard)
    one.ring(Channel.MAIL)
    await until(lambda: Channel.MAIL in heard)
    assert len(heard) < 10
    assert own == []
    await one.close()
    await other.close()


async def test_noise_is_not_heard(emptied: Database) -> None:
    heard: list[Channel] = []
    made = Bell(target(emptied.url, emptied.server.password), heard.append)
    await until(lambda: made.listens)
    admin = await asyncpg.connect(emptied.url, password=emptied.server.password)
    await admin.execute("SELECT pg_notify($1, 'fax')", bell.CHANNEL)
    await admin.execute("SELECT pg_notify($1, 'sms')", bell.CHANNEL)
    await until(lambda: heard == [Channel.SMS])
    await admin.close()
    await made.close()


async def test_behind_a_pooler_nobody_listens_and_everything_is_found(emptied: Database) -> None:
    url = emptied.server.url(emptied.name, statement_cache_size="0")
    spool, other = await emptied.open(url=url, wake=lambda _: None), await emptied.open(url=url, wake=lambda _: None)
    assert spool._bell is None
    await spool.accept(intake(delivery()))
    assert len(await other.start(Channel.SMS, 1, NOW, NOW + 300, (), ())) == 1
    await asyncio.gather(spool.close(), other.close())


async def test_without_a_server_it_only_waits() -> None:
    made = Bell(target("postgresql://bridge@127.0.0.1:1/x"), lambda _: None)
    made.ring(Channel.SMS)
    await asyncio.sleep(0.05)
    await made.close()
    assert not made.listens
