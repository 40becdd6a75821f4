"""The client and the simulated provider in its strict mode: every way to prove oneself, every kind of message."""

from collections.abc import AsyncIterator
from dataclasses import replace
from email.message import EmailMessage
from typing import Any

import pytest

from bridge import binary, text, translate
from bridge.config import WebsmsSettings
from bridge.daemon import parts
from bridge.message import Scope, Sms, Verdict
from bridge.routing import Route
from bridge.simulator import Simulator, SimulatorSettings
from tests.given import configuration
from tests.providers.servers import NOW, client, delivery

CARD = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Anna\r\nTEL:+436600000001\r\n" + b"NOTE:x\r\n" * 40 + b"END:VCARD\r\n"


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    made = Simulator(SimulatorSettings(strict=True))
    await made.start()
    yield made
    await made.stop()


def right(simulator: Simulator) -> dict[str, dict[str, Any]]:
    token = simulator.settings.tokens[0]
    return {
        "basic": {"username": simulator.settings.user, "password": simulator.settings.password},
        "bearer": {"token": token},
        "parameter": {"token": token, "token_in": "query"},
    }


@pytest.mark.parametrize("way", ["basic", "bearer", "parameter"])
async def test_every_way_to_prove_oneself(simulator: Simulator, way: str) -> None:
    async with client(simulator.url, **right(simulator)[way]) as websms:
        assert (await websms.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        assert (await websms.send(delivery(Sms(text="b", segments=(b"b",))), NOW)).verdict is Verdict.ACCEPTED
    assert [message.credentials.split()[0] for message in simulator.messages] == [way, way]


async def test_the_configuration_says_where_the_token_stands(simulator: Simulator) -> None:
    simulator.settings.tokens = ("made-up",)  # as in tests.given
    for place in ("header", "query"):
        settings = WebsmsSettings(url=simulator.url, token_in=place)
        websms = parts.provider(configuration(websms=settings))
        assert (await websms.send(delivery(), NOW)).verdict is Verdict.ACCEPTED
        await websms.close()
    assert [message.credentials for message in simulator.messages] == ["bearer made-up", "parameter made-up"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"username": "simulator", "password": "wrong"},
        {"token": "wrong-made-up"},
        {"token": "wrong-made-up", "token_in": "query"},
    ],
    ids=["basic", "bearer", "parameter"],
)
async def test_who_is_not_known_pauses_the_account(simulator: Simulator, wrong: dict[str, Any]) -> None:
    async with client(simulator.url, **wrong) as websms:
        for sms in (Sms(text="x"), Sms(text="b", segments=(b"b",))):
            found = await websms.send(delivery(sms), NOW)
            assert (found.verdict, found.scope, found.alert) == (Verdict.OURS, Scope.ACCOUNT, True)
    assert not simulator.messages


async def test_a_card_arrives_as_it_is(simulator: Simulator) -> None:
    cut = binary.segments(CARD, port=binary.VCARD)
    sms = Sms(text="vCard anna.vcf, 3 SMS", segments=cut, with_header=True)
    async with client(simulator.url, **right(simulator)["bearer"]) as websms:
        found = await websms.send(delivery(sms), NOW)
    assert (found.verdict, found.parts) == (Verdict.ACCEPTED, len(cut))
    arrived = simulator.messages[0]
    assert arrived.path.endswith("/smsmessaging/binary")
    assert arrived.binary == cut
    assert arrived.fields["userDataHeaderPresent"] is True
    assert binary.join(arrived.binary, with_header=True) == (CARD, binary.VCARD)
    assert {"maxSmsPerMessage", "messageType"}.isdisjoint(arrived.fields)


async def test_a_mail_with_a_card_reaches_the_phone_as_a_card(simulator: Simulator) -> None:
    letter = EmailMessage()
    letter["Subject"] = "Annas Karte"
    letter.set_content("wie besprochen")
    letter.add_attachment(CARD, maintype="text", subtype="vcard", filename="anna.vcf")
    route = Route(name="r", row=1, binary=True, originator="436600000099", max_parts=4)
    sms = translate.sms_from_mail(text.read(letter.as_bytes()), route)
    async with client(simulator.url, **right(simulator)["bearer"]) as websms:
        assert (await websms.send(delivery(sms), NOW)).verdict is Verdict.ACCEPTED
    assert len(simulator.messages) == 1
    arrived = simulator.messages[0]
    assert binary.join(arrived.binary, with_header=True) == (CARD, 9204)
    assert arrived.recipients == ("436600000001",)


@pytest.mark.parametrize("segment", [b"\x00", bytes(range(140)), b"\xfb\xff\xfe"])
async def test_octets_without_a_header_arrive_as_they_are(simulator: Simulator, segment: bytes) -> None:
    async with client(simulator.url, **right(simulator)["bearer"]) as websms:
        await websms.send(delivery(Sms(text="b", segments=(segment,))), NOW)
    assert simulator.messages[0].binary == (segment,)
    assert simulator.messages[0].fields["userDataHeaderPresent"] is False


async def test_a_segment_that_is_too_long_is_the_messages_fault(simulator: Simulator) -> None:
    async with client(simulator.url, **right(simulator)["bearer"]) as websms:
        found = await websms.send(delivery(Sms(text="b", segments=(b"x" * 141,))), NOW)
    assert (found.verdict, found.code, found.scope) == (Verdict.PERMANENT, "4027", Scope.MESSAGE)


async def test_a_text_is_read_out(simulator: Simulator) -> None:
    async with client(simulator.url, **right(simulator)["bearer"]) as websms:
        await websms.send(delivery(Sms(text="Alarm", voice=True)), NOW)
        await websms.send(delivery(Sms(text="Alarm")), NOW)
    assert [message.voice for message in simulator.messages] == [True, False]


async def test_every_field_at_once_passes_the_strict_checks(simulator: Simulator) -> None:
    full = Sms(text="x", originator="ALARM", flash=True, priority=9, category="informational", max_parts=255)
    callback = "https://bridge.example.net/websms/s3cret-made-up"
    async with client(simulator.url, **right(simulator)["bearer"], callback_url=callback) as websms:
        for sms in (full, replace(full, segments=(b"x",)), replace(full, voice=True)):
            assert (await websms.send(delivery(sms), NOW)).verdict is Verdict.ACCEPTED
    assert not simulator.refused
