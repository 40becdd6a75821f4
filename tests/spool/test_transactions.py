"""A commit whose answer is lost is looked up: done once, and known."""

import asyncio

import pytest

from bridge.message import Channel, State, StoreUnavailable
from bridge.spool import Intake, Step
from bridge.spool.postgres import transactions
from bridge.spool.postgres.link import Link
from tests.databases import Database
from tests.make import NOW, delivery, intake
from tests.spool.cut import When, wire
from tests.wait import PATIENCE


def mail(number: int) -> Intake:
    name = f"M{number}"
    return intake(delivery(mail=name), id=name, seen=[name.encode()])


@pytest.mark.parametrize("when", list(When))
async def test_row_80_a_commit_whose_answer_is_lost_is_looked_up(emptied: Database, when: When) -> None:
    async with wire(emptied.url) as (line, url):
        spool = await emptied.open(url=url)
        await spool.accept(mail(0))
        for number in range(1, 6):
            line.cut = when
            # Without a key nothing would suppress a second one.
            plain = intake(delivery(mail=f"M{number}"), id=f"M{number}")
            accepted = await asyncio.wait_for(spool.accept(plain), PATIENCE)
            assert (accepted.id, accepted.repeated) == (f"M{number}", False)
            assert len(await spool.show(f"M{number}")) == 1
        assert line.cuts == 5
        await spool.close()


@pytest.mark.parametrize("when", list(When))
async def test_row_80_a_call_is_begun_once_though_its_commit_lost_its_answer(emptied: Database, when: When) -> None:
    async with wire(emptied.url) as (line, url):
        spool = await emptied.open(url=url)
        await spool.accept(mail(1))
        line.cut = when
        assert [item.id for item in await spool.start(Channel.SMS, 9, NOW, NOW + 300, (), ())] == ["M1-1"]
        line.cut = when
        sent = Step(id="M1-1", to=State.SENT, event="sent")
        assert await spool.start(Channel.SMS, 9, NOW, NOW + 300, (), (sent,)) == []
        ((found, events),) = await spool.show("M1-1")
        assert (found.state, found.attempts) == (State.SENT, 1)
        assert [event.event for event in events] == ["queued", "sending", "sent"]
        assert line.cuts == 2
        await spool.close()


async def test_row_80_what_cannot_be_found_out_is_unavailable_and_the_call_can_still_be_begun(
    emptied: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is lost after COMMIT, and the server with it; later it turns out that it was committed."""
    monkeypatch.setattr(transactions, "RESOLVE_FOR", 0.3)
    async with wire(emptied.url) as (line, url):
        spool = await emptied.open(url=url)
        await spool.accept(mail(1))
        with monkeypatch.context() as patch:
            patch.setattr(Link, "open", _away(Link.open))
            line.cut = When.AFTER
            with pytest.raises(StoreUnavailable, match="not known"):
                await spool.start(Channel.SMS, 9, NOW, NOW + 300, (), ())
        ((found, _),) = await spool.show("M1-1")
        assert found.state is State.SENDING
        (again,) = await spool.start(Channel.SMS, 9, NOW, NOW + 300, (), ())  # nobody calls, and nobody else could
        assert again.attempts == 1
        assert await spool.start(Channel.SMS, 9, NOW, NOW + 300, (), ()) == []
        ((found, _),) = await spool.show("M1-1")
        assert (found.state, found.attempts) == (State.SENDING, 1)
        await spool.close()


def _away(really: object) -> object:
    def away(link: Link) -> None:
        if link._connection is None:
            raise StoreUnavailable("no server")
        really(link)  # type: ignore[operator] # Link.open

    return away
