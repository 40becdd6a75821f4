"""How much waits, on both stores."""

from pathlib import Path

import apsw
import pytest

from bridge.message import Channel, State
from bridge.spool import Step, depth
from bridge.spool.sqlite import open_spool
from tests.make import NOW, delivery, intake
from tests.spool.stores import Store
from tests.spool.test_plans import scans, watch


async def test_every_channel_and_open_state_is_counted(spool: Store) -> None:
    empty = await spool.depth()
    assert set(empty.values()) == {0}
    assert len(empty) == 8
    await spool.accept(intake(*(delivery(number, created_at=NOW, next_at=NOW) for number in range(1, 6))))
    mails = [delivery(number, mail="M2", channel=Channel.MAIL, created_at=NOW, next_at=NOW) for number in (1, 2)]
    await spool.accept(intake(*mails))
    started = await spool.start(Channel.SMS, 3, NOW, NOW + 60, (), ())
    lost, refused, sent = started
    await spool.move(
        [
            Step(id=lost.id, to=State.UNKNOWN, event="unknown"),
            Step(id=refused.id, to=State.HELD, event="held"),
            Step(id=sent.id, to=State.SENT, event="sent"),
        ],
        NOW,
    )
    found = {key: number for key, number in (await spool.depth()).items() if number}
    assert found == {
        (Channel.SMS, State.QUEUED): 2,
        (Channel.SMS, State.UNKNOWN): 1,
        (Channel.SMS, State.HELD): 1,
        (Channel.MAIL, State.QUEUED): 2,
    }


async def test_what_is_leased_is_queued(spool: Store) -> None:
    await spool.accept(intake(delivery(1, created_at=NOW, next_at=NOW, expires_at=NOW - 1)))
    assert await spool.start(Channel.SMS, 1, NOW, NOW + 60, (), ()) == []
    assert (await spool.depth())[Channel.SMS, State.QUEUED] == 1


async def test_what_is_rare_is_counted_up_to_a_bound(spool: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depth, "MOST", 2)
    held = [delivery(number, state=State.HELD) for number in range(1, 6)]
    await spool.accept(intake(*held))
    assert (await spool.depth())[Channel.SMS, State.HELD] == 2


async def test_no_table_is_read_as_a_whole(tmp_path: Path) -> None:
    spool = await open_spool(tmp_path / "s.db")
    seen: set[str] = set()
    watch(spool._reading, seen)
    await spool._read(depth.depth)  # over the connection that is watched
    await spool.close()
    looker = apsw.Connection(str(tmp_path / "s.db"))
    found = {sql: plan for sql in seen if (plan := scans(looker, sql))}
    looker.close()
    assert len(seen) == 5
    assert found == {}
