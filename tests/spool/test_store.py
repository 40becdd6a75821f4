"""PostgreSQL as administrators set it up: what is refused, what is borne, and several nodes that come at once."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.message import Channel, Report, ReportState, State, StoreUnavailable
from bridge.spool import Intake, SpoolDamaged, Step
from bridge.spool.postgres.store import open_spool
from bridge.spool.schema import MIGRATIONS
from tests.databases import Database
from tests.make import NOW, delivery, intake
from tests.spool.stores import look
from tests.wait import PATIENCE, until

KEY = b"k" * 32


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("synchronous_commit = off", "synchronous_commit = off and would lose"),
        ("default_transaction_read_only = on", "standby or read-only"),
    ],
)
async def test_row_81_a_server_that_keeps_no_promise_is_refused(bare: Database, setting: str, says: str) -> None:
    bare.script(f"ALTER DATABASE {bare.name} SET {setting}")
    with pytest.raises(SpoolDamaged, match=says):
        await bare.open()


async def test_a_database_that_cannot_hold_every_text_is_refused(bare: Database) -> None:
    bare.script(f"CREATE DATABASE {bare.name}_ascii ENCODING 'SQL_ASCII' TEMPLATE template0")
    with pytest.raises(SpoolDamaged, match="ENCODING 'UTF8'"):
        await bare.open(url=bare.server.url(f"{bare.name}_ascii"))


async def test_what_leads_nowhere_is_said(bare: Database) -> None:
    with pytest.raises(SpoolDamaged, match="leads to no database"):
        await bare.open(url=bare.server.url("none"))
    with pytest.raises(SpoolDamaged, match="does not let us in"):
        await open_spool(bare.url, "wrong")
    with pytest.raises(StoreUnavailable):
        await bare.open(url="postgresql://bridge@127.0.0.1:1/none")


async def test_a_command_makes_no_tables_and_is_no_node(bare: Database) -> None:
    with pytest.raises(StoreUnavailable, match="smsbridge serve"):
        await bare.open(command=True)
    node = await bare.open()
    await node.accept(intake(delivery()))
    command = await bare.open(command=True)
    assert await command.move([Step(id="M1-1", to=State.HELD, event="held")], NOW) == [True]
    assert await look(node, "SELECT role FROM nodes ORDER BY role") == [("command",), ("node",)]
    await command.close()
    assert await look(node, "SELECT role FROM nodes") == [("node",)]
    await node.close()


async def test_tables_of_another_version_are_refused(bare: Database) -> None:
    await (await bare.open()).close()
    bare.script(f"UPDATE smsbridge SET version = {len(MIGRATIONS) - 1}")  # noqa: S608  # a number
    with pytest.raises(StoreUnavailable, match="older smsbridge"):
        await bare.open(command=True)
    bare.script(f"UPDATE smsbridge SET version = {len(MIGRATIONS) + 1}")  # noqa: S608  # a number
    for command in (False, True):
        with pytest.raises(SpoolDamaged, match="install the newer smsbridge"):
            await bare.open(command=command)


def test_without_the_library_it_is_said_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "asyncpg.py").write_text("raise ImportError")
    code = "import sys; sys.path.insert(0, sys.argv[1]); import bridge.spool.postgres.store"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path], cwd=root, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert "SpoolDamaged" in done.stderr
    assert "pip install 'smsbridge[postgres]'" in done.stderr


async def test_no_content_keeps_a_message_from_being_taken(emptied: Database) -> None:
    odd = "a\x00b\ud800c🐢"
    spool = await emptied.open()
    await spool.accept(
        intake(delivery(reason=odd, payload=b"\x00\xff"), sender=odd, message_id=odd, notification_id=odd, envid=odd)
    )
    ((found, _),) = await spool.show("M1")
    assert (found.reason, found.payload) == ("a\ufffdb\ufffdc🐢", b"\x00\xff")
    assert (await spool.accept(intake(delivery(mail="M2"), id="M2", notification_id=odd))).repeated
    assert await spool.report(
        Report(notification_id=odd, state=ReportState.DELIVERED, client_message_id="M1-1", text=odd), NOW
    )
    await spool.close()


async def test_a_pooler_by_transaction_will_do(bare: Database) -> None:
    spool = await bare.open(url=bare.server.url(bare.name, statement_cache_size="0"))
    await asyncio.gather(*(spool.accept(intake(delivery(mail=f"M{number}"), id=f"M{number}")) for number in range(20)))
    begun = await spool.start(Channel.SMS, 20, NOW, NOW + 300, (), ())
    steps = [Step(id=item.id, to=State.SENT, event="sent") for item in begun]
    assert await spool.move(steps, NOW) == [True] * 20
    assert await look(spool, "SELECT count(*) FROM pg_prepared_statements") == [(0,)]
    await spool.close()


async def test_several_nodes_may_make_the_same_spool_at_once(bare: Database) -> None:
    for number in range(5):
        bare.script(f"CREATE DATABASE {bare.name}_{number}")
        url = bare.server.url(f"{bare.name}_{number}")
        spools = await asyncio.gather(*(bare.open(url=url) for _ in range(4)))
        assert await look(spools[0], "SELECT version FROM smsbridge") == [(len(MIGRATIONS),)]
        await asyncio.gather(*(spool.close() for spool in spools))


async def test_the_same_mail_on_several_nodes_is_kept_once(emptied: Database) -> None:
    spools = [await emptied.open() for _ in range(3)]

    def same(number: int) -> Intake:
        return intake(delivery(mail=f"M{number}"), id=f"M{number}", seen=[KEY])

    accepted = await asyncio.gather(*(spools[number % 3].accept(same(number)) for number in range(60)))
    assert len({one.id for one in accepted}) == 1
    assert sum(not one.repeated for one in accepted) == 1
    assert await spools[0].open_count() == 1
    # A first that failed counts no more, and again only one takes its place.
    await spools[0].move([Step(id=f"{accepted[0].id}-1", to=State.DROPPED, event="dropped")], NOW)
    accepted = await asyncio.gather(*(spools[number % 3].accept(same(number)) for number in range(60, 120)))
    assert sum(not one.repeated for one in accepted) == 1
    assert await spools[0].open_count() == 1
    await asyncio.gather(*(spool.close() for spool in spools))


async def test_the_same_notification_on_several_nodes_is_kept_once(emptied: Database) -> None:
    spools = [await emptied.open() for _ in range(3)]
    accepted = await asyncio.gather(
        *(
            spools[number % 3].accept(
                intake(
                    delivery(mail=f"N{number}", channel=Channel.MAIL), id=f"N{number}", kind="sms", notification_id="n"
                )
            )
            for number in range(60)
        )
    )
    assert len({one.id for one in accepted}) == 1
    assert await spools[0].open_count() == 1
    await asyncio.gather(*(spool.close() for spool in spools))


async def test_mails_that_cross_on_two_nodes_do_not_block_each_other(emptied: Database) -> None:
    """Each node takes in the same many mails, in another order: without an order of locks that is a deadlock."""
    spools = [await emptied.open() for _ in range(2)]
    names = [f"M{number}" for number in range(200)]

    async def take(spool: int, name: str) -> bool:
        own = f"{name}-{spool}"
        made = intake(delivery(mail=own), id=own, seen=[name.encode()])
        return (await spools[spool].accept(made)).repeated

    for _ in range(3):
        await asyncio.gather(*(take(0, name) for name in names), *(take(1, name) for name in reversed(names)))
    assert await spools[0].open_count() == 200
    await asyncio.gather(*(spool.close() for spool in spools))


async def test_nothing_is_started_by_two_nodes(emptied: Database) -> None:
    spools = [await emptied.open() for _ in range(3)]
    await spools[0].accept(intake(*(delivery(number) for number in range(1, 101))))
    batches = await asyncio.gather(*(spools[n % 3].start(Channel.SMS, 7, NOW, NOW + 300, (), ()) for n in range(60)))
    ids = [item.id for batch in batches for item in batch]
    assert len(ids) == len(set(ids))
    assert len(ids) + len(await spools[0].start(Channel.SMS, 100, NOW, NOW + 300, (), ())) == 100
    await asyncio.gather(*(spool.close() for spool in spools))


async def test_an_outcome_is_told_by_one_node(emptied: Database) -> None:
    spools = [await emptied.open() for _ in range(2)]
    await spools[0].accept(intake(delivery(state=State.SENDING)))
    await spools[0].move([Step(id="M1-1", to=State.FAILED, event="bounced", told="failed")], NOW)
    await spools[0].alert("one", NOW)
    (alert,) = await spools[0].alerts(9)
    for told in ({"told": [("M1-1", "failed")]}, {"alerts_told": [alert.id]}):
        accepted = await asyncio.gather(
            *(
                spool.accept(
                    intake(
                        delivery(mail=f"{next(iter(told))}{n}", channel=Channel.MAIL),
                        id=f"{next(iter(told))}{n}",
                        kind="notice",
                        **told,
                    )
                )
                for n, spool in enumerate(spools)
            )
        )
        assert sorted(one.repeated for one in accepted) == [False, True]
    assert await spools[0].open_count() == 2
    assert await spools[1].alerts(9) == []
    await asyncio.gather(*(spool.close() for spool in spools))


async def test_another_node_is_told_of_what_is_new(emptied: Database) -> None:
    heard: list[Channel] = []
    listening = await emptied.open(wake=heard.append)
    talking = await emptied.open(wake=lambda _: None)
    await until(lambda: listening._bell and listening._bell.listens and talking._bell and talking._bell.listens)
    await talking.accept(intake(delivery(1), delivery(2, channel=Channel.MAIL)))
    await until(lambda: set(heard) == set(Channel), "both channels")
    await listening.close()
    await talking.close()


async def test_an_idle_node_writes_its_heartbeat_and_nothing_else(emptied: Database) -> None:
    spool = await emptied.open()
    await spool.probe()
    before = spool.lane.commits
    for _ in range(20):
        assert await spool.start(Channel.SMS, 9, NOW, NOW + 300, (), ()) == []
        assert await spool.release_leases(NOW) == 0
    assert spool.lane.commits == before
    await spool.close()
