"""Bounces of what we relayed, through a real listener and the real spool: settled before the 250, never forged."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bridge import threads
from bridge.config import LimitsSettings, SmtpdSettings
from bridge.limits import FORWARDS_PER_CLIENT
from bridge.message import Channel, Delivery, State
from bridge.spool import Event, Step, sqlite
from tests.given import ANNA, DOMAIN, KEY, POSTMASTER, configuration
from tests.make import NOW
from tests.returned_mails import BOUNCES, FOR_PEOPLE, REPLIES
from tests.smtpd.doorway import Doorway, mail, open_door

FAILED = BOUNCES["postfix"].octets
STRANGERS = SmtpdSettings(networks=())


def octets(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode() + b"\r\n"


@pytest.fixture
async def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Doorway]:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.05)
    # Who bounces is a stranger: a mail server somewhere.
    async with open_door(tmp_path, configuration(smtpd=STRANGERS, limits=LimitsSettings())) as opened:
        yield opened


async def relay(door: Doorway, number: int = 1) -> str:
    """An SMS from a phone goes out as a mail; its envelope sender."""
    await door.hear()
    (found,) = [item for item in await door.kept(Channel.MAIL) if item.id == f"S{number}-1"]
    for state in (State.SENDING, State.SENT):
        await door.spool.move([Step(id=found.id, to=state, event=state.value)], door.now)
    return found.sender


async def story(door: Doorway, name: str = "S1-1") -> tuple[Delivery, list[Event]]:
    ((found, events),) = await door.spool.show(name)
    return found, list(events)


@pytest.mark.parametrize("name", BOUNCES)
@pytest.mark.parametrize("sender", ["", "MAILER-DAEMON@mx.example.net"])
async def test_a_bounce_is_settled_before_the_250(door: Doorway, name: str, sender: str) -> None:
    shape = BOUNCES[name]
    back = await relay(door)
    assert await door.send(shape.octets, back, sender=sender) == "250 2.0.0 noted"
    found, events = await story(door)
    assert found.state is (State.FAILED if shape.fate == "failed" else State.SENT)
    assert events[-1].event == ("bounced" if shape.fate == "failed" else f"remote {shape.fate}")
    assert shape.words in events[-1].text
    assert await door.kept() == [], "it never becomes an SMS"
    assert await door.kept(Channel.MAIL) == [], "and is not forwarded"


async def test_the_postmaster_is_told_once(door: Doorway) -> None:
    back = await relay(door)
    for _ in range(3):
        assert await door.send(FAILED, back, sender="") == "250 2.0.0 noted"
    door.now += 60
    await door.notices().once()
    door.now += 60
    await door.notices().once()
    (told,) = await door.kept(Channel.MAIL)
    assert (told.recipient, told.sender) == (POSTMASTER, "")
    assert b"550 5.1.1 <anna@example.com>" in told.payload.replace(b"=3C", b"<").replace(b"=\r\n", b"")
    _, events = await story(door)
    assert [event.event for event in events].count("bounced") == 1


@pytest.mark.parametrize("name", REPLIES)
async def test_a_machines_reply_is_only_noted(door: Doorway, name: str) -> None:
    back = await relay(door)
    assert await door.send(octets(REPLIES[name]), back, sender="") == "250 2.0.0 noted"
    found, events = await story(door)
    assert (found.state, events[-1].event) == (State.SENT, "remote replied")
    assert await door.kept(Channel.MAIL) == []


@pytest.mark.parametrize("name", ["a person", "a complaint", "encrypted"])
async def test_what_is_no_bounce_goes_to_the_operator(door: Doorway, name: str) -> None:
    back = await relay(door)
    assert (await door.send(octets(FOR_PEOPLE[name]), back)).startswith("250 2.0.0 queued as")
    (item,) = await door.kept(Channel.MAIL)
    assert (item.recipient, item.sender) == (POSTMASTER, "")
    assert (await story(door))[0].state is State.SENT


async def test_that_costs_what_mails_to_the_operator_cost(door: Doorway) -> None:
    back = await relay(door)
    for number in range(FORWARDS_PER_CLIENT.count):
        assert (await door.send(mail(f"{number}"), back)).startswith("250")
    assert (await door.send(mail("x"), back)).startswith("450 4.7.1")
    assert (await door.send(FAILED, back, sender="")).startswith("250"), "real ones cost nothing"


@pytest.mark.parametrize("sender", ["", "bernd@example.org"])
async def test_row_121_what_names_no_mail_of_ours_is_refused_while_it_is_on_the_line(
    door: Doorway, sender: str
) -> None:
    back = await relay(door)
    local = back.partition("@")[0]
    other = threads.bounce_token(b"o" * 32, "s1-1", NOW)
    for forged in ("bounce+", "bounce+s1-1", f"{local}a", local[:-1], local.replace("S1", "S2"), f"bounce+{other}"):
        assert await door.rcpt(f"{forged}@{DOMAIN}", sender) == "550 5.1.1 no such address here", forged
    assert (await door.rcpt(back, sender)).startswith("250")
    door.now += threads.BOUNCE_FOR + 86400
    assert (await door.rcpt(back, sender)).startswith("550 5.1.1")
    assert await door.alerts() == []


async def test_row_118_a_bounce_to_a_phone_is_refused_and_beside_it_the_mail_is_settled(door: Doorway) -> None:
    back = await relay(door)
    assert (await door.rcpt(ANNA.address or "", "")).startswith("550 5.7.1")
    replies = await door.say(
        "MAIL FROM:<>", f"RCPT TO:<{ANNA.address}>", f"RCPT TO:<{back}>", "DATA", FAILED + b".", "QUIT"
    )
    assert [reply[:3] for reply in replies] == ["250", "550", "250", "354", "250", "221"]
    assert (await story(door))[0].state is State.FAILED
    assert await door.kept() == []


async def test_beside_the_operator_both_get_it(door: Doorway) -> None:
    first, second = await relay(door), await relay(door, 2)
    assert (await door.send(FAILED, first, "postmaster", second, sender="")) == "250 2.0.0 noted"
    (item,) = await door.kept(Channel.MAIL)
    assert item.recipient == POSTMASTER
    assert [(await story(door, name))[0].state for name in ("S1-1", "S2-1")] == [State.FAILED] * 2


async def test_keys_are_rotated_and_case_is_lost(door: Doorway) -> None:
    back = await relay(door)
    door.configuration = replace(door.configuration, keys=(b"n" * 32, KEY))
    assert (await door.rcpt(back, "")).startswith("250")
    assert (await door.rcpt(back.upper(), "")).startswith("250")
    door.configuration = replace(door.configuration, keys=(b"n" * 32,))
    assert (await door.rcpt(back, "")).startswith("550 5.1.1")


async def test_of_a_mail_that_is_forgotten_nothing_is_said_but_250(door: Doorway) -> None:
    token = threads.bounce_token(KEY, "s99-1", NOW)
    assert await door.send(FAILED, f"bounce+{token}@{DOMAIN}", sender="") == "250 2.0.0 noted"
    assert await door.kept(Channel.MAIL) == []


async def test_without_a_store_it_comes_again(door: Doorway) -> None:
    back = await relay(door)
    await door.spool.close()
    assert (await door.send(FAILED, back, sender="")).startswith("451 4.3.0")


async def test_many_at_once(door: Doorway) -> None:
    senders = [await relay(door, number) for number in range(1, 21)]
    replies = await asyncio.gather(*(door.send(FAILED, back, sender="") for back in senders * 2))
    assert set(replies) == {"250 2.0.0 noted"}
    for number in range(1, 21):
        found, events = await story(door, f"S{number}-1")
        assert found.state is State.FAILED
        assert [event.event for event in events].count("bounced") == 1
