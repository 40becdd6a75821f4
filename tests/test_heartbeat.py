"""The heartbeat: under a turned clock, with the simulator as provider."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bridge import heartbeat, metrics
from bridge.config import Configuration, HeartbeatSettings, WebsmsSettings
from bridge.heartbeat import Heartbeat
from bridge.log import get_logger
from bridge.message import Channel, IncomingSms, Report, ReportState, State, decode_sms
from bridge.relay import take_in
from bridge.spool import Step
from bridge.spool.sqlite import SqliteSpool, open_spool
from tests.console.conftest import desk_at
from tests.given import KEY, LINE, configuration
from tests.wait import until, until_async

OWN = "436600000098"
START = 1_800_000_000.0 + 1  # just behind the beginning of an hour


@dataclass
class Pulse:
    """A heartbeat, a clock to turn, and the way back."""

    spool: SqliteSpool
    now: float = START
    settings: HeartbeatSettings = field(default_factory=lambda: HeartbeatSettings(number=OWN))
    test: bool = False
    woken: list[Channel] = field(default_factory=list)
    made: int = 0

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """As after a start of the program."""
        self.beating = Heartbeat(
            spool=self.spool,
            configuration=self.configuration,
            clock=lambda: self.now,
            new_id=self.new_id,
            wake=self.woken.append,
        )

    def configuration(self) -> Configuration:
        return configuration(heartbeat=self.settings, websms=WebsmsSettings(sender=LINE, test=self.test))

    def new_id(self) -> str:
        self.made += 1
        return f"0HB{self.made}"

    async def after(self, seconds: float) -> None:
        self.now += seconds
        await self.beating.once()

    async def sent(self) -> list[str]:
        """The texts that wait to be sent."""
        return [decode_sms(one.payload).text for one in await self.spool.listing(State.QUEUED, 99)]

    async def comes_back(self, text: str, notification_id: str = "n1") -> bool:
        """The same text as an SMS; whether a mail became of it."""
        sms = IncomingSms(notification_id=notification_id, phone=LINE, line=OWN, text=text)
        accepted = await take_in(
            sms,
            b"{}",
            spool=self.spool,
            configuration=self.configuration(),
            mail_id=self.new_id(),
            door="webhook",
            now=self.now,
            heard=lambda _phone, _at: None,
            log=get_logger("test"),
        )
        return not accepted.repeated

    async def told(self) -> list[str]:
        return [alert.text for alert in await self.spool.alerts(99)]


@pytest.fixture
async def pulse(tmp_path: Path) -> AsyncIterator[Pulse]:
    spool = await open_spool(tmp_path / "s.db")
    yield Pulse(spool)
    await spool.close()


def test_its_words_fit_into_one_part_and_are_known_again() -> None:
    said = heartbeat.text(KEY, "0ABCDEFGHJKMNPQRSTVWXYZ01234")
    assert len(said) <= 100
    assert heartbeat.read([b"other" * 8, KEY], f"Von +43: {said} ") == "0ABCDEFGHJKMNPQRSTVWXYZ01234"


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said.replace("0HB1", "0HB2"),
        lambda said: said[:-1],
        lambda said: said + "a",
        lambda said: said.upper(),
        lambda said: said.replace("smsbridge ", ""),
        lambda _: "",
        lambda _: "smsbridge heartbeat 0HB1." + "a" * 16,
    ],
)
def test_what_is_not_sealed_by_us_is_an_sms_like_any_other(change: Callable[[str], str]) -> None:
    assert heartbeat.read([KEY], change(heartbeat.text(KEY, "0HB1"))) is None


async def test_it_is_off_without_a_number_and_in_test_mode(pulse: Pulse) -> None:
    pulse.settings = HeartbeatSettings()
    await pulse.after(0)
    pulse.settings, pulse.test = HeartbeatSettings(number=OWN), True
    await pulse.after(0)
    assert await pulse.sent() == []


async def test_one_in_each_slot_as_an_ordinary_delivery(pulse: Pulse) -> None:
    await pulse.after(0)
    for _ in range(5):
        await pulse.after(60)
    (delivery,) = await pulse.spool.listing(State.QUEUED, 9)
    sms = decode_sms(delivery.payload)
    assert (delivery.recipient, delivery.route, delivery.sender) == (OWN, heartbeat.ROUTE, "")
    assert (sms.originator, sms.max_parts) == (LINE, 1)
    assert delivery.expires_at == START + 600
    assert pulse.woken == [Channel.SMS]


async def test_another_start_in_the_same_slot_sends_none(pulse: Pulse) -> None:
    await pulse.after(0)
    pulse.start()
    await pulse.after(30)
    assert len(await pulse.sent()) == 1
    await pulse.comes_back((await pulse.sent())[0])
    before = metrics.BEAT_AT.value
    await pulse.after(5)
    assert metrics.BEAT_AT.value != before, "and still knows it when it comes"


async def test_it_comes_back_and_becomes_no_mail(pulse: Pulse) -> None:
    await pulse.after(0)
    (text,) = await pulse.sent()
    pulse.now += 7
    for _ in range(2):  # the provider may tell it twice
        assert not await pulse.comes_back(text)
    await pulse.after(1)
    assert (metrics.BEAT_AT.value, metrics.BEAT_TOOK.value) == (START + 7, 7.0)
    assert metrics.BEAT_MISSING.value == 0
    assert [one.channel for one in await pulse.spool.listing(None, 9)] == []
    ((delivery, events),) = await pulse.spool.show("0HB1")
    assert delivery.state is State.DELIVERED
    assert [event.text for event in events if event.event == "report"] == [heartbeat.RETURNED]
    assert await pulse.told() == []


async def test_a_report_of_the_handset_is_no_return(pulse: Pulse) -> None:
    await pulse.after(0)
    done = Report(notification_id="r", state=ReportState.DELIVERED, client_message_id="0HB1-1", text="delivered")
    await pulse.spool.report(done, pulse.now)
    await pulse.after(601)
    assert "it is delivered" in (await pulse.told())[0]


async def test_missing_is_told_once_and_that_it_is_back_too(pulse: Pulse) -> None:
    await pulse.after(0)
    await pulse.after(599)
    assert await pulse.told() == []
    await pulse.after(2)
    (said,) = await pulse.told()
    assert "did not come back within 10 minutes: it is queued" in said
    assert "smsbridge queue show 0HB1" in said
    assert metrics.BEAT_MISSING.value == 1
    for _ in range(4):  # hours in which none comes back
        await pulse.after(3600)
    assert len(await pulse.told()) == 1
    newest = (await pulse.sent())[-1]
    pulse.now += 5
    await pulse.comes_back(newest)
    await pulse.after(5)
    assert (await pulse.told())[1:] == [one for one in await pulse.told() if one.startswith("The heartbeat is back")]
    assert len(await pulse.told()) == 2
    assert metrics.BEAT_MISSING.value == 0
    await pulse.after(3600)
    await pulse.after(700)
    assert len(await pulse.told()) == 3, "the next one that is missing is news"


async def test_why_it_was_not_sent_is_said(pulse: Pulse) -> None:
    await pulse.after(0)
    await pulse.spool.start(Channel.SMS, 1, pulse.now, pulse.now + 60, (), ())
    refused = Step(id="0HB1-1", to=State.HELD, event="held", code="4001", text="INVALID_CREDENTIALS")
    await pulse.spool.move([refused], pulse.now)
    await pulse.after(601)
    assert "it is held (4001 INVALID_CREDENTIALS)" in (await pulse.told())[0]


async def test_what_was_sent_late_in_a_slot_has_its_time_all_the_same(pulse: Pulse) -> None:
    pulse.now += 3500
    await pulse.after(0)
    await pulse.after(300)
    assert len(await pulse.sent()) == 1
    await pulse.after(301)
    assert len(await pulse.told()) == 1
    assert len(await pulse.sent()) == 2


async def test_turned_off_it_is_not_missing_any_more(pulse: Pulse) -> None:
    await pulse.after(0)
    await pulse.after(601)
    pulse.settings = HeartbeatSettings()
    await pulse.after(1)
    assert metrics.BEAT_MISSING.value is None


async def test_there_and_back_with_a_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "EVERY", 0.05)
    metrics.BEAT_AT.value = None
    async with desk_at(tmp_path, console=f'\n[heartbeat]\nnumber = "+{OWN}"\n') as desk:
        (message,) = await until(lambda: desk.simulator.messages, "it is sent")
        assert message.recipient == OWN
        await desk.simulator.incoming(phone=LINE, line=OWN, text=message.text or "")
        await until(lambda: metrics.BEAT_AT.value, "it is back")
        await desk.sms("I am no heartbeat")

        async def relayed() -> bool:
            return len(list(tmp_path.glob("Maildir/new/*"))) == 1

        await until_async(relayed, "what a person wrote is relayed, and it alone")
        assert len(desk.simulator.messages) == 1
