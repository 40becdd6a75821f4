"""What is remembered of a request, accepted or refused."""

import dataclasses
import json

import pytest

from tests.simulator.rig import Client


async def test_what_is_remembered_of_a_message(client: Client) -> None:
    answer = await client.send(messageContent="Grüße 😀", senderAddress="Example", validityPeriode=60)
    (message,) = client.sim.messages
    assert message.recipient == "436600000001"
    assert message.text == "Grüße 😀"
    assert message.sender == "Example"
    assert message.transfer_id == answer.json["transferId"]
    assert message.validity == 60
    assert message.headers["accept"] == "application/json"
    assert json.loads(message.raw)["senderAddress"] == "Example"
    assert client.sim.accepted == 1


async def test_of_a_binary_message_the_octets_are_remembered(client: Client) -> None:
    await client.send(
        path="/rest/smsmessaging/binary",
        messageContent=["AAE=", "Ag=="],
        recipientAddressList=["+43660000001", "43660000002"],
    )
    (message,) = client.sim.messages
    assert (message.kind, message.text, message.binary) == ("binary", None, (b"\x00\x01", b"\x02"))
    assert message.recipients == ("43660000001", "43660000002")
    assert message.recipient == "43660000001"
    assert (message.parts, message.sms_count) == (2, 4)


async def test_voice_and_the_defaults_of_the_account(client: Client) -> None:
    await client.send()
    await client.send(messageType="voice", senderAddress="+436600000098")
    first, second = client.sim.messages
    assert (first.voice, second.voice) == (False, True)
    assert (first.sender, second.sender) == ("436600000099", "436600000098")
    assert (first.client_message_id, first.validity, first.test) == (None, 259_200, False)
    assert first.account == client.sim.settings.user
    assert first.path == "/rest/smsmessaging/text"


@pytest.mark.parametrize(
    ("path", "body", "status", "row", "code"),
    [
        ("/rest/smsmessaging/text", b'{"messageContent":"x"}', 200, "5", 4019),
        ("/rest/smsmessaging/text", b"{", 400, "1", None),
        ("/rest/smsmessaging/texts", b"{}", 404, "path", None),
        ("/rest/smsmessaging/text?access_token=x", b"{}", 200, "5", 4019),
    ],
)
async def test_of_a_refusal_the_reason_is_remembered(
    client: Client, path: str, body: bytes, status: int, row: str, code: int | None
) -> None:
    await client.call(path, body)
    (refused,) = client.sim.refused
    assert (refused.http, refused.row, refused.code) == (status, row, code)
    assert refused.path == path.partition("?")[0]
    assert refused.raw == (body if status != 404 else b"")
    assert refused.headers["Accept"] == "application/json"
    assert client.sim.messages == []


async def test_what_is_remembered_does_not_change(client: Client) -> None:
    await client.send()
    await client.send(priority=99)
    found = (*client.sim.messages, *client.sim.refused)
    assert len(found) == 2
    for one in found:
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(one, "at", 0.0)  # noqa: B010 - written plainly mypy knows already
