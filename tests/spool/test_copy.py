"""A spool moves from a file to a server and back, and is the same; nothing is copied below a bridge that runs."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from bridge.message import Channel, Report, ReportState, StoreUnavailable
from bridge.spool import CONVERSATION_FOR, Conversation, SpoolDamaged, SpoolLocked
from bridge.spool import copy as copying
from bridge.spool.copy import TABLES, Place, copy
from bridge.spool.disk import lock
from bridge.spool.schema import MIGRATIONS
from bridge.spool.sqlite import connect, open_spool
from tests.databases import Database
from tests.make import NOW, PHONE, delivery, intake
from tests.spool.stores import Store, leased, look

TALK = Conversation(phone=PHONE, line="", author="anna@example.org", expires_at=NOW + CONVERSATION_FOR)


async def fill(spool: Store) -> None:
    """Something in every table."""
    await spool.accept(
        intake(
            *(delivery(number, payload=b"\x00\xff", reason="Grüße 🐢") for number in range(1, 30)),
            seen=[b"k%d" % number for number in range(1, 30)],
            conversations=[TALK],
            notification_id="n",
            original=b"Subject: x",
            expanded=[("M1-1", "all@example.org")],
        )
    )
    await spool.start(Channel.SMS, 1, NOW, NOW + 300, (), ())
    await leased(spool, NOW + 300)
    await spool.report(Report(notification_id="r", state=ReportState.DELIVERED, transfer_id="nobody's"), NOW)
    await spool.bury("b", b"\xff", "no JSON", NOW)


async def everything(spool: Store) -> dict[str, Any]:
    counts = {table: await look(spool, f"SELECT count(*) FROM {table}") for table in TABLES}  # noqa: S608  # our own names
    return {
        "counts": counts,
        "mail": await spool.show("M1"),
        "alerts": await spool.alerts(9),
        "talk": await spool.conversation(PHONE, None, NOW),
        "original": await spool.original("M1"),
        "telling": await spool.telling(NOW + 999, NOW + 999, 9),
    }


def test_there_and_back_it_is_the_same(tmp_path: Path, bare: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "BATCH", 7)
    monkeypatch.setattr("bridge.spool.postgres.copying._BATCH", 7)
    one, other = tmp_path / "one.db", tmp_path / "new" / "other.db"
    server = Place(url=bare.url, password=bare.server.password)

    async def first() -> dict[str, Any]:
        spool = await open_spool(one)
        await fill(spool)
        before = await everything(spool)
        await spool.close()
        return before

    async def on_server() -> dict[str, Any]:
        spool = await bare.open()
        found = await everything(spool)
        await spool.close()
        return found

    async def last() -> dict[str, Any]:
        spool = await open_spool(other)
        found = await everything(spool)
        assert await spool.recover(NOW) == (1, 0)
        assert len(await spool.start(Channel.SMS, 99, NOW, NOW, (), ())) == 28  # leases stayed behind
        await spool.accept(intake(delivery(mail="M2"), id="M2"))
        await spool.alert("new", NOW)
        await spool.close()
        return found

    before = asyncio.run(first())
    copied = copy(Place(url=f"sqlite:{one}"), server)
    assert copied == {table: rows[0][0] for table, rows in before["counts"].items()}
    assert all(copied.values())
    assert asyncio.run(on_server()) == before
    assert copy(server, Place(url=f"sqlite:{other}")) == copied
    assert asyncio.run(last()) == before
    assert other.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in other.parent.iterdir()) == ["other.db", "other.db.lock"]


async def test_on_the_server_new_rows_come_after_copied_ones(tmp_path: Path, bare: Database) -> None:
    spool = await open_spool(tmp_path / "s.db")
    await fill(spool)
    await spool.close()
    await asyncio.to_thread(
        copy, Place(url=f"sqlite:{tmp_path / 's.db'}"), Place(url=bare.url, password=bare.server.password)
    )
    node = await bare.open()
    assert await node.recover(NOW) == (1, 0)  # what was under way, as after a crash
    await node.accept(intake(delivery(mail="M2"), id="M2"))
    await node.alert("new", NOW)
    assert [alert.text for alert in await node.alerts(9)][-1] == "new"
    assert [item.mail for item in await node.listing(None, 99)][-1] == "M2"
    await node.close()


def test_nothing_is_copied_below_a_daemon_on_a_file(tmp_path: Path, bare: Database) -> None:
    path = tmp_path / "s.db"
    connect(path, writing=True, command=False).close()
    held = lock(path)
    server = Place(url=bare.url, password=bare.server.password)
    with pytest.raises(SpoolLocked):
        copy(Place(url=f"sqlite:{path}"), server)
    os.close(held)
    held = lock(tmp_path / "new.db")
    with pytest.raises(SpoolLocked):
        copy(Place(url=f"sqlite:{path}"), Place(url=f"sqlite:{tmp_path / 'new.db'}"))
    os.close(held)


async def test_nothing_is_copied_below_a_node_that_lives(
    tmp_path: Path, bare: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.spool.postgres.copying._WATCHED_EVERY", 0.2)
    node = await bare.open(heartbeat=0.05)
    server = Place(url=bare.url, password=bare.server.password)
    with pytest.raises(SpoolLocked, match="stop all of them first"):
        await asyncio.to_thread(copy, server, Place(url=f"sqlite:{tmp_path / 's.db'}"))
    assert not (tmp_path / "s.db").exists()
    dead = node.node
    await node.abandon()
    monkeypatch.setattr("bridge.spool.postgres.copying.WATCHED_FOR", 0.3)
    await asyncio.to_thread(copy, server, Place(url=f"sqlite:{tmp_path / 's.db'}"))
    after = await bare.open()
    assert (dead,) not in await look(after, "SELECT id FROM nodes")
    await after.close()


async def test_a_target_that_is_not_empty_is_left_alone(tmp_path: Path, emptied: Database) -> None:
    node = await emptied.open()
    await node.alert("something", NOW)
    await node.close()
    path = tmp_path / "s.db"
    connect(path, writing=True, command=False).close()
    server = Place(url=emptied.url, password=emptied.server.password)
    with pytest.raises(SpoolDamaged, match="not empty: it has alerts"):
        await asyncio.to_thread(copy, Place(url=f"sqlite:{path}"), server)
    before = path.read_bytes()
    with pytest.raises(SpoolDamaged, match="exists"):
        await asyncio.to_thread(copy, server, Place(url=f"sqlite:{path}"))
    assert path.read_bytes() == before


def test_what_breaks_in_the_middle_leaves_nothing(
    tmp_path: Path, bare: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def filled() -> None:
        spool = await open_spool(tmp_path / "s.db")
        await fill(spool)
        await spool.close()

    asyncio.run(filled())
    source, server = Place(url=f"sqlite:{tmp_path / 's.db'}"), Place(url=bare.url, password=bare.server.password)
    monkeypatch.setattr(copying, "TABLES", (*TABLES[:4], "nothing"))
    for target in (server, Place(url=f"sqlite:{tmp_path / 'new.db'}")):
        with pytest.raises((StoreUnavailable, Exception), match="nothing"):
            copy(source, target)
    assert not (tmp_path / "new.db").exists()
    assert not (tmp_path / "new.db.copy").exists()
    monkeypatch.undo()
    assert copy(source, server)["deliveries"] == 29


def test_places_without_a_spool_are_said(tmp_path: Path, bare: Database) -> None:
    server = Place(url=bare.url, password=bare.server.password)
    with pytest.raises(SpoolDamaged, match="does not exist"):
        copy(Place(url=f"sqlite:{tmp_path / 's.db'}"), server)
    with pytest.raises(SpoolDamaged, match="holds no spool"):
        copy(server, Place(url=f"sqlite:{tmp_path / 's.db'}"))


def test_tables_that_a_copy_would_forget_are_named() -> None:
    import re

    made = set(re.findall(r"CREATE TABLE (\w+)", "".join(MIGRATIONS)))
    assert made - set(TABLES) == {"generation"}
