"""A request read as the provider reads it: JSON with its liberties, ``simple``, binary messages, XML."""

import json
from typing import Any

import pytest

from tests.simulator.rig import NUMBER, Client

TEXT = "/rest/smsmessaging/text"
SIMPLE = "/rest/smsmessaging/simple"


async def test_simple_round_trip(client: Client) -> None:
    query = "recipientAddressList=436600000001,436600000002&messageContent=Gr%FC%DFe&clientMessageId=order%2042"
    answer = await client.call(f"{SIMPLE}?{query}", method="GET", headers={"Accept": None, "Content-Type": None})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/plain"
    (message,) = client.sim.messages
    assert (message.text, message.recipients) == ("Grüße", ("436600000001", "436600000002"))
    assert answer.body.decode() == (
        f"statusCode=2000&statusMessage=OK&transferId={message.transfer_id}&clientMessageId=order%2042"
    )


async def test_simple_form_with_token(client: Client) -> None:
    body = (
        "recipientAddressList=436600000001&recipientAddressList=436600000002&messageContent=%E4+b"
        f"&priority=3&sendAsFlashSms=1&access_token={client.sim.settings.tokens[0]}"
    ).encode()
    headers: dict[str, str | None] = {
        "Authorization": None,
        "Accept": "text/plain",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    answer = await client.call(SIMPLE, body, headers=headers)
    assert answer.body.startswith(b"statusCode=2000&statusMessage=OK&transferId=00")
    (message,) = client.sim.messages
    assert message.text == "ä b"
    assert message.fields["priority"] == 3
    assert message.fields["sendAsFlashSms"] is True


async def test_simple_refuses(client: Client) -> None:
    answer = await client.call(f"{SIMPLE}?messageContent=x", method="GET", headers={"Accept": "*/*"})
    assert answer.body == b"statusCode=4019&statusMessage=parameter%20%22recipientAddressList%22%20invalid"
    assert (await client.call(f"{SIMPLE}?messageContent=x", method="GET")).status == 406


async def test_binary(client: Client) -> None:
    elements = ["BQADKgIBSGVsbG8g", "BQADKgICd29ybGQ="]
    answer = await client.send(path="/rest/smsmessaging/binary", messageContent=elements, userDataHeaderPresent=True)
    assert (answer.code, answer.json["smsCount"]) == (2000, 2)
    assert client.sim.messages[0].binary[1] == b"\x05\x00\x03\x2a\x02\x02world"


async def test_xml_request(client: Client) -> None:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><textSmsSendRequest><test>false</test>'
        "<recipientAddressList>436600000001</recipientAddressList>"
        "<recipientAddressList>436600000002</recipientAddressList>"
        "<clientMessageId>&lt;x&gt;</clientMessageId><messageContent>Grüße</messageContent></textSmsSendRequest>"
    ).encode()
    answer = await client.call("/xml/smsmessaging/text", body, headers={"Content-Type": "application/xml"})
    assert b"<statusCode>2000</statusCode><clientMessageId>&lt;x&gt;</clientMessageId>" in answer.body
    assert client.sim.messages[0].recipients == ("436600000001", "436600000002")
    answer = await client.call(
        TEXT, body, headers={"Content-Type": "application/xml;charset=UTF-8", "Accept": "application/xml"}
    )
    assert b"<statusCode>2000</statusCode>" in answer.body
    binary = (
        b"<binarySmsSendRequest><recipientAddressList>436600000001</recipientAddressList>"
        b"<messageContent>AAE=</messageContent><messageContent>AgM=</messageContent></binarySmsSendRequest>"
    )
    await client.call("/xml/smsmessaging/binary", binary, headers={"Content-Type": "text/xml"})
    assert client.sim.messages[-1].binary == (b"\x00\x01", b"\x02\x03")
    for bad in (b"<!DOCTYPE x [<!ENTITY a 'b'>]><x/>", b"<other/>", b"<a"):
        answer = await client.call("/xml/smsmessaging/text", bad, headers={"Content-Type": "application/xml"})
        assert answer.status == 400


LIBERTIES: list[tuple[str, dict[str, Any]]] = [
    ("recipientAddressList", {"recipientAddressList": [436600000001]}),
    ("recipientAddressList", {"recipientAddressList": ["+436600000001"]}),
    ("priority", {"priority": 0}),
    ("priority", {"priority": "2"}),
    ("maxSmsPerMessage", {"maxSmsPerMessage": "2"}),
    ("sendAsFlashSms", {"sendAsFlashSms": "true"}),
    ("senderAddress", {"senderAddress": ""}),
    ("senderAddressType", {"senderAddressType": ""}),
    ("clientMessageId", {"clientMessageId": ""}),
    ("notificationCallbackUrl", {"notificationCallbackUrl": ""}),
    ("apiKey", {"apiKey": None}),
    ("userDataHeaderPresent", {"userDataHeaderPresent": False}),
    ("validityPeriode", {"validityPeriode": None}),
]


@pytest.mark.parametrize(("name", "changes"), LIBERTIES)
async def test_liberties(client: Client, name: str, changes: dict[str, Any]) -> None:
    assert (await client.send(**changes)).code == 2000
    assert client.sim.messages[0].recipients == (NUMBER,)
    client.sim.settings.strict = True
    answer = await client.send(**changes)
    assert answer.code == 4000
    assert f'"{name}"' in answer.json["statusMessage"]


async def test_an_old_sdk_passes(client: Client) -> None:
    body = {
        "apiKey": None,
        "authToken": None,
        "recipientAddressList": [436600000001, 436600000002],
        "messageContent": "Hallo",
        "senderAddress": "",
        "senderAddressType": "",
        "priority": 0,
        "maxSmsPerMessage": 0,
        "test": "false",
        "sendAsFlashSms": False,
        "notificationCallbackUrl": "",
        "clientMessageId": "",
    }
    answer = await client.call(
        "/json/smsmessaging/text",
        json.dumps(body).encode(),
        headers={"Content-Type": "application/json; charset=UTF-8", "Accept": None},
    )
    assert answer.code == 2000
    assert answer.json["clientMessageId"] is None
