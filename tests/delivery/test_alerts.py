"""Which answers are worth a mail to the operator, and that they do not breed."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bridge.delivery import Agent, Carrier
from bridge.delivery.alerts import worth_a_mail
from bridge.delivery.pauses import Change, Pauses
from bridge.message import Channel, Delivery, Receipt, Scope, State, Verdict
from bridge.notices import Notices
from bridge.spool import NOTICES
from bridge.spool.sqlite import SqliteSpool, open_spool
from bridge.transports.maildir import Maildir
from tests.given import configuration
from tests.make import NOW, delivery, intake
from tests.transports.servers import scripted, smarthost
from tests.wait import until_async

FIRST = delivery(attempts=1)
OURS = Receipt(verdict=Verdict.OURS, scope=Scope.ACCOUNT, code="4001", text="INVALID_CREDENTIALS", alert=True)
FULL = Receipt(verdict=Verdict.TEMPORARY, code="ENOSPC", text="no space left", alert=True)
NEWS = Change(begun="", news=True)


@pytest.mark.parametrize(
    ("item", "receipt", "change", "said"),
    [
        (FIRST, OURS, NEWS, "All sms delivery is paused: 4001 INVALID_CREDENTIALS."),
        (FIRST, OURS, Change(begun="anna@sms.example.com", news=True), "The route anna@sms.example.com is paused"),
        (FIRST, OURS, Change(begun="", news=False), None),  # it pauses again within the hour
        (FIRST, OURS, Change(), None),  # a call that was under way
        (FIRST, Receipt(verdict=Verdict.THROTTLED, scope=Scope.ACCOUNT, alert=True), Change(), None),
        (FIRST, Receipt(verdict=Verdict.TEMPORARY, scope=Scope.ACCOUNT), NEWS, None),  # it passes by itself
        (FIRST, Receipt(verdict=Verdict.UNKNOWN, code="lost"), NEWS, "All sms delivery is paused: lost."),
        (FIRST, Receipt(verdict=Verdict.OURS, code="4005", text="?"), Change(), "The message M1-1 is held: 4005 ?."),
        (
            FIRST,
            Receipt(verdict=Verdict.ACCEPTED, code="2002", alert=True),
            Change(),
            "M1-1 had an answer worth a look",
        ),
        (FIRST, Receipt(verdict=Verdict.ACCEPTED), Change(), None),
        (FIRST, FULL, Change(), "ENOSPC no space left"),
        (delivery(attempts=2), FULL, Change(), None),
    ],
)
def test_what_is_said(item: Delivery, receipt: Receipt, change: Change, said: str | None) -> None:
    found = worth_a_mail(item, receipt, change)
    if said is None:
        assert found is None
    else:
        assert found is not None
        assert said in found


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("scope", list(Scope))
def test_about_a_notice_nothing_is_said(verdict: Verdict, scope: Scope) -> None:
    notice = delivery(channel=Channel.MAIL, route=NOTICES, attempts=1)
    receipt = Receipt(verdict=verdict, scope=scope, alert=True)
    for change in (Change(), NEWS, Change(begun=NOTICES, news=True)):
        assert worth_a_mail(notice, receipt, change) is None


def test_of_a_disk_that_stays_full_one_mail_is_made() -> None:
    pauses, said = Pauses(), []
    for attempt in range(1, 50):
        item = delivery(channel=Channel.MAIL, attempts=attempt)
        said.append(worth_a_mail(item, FULL, pauses.answered(item, FULL, NOW + attempt * 60)))
    assert [text is not None for text in said] == [True] + [False] * 48


def test_of_an_account_that_stays_broken_one_mail_is_made_until_it_was_well_for_long() -> None:
    pauses = Pauses()

    def answered(receipt: Receipt, at: float) -> str | None:
        assert pauses.may_start(FIRST, at)
        return worth_a_mail(FIRST, receipt, pauses.answered(FIRST, receipt, at))

    ok = Receipt(verdict=Verdict.ACCEPTED)
    said = [answered(OURS, NOW + number * 301) for number in range(10)]
    assert [text is not None for text in said] == [True] + [False] * 9
    answered(ok, NOW + 4000)
    assert answered(OURS, NOW + 4001) is None  # it flaps
    answered(ok, NOW + 5000)
    assert answered(OURS, NOW + 20_000) is not None


class MailSide:
    """The mail channel and the notices, on one spool and a clock that the test turns."""

    def __init__(self, spool: SqliteSpool, carrier: Carrier) -> None:
        self.spool = spool
        self.now = NOW
        self._made = 0
        self.agent = Agent(
            channel=Channel.MAIL,
            carrier=lambda: carrier,
            spool=spool,
            clock=lambda: self.now,
            jitter=lambda: 0.5,
            max_in_flight=4,
        )
        self._notices = Notices(
            spool=spool,
            configuration=configuration,
            clock=lambda: self.now,
            new_id=self._new_id,
            wake=lambda _: self.agent.wake(),
        )

    def _new_id(self) -> str:
        self._made += 1
        return f"notice{self._made}"

    async def hours(self, count: int) -> None:
        """So many hours, each with a look at what is to be told and a try of everything that is due."""
        for _ in range(count):
            self.now += 2 * 3600
            await self._notices.once()
            self.agent.wake()
            await until_async(self._rests, "nothing is due")

    async def _rests(self) -> bool:
        due = [item for item in await self.spool.listing(State.QUEUED, 99) if item.next_at <= self.now]
        return not due and self.agent.in_flight == 0

    async def alerts(self) -> list[str]:
        """All that there ever were."""
        return await self.spool.writer.run(
            lambda db: [str(text) for (text,) in db.execute("SELECT text FROM alerts ORDER BY id")]
        )

    async def notices(self) -> int:
        return await self.spool.writer.run(
            lambda db: len(db.execute("SELECT id FROM mails WHERE kind = 'notice'").fetchall())
        )


@asynccontextmanager
async def mail_side(path: Path, carrier: Carrier) -> AsyncIterator[MailSide]:
    spool = await open_spool(path)
    side = MailSide(spool, carrier)
    task = asyncio.create_task(side.agent.run())
    try:
        yield side
    finally:
        await side.agent.stop(0)
        await asyncio.wait_for(task, 5)
        await spool.close()


async def test_a_smarthost_that_takes_no_null_sender_does_not_make_alerts_breed(tmp_path: Path) -> None:
    """Every notice has the null sender: an alert about one would be the next that is refused."""
    async with scripted() as (script, port), smarthost(port) as out, mail_side(tmp_path / "s.db", out) as side:
        script.on["MAIL"] = "550 5.7.1 no bounces here\r\n"
        await side.spool.alert("something happened", NOW)
        await side.hours(6)
        assert await side.alerts() == ["something happened"]
        assert await side.notices() == 1
        assert [item.state for item in await side.spool.listing(None, 99)] == [State.HELD]


async def test_a_disk_that_stays_full_makes_one_alert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    out = Maildir(path=tmp_path / "Maildir")
    async with mail_side(tmp_path / "s.db", out) as side:
        monkeypatch.setattr(os, "fsync", full)
        await side.spool.accept(intake(delivery(channel=Channel.MAIL, payload=b"x\r\n", expires_at=NOW + 10**6)))
        await side.hours(6)
        (alert,) = await side.alerts()
        assert "ENOSPC" in alert
        assert await side.notices() == 1
        monkeypatch.undo()
        await side.hours(1)
        assert len(list((tmp_path / "Maildir" / "new").iterdir())) == 2  # the mail, and what the operator is told
