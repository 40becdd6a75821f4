"""No query of a running bridge reads a whole table: what is quick on an empty queue is so with a million in it."""

import asyncio
import re
from pathlib import Path

import apsw
import pytest

from bridge.message import Channel, Report, ReportState, State
from bridge.spool import OPEN, Conversation, Step
from bridge.spool.sqlite import SqliteSpool, open_spool
from tests.make import delivery, intake

LARGE = ("deliveries", "mails", "events", "seen", "notifications", "originals")
"""Not conversations and orphans, read as a whole once an hour: one row a phone, and reports of nothing of ours."""

NOW = 1_800_000_000.0


def watch(db: apsw.Connection, seen: set[str]) -> None:
    def note(_: object, sql: str, __: object) -> bool:
        seen.add(sql)
        return True

    db.exec_trace = note


def scans(db: apsw.Connection, sql: str) -> list[str]:
    """The large tables that a statement reads as a whole, by SQLite's own plan."""
    if not re.match(r"\s*(?:SELECT|UPDATE|DELETE|INSERT|WITH)\b", sql, re.IGNORECASE):
        return []
    bound = dict.fromkeys(re.findall(r"[:@$](\w+)", sql))
    count = max([int(n) for n in re.findall(r"\?(\d+)", sql)] or [0], default=0) or sql.count("?")
    plan = db.execute(f"EXPLAIN QUERY PLAN {sql}", bound or (None,) * count).fetchall()
    lines = [str(row[3]) for row in plan]
    return [line for line in lines if re.match(r"SCAN (\w+)", line) and " USING " not in line and _is_large(line, sql)]


def _is_large(line: str, sql: str) -> bool:
    name = line.split()[1]
    aliases = {alias: table for table, alias in re.findall(r"\b(\w+)(?: AS)? (\w)\b", sql) if table in LARGE}
    return aliases.get(name, name) in LARGE


async def ordinary_life(spool: SqliteSpool) -> None:
    """Everything that doors, delivery, sweep and notices ask a spool in a day."""
    talk = [Conversation(phone="436600000001", line="", author="anna@example.org", expires_at=NOW + 60)]
    await spool.begin(NOW)
    await spool.recover(NOW)
    for number in (1, 2, 3):
        one = delivery(
            1, mail=f"M{number}", created_at=NOW, next_at=NOW, expires_at=NOW + 60, sender="anna@example.org"
        )
        await spool.accept(intake(one, id=f"M{number}", at=NOW, seen=[bytes([number])], conversations=talk))
    await spool.start(Channel.SMS, 3, NOW, NOW + 300, (), ())
    accepted = Step(id="M1-1", to=State.SENT, event="sent", transfer_id="t1", code="2000")
    failed = Step(id="M2-1", to=State.FAILED, event="bounced", code="4002", told="failed")
    unknown = Step(id="M3-1", to=State.UNKNOWN, event="unknown")
    await spool.move([accepted, failed, unknown], NOW)
    for transfer in ("t1", "t2"):
        await spool.report(
            Report(notification_id=f"n{transfer}", state=ReportState.DELIVERED, transfer_id=transfer), NOW
        )
    await spool.expired(NOW, 100)
    await spool.overdue_unknown(NOW, 100)
    await spool.telling(NOW + 5, NOW + 5, 100)
    await spool.telling(NOW + 5, NOW + 5, 100, told_to="anna@example.org")
    await spool.conversation("436600000001", None, NOW)
    await spool.oldest(Channel.SMS)
    await spool.open_count()
    for state in (None, *OPEN):
        await spool.listing(state, 10)
    await spool.counts()
    await spool.depth()
    await spool.release_leases(NOW)
    await spool.alert("a sentence", NOW)
    await spool.alerts(10)
    await spool.purge(NOW + 10, 1.0, 100.0)
    await spool.show("M1")
    await spool.probe()


