"""What stands behind the mail door: one desk, one set of limits and one bell for the door here and those elsewhere."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.config import Rate
from bridge.limits import Wanted
from bridge.message import Channel
from bridge.smtpd.contract import Peer
from bridge.smtpd.intake import Target
from tests.daemon.hands import Stage, stage
from tests.given import ANNA, NO_LIMITS
from tests.make import delivery, intake
from tests.smtpd.doorway import SENDER, mail
from tests.wait import until, until_async

ADDRESS = ANNA.address or ""
WANTED = Wanted(sender=SENDER, recipients=ANNA.numbers, route=ANNA.name)


@pytest.fixture
async def built(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path, limits=replace(NO_LIMITS, sender=Rate(count=2, seconds=86400))) as made:
        yield made


def peer() -> Peer:
    return Peer(host="127.0.0.1", port=4, mode="starttls")


async def send(built: Stage, text: str = "Hallo") -> str:
    """Through the door of the daemon's own process."""
    door, client = built.front.door, peer()
    assert door.mail(client, SENDER, {}) is None
    found = door.rcpt(client, SENDER, ADDRESS, {})
    if not isinstance(found, Target):
        return repr(found)
    reply = await door.data(client, SENDER, [found], mail(text), {})
    return f"{reply.code} {reply.status} {reply.text}"


async def test_the_door_here_and_a_desk_elsewhere_draw_from_the_same_limits(built: Stage) -> None:
    assert (await send(built)).startswith("250 2.0.0 queued as ")
    taken = await built.front.clerk.take(intake(delivery()), [WANTED], answers=False)
    assert taken.accepted is not None
    assert "450" in await send(built, "Einer zu viel")
    assert (await built.front.clerk.take(intake(delivery(mail="M2")), [WANTED], answers=False)).reached == (0, "sender")
    assert built.woken == [Channel.SMS, Channel.SMS]


async def test_the_operator_hears_once_of_a_limit_whoever_met_it(built: Stage) -> None:
    for text in ("eins", "zwei", "drei", "vier"):
        await send(built, text)

    async def told() -> list[str]:
        return [alert.text for alert in await built.spool.alerts(99)]

    (sentence,) = await until_async(told)
    assert "limit of sender" in sentence
    built.front.ring("limit sender False", "the same, as another process says it")
    built.front.ring("something else", "Something else.")
    await until_async(lambda: has(built, "Something else."))
    assert await told() == [sentence, "Something else."]


async def has(built: Stage, text: str) -> bool:
    return text in [alert.text for alert in await built.spool.alerts(99)]


async def test_a_full_house_is_asked_about_for_every_mail(built: Stage) -> None:
    built.full = True
    found = built.front.door.mail(peer(), SENDER, {})
    assert found is not None
    assert (found.code, found.status) == (452, "4.3.1")
    built.full = False
    assert built.front.door.mail(peer(), SENDER, {}) is None


async def test_a_number_that_is_refused_is_refused_here_and_told(built: Stage) -> None:
    await built.begin()
    built.limits.refuse(ANNA.numbers[0], built.clock() + 60)
    found = built.front.door.rcpt(peer(), SENDER, ADDRESS, {})
    assert "550" in repr(found)
    puppet = built.puppets[0]
    told = await until(lambda: [words for words in puppet.told if words[0] == "refuse"])
    assert told[0][1] == ANNA.numbers[0]
