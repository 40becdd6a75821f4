"""What is remembered of a request, accepted or refused."""

import json

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
