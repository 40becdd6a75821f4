"""A multiplied spool is one that the bridge could have made: it starts on it, and everything in it is due."""

import time
from pathlib import Path

from bridge.message import Channel
from bridge.spool.sqlite import open_spool
from tests.bench.filling import fill

MANY = 300


async def test_as_many_as_asked_for_are_due_and_each_is_its_own(tmp_path: Path) -> None:
    spool = await open_spool(await fill(tmp_path, MANY))
    try:
        assert await spool.open_count() == MANY
        now = time.time()
        begun = await spool.start(Channel.SMS, MANY * 2, now, now + 60, (), ())
        assert len({delivery.id for delivery in begun}) == MANY
        assert len({delivery.recipient for delivery in begun}) == MANY
        assert {delivery.id.rpartition("-")[0] for delivery in begun} == {delivery.mail for delivery in begun}
        (one,) = await spool.show(begun[7].id)
        assert [event.event for event in one[1]] == ["queued", "sending"]
        arrival = await spool.arrival(begun[7].mail)
        assert arrival is not None
        assert arrival.id == begun[7].mail
    finally:
        await spool.close()