async def test_ordinary_life_reads_no_table_as_a_whole(tmp_path: Path) -> None:
    spool = await open_spool(tmp_path / "s.db")
    seen: set[str] = set()
    await spool.counts()  # opens the third
    for db in (spool._db, spool._reading, spool._looking):  # the connections are what is watched
        assert db is not None
        watch(db, seen)
    await ordinary_life(spool)
    await spool.close()
    assert len(seen) > 30
    looker = apsw.Connection(str(tmp_path / "s.db"))
    found = {sql: plan for sql in seen if (plan := scans(looker, sql))}
    looker.close()
    assert found == {}


async def ways(spool: SqliteSpool, run: str, count: int) -> None:
    """Of so many SMS from the door to the provider, each step of all in one transaction."""
    talk = [Conversation(phone="436600000001", line="", author="anna@example.org", expires_at=NOW + 60)]
    mails = [f"{run}{number}" for number in range(count)]
    wanted = [
        intake(delivery(1, mail=mail), id=mail, seen=[mail.encode()], conversations=talk, original=b"Subject: x\r\n")
        for mail in mails
    ]
    await asyncio.gather(*(spool.accept(one) for one in wanted))
    assert len(await spool.start(Channel.SMS, count, NOW, NOW + 300, (), ())) == count
    sent = [Step(id=f"{mail}-1", to=State.SENT, event="sent", transfer_id=f"t-{mail}", code="2000") for mail in mails]
    assert all(await asyncio.gather(*(spool.move([step], NOW) for step in sent)))


async def test_nothing_that_is_done_for_each_sms_builds_a_table_in_memory(tmp_path: Path) -> None:
    """As SQLite does for an IN of more than two, also in the words of an index: it costs as much as the rest."""
    spool = await open_spool(tmp_path / "s.db")
    seen: set[str] = set()
    watch(spool._db, seen)
    await ways(spool, "M", 1)
    await spool.close()
    assert len(seen) > 10
    db = apsw.Connection(str(tmp_path / "s.db"))
    for sql in seen:
        bound = dict.fromkeys(re.findall(r":(\w+)", sql)) or (None,) * sql.count("?")
        assert "OpenEphemeral" not in {row[1] for row in db.execute(f"EXPLAIN {sql}", bound)}, sql
    db.close()


async def test_no_statement_is_prepared_again_for_each_batch(tmp_path: Path) -> None:
    spool = await open_spool(tmp_path / "s.db")
    prepared: list[object] = []

    def note(*action: object) -> int:
        prepared.append(action)
        return apsw.SQLITE_OK

    spool._db.authorizer = note  # SQLite asks it whenever it prepares
    await ways(spool, "M", 30)
    assert prepared
    prepared.clear()
    await ways(spool, "N", 30)
    assert prepared == []
    await spool.close()


async def test_what_is_due_or_expired_is_sought_in_its_own_index(tmp_path: Path) -> None:
    spool = await open_spool(tmp_path / "s.db")
    await spool.counts()  # opens the connection that looks
    db = apsw.Connection(str(tmp_path / "s.db"))
    for looking, ask, index in (
        (spool._db, spool.start(Channel.SMS, 3, NOW, NOW + 300, (), ()), "due"),
        (spool._reading, spool.expired(NOW, 100), "expiring"),
        (spool._looking, spool.depth(), "due"),
    ):
        seen: set[str] = set()
        assert looking is not None
        watch(looking, seen)
        await ask
        plans = [
            str(row[3]) for sql in seen for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", (None,) * sql.count("?"))
        ]
        assert any(f" USING INDEX {index}" in plan for plan in plans), plans
        assert not any("USING INDEX open" in plan for plan in plans), plans
    db.close()
    await spool.close()


@pytest.mark.parametrize(
    ("sql", "whole"),
    [
        ("SELECT * FROM deliveries WHERE next_at > ?1", True),
        ("SELECT d.id FROM events e JOIN deliveries d ON d.id = e.delivery WHERE e.text = ?", True),
        ("SELECT * FROM deliveries WHERE id = :id", False),
        ("SELECT count(*) FROM alerts", False),
    ],
)
async def test_the_test_can_fail(tmp_path: Path, sql: str, whole: bool) -> None:  # a parameter of the test
    spool = await open_spool(tmp_path / "s.db")
    await spool.close()
    db = apsw.Connection(str(tmp_path / "s.db"))
    assert bool(scans(db, sql)) is whole
    db.close()
