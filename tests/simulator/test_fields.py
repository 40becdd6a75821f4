"""A request read as the provider reads it: JSON with its liberties, ``simple``, binary messages, XML."""

import json
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.simulator.fields import Unparseable, from_pairs, read_json, read_xml, submission
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


# --- by themselves


def test_a_request_that_takes_no_liberties() -> None:
    value = {
        "recipientAddressList": [NUMBER],
        "messageContent": "Hallo",
        "priority": 3,
        "test": True,
        "clientMessageId": "m-1",
    }
    found = submission("text", value)
    assert (found.fields, found.liberties) == (value, [])
    assert (found.client_message_id, found.recipients, found.test) == ("m-1", [NUMBER], True)


@pytest.mark.parametrize("value", [None, [], "x", 5, True])
def test_what_is_no_object(value: object) -> None:
    found = submission("text", value)
    assert (found.is_object, found.fields, found.test, found.client_message_id) == (False, {}, False, None)


@pytest.mark.parametrize(
    ("name", "given_", "read"),
    [
        ("test", "TRUE", True),
        ("test", "yes", "yes"),
        ("test", 1, 1),
        ("priority", "-5", -5),
        ("priority", "5.0", "5.0"),
        ("priority", "٣", "٣"),
        ("priority", "9" * 19, "9" * 19),
        ("priority", False, False),
        ("validityPeriode", "0", 0),
        ("messageContent", "", ""),
        ("recipientAddressList", "", ""),
        ("recipientAddressList", ["+43", 43, True, None, 4.5], ["+43", "43", True, None, 4.5]),
        ("senderAddress", 5, 5),
    ],
)
def test_values_are_read_in_their_type_or_left_as_they_are(name: str, given_: object, read: object) -> None:
    found = submission("text", {name: given_}).fields[name]
    assert (found, type(found)) == (read, type(read))


@pytest.mark.parametrize("value", [None, "", 0, "0"])
def test_what_counts_as_not_set(value: object) -> None:
    found = submission("text", {"priority": value})
    assert found.fields == {}
    assert all('"priority"' in liberty for liberty in found.liberties)
    assert found.liberties


def test_each_kind_knows_its_own_fields() -> None:
    for kind, name in (("text", "userDataHeaderPresent"), ("binary", "maxSmsPerMessage"), ("binary", "messageType")):
        found = submission(kind, {name: True})
        assert (found.fields, found.liberties) == ({}, [f'field "{name}" is unknown'])


@pytest.mark.parametrize(
    "body", [b'{"a":NaN}', b'{"a":-Infinity}', b"\xff", "{}".encode("utf-16"), b"{}{}", b"[" * 100_000]
)
def test_bodies_that_are_no_json(body: bytes) -> None:
    with pytest.raises(Unparseable):
        read_json(body)


@pytest.mark.parametrize(
    ("pairs", "value"),
    [
        ([], {}),
        (
            [("recipientAddressList", "1, 2,,"), ("recipientAddressList", "3")],
            {"recipientAddressList": ["1", "2", "3"]},
        ),
        ([("recipientAddressList", "")], {}),
        ([("test", "1"), ("sendAsFlashSms", "False")], {"test": True, "sendAsFlashSms": False}),
        ([("test", "maybe"), ("priority", "high")], {"test": "maybe", "priority": "high"}),
        ([("priority", "3"), ("messageContent", "3")], {"priority": 3, "messageContent": "3"}),
        ([("access_token", "made-up"), ("other", "x")], {"other": "x"}),
        ([("clientMessageId", "a"), ("clientMessageId", "b")], {"clientMessageId": "b"}),
    ],
)
def test_parameters_stand_for_an_object(pairs: list[tuple[str, str]], value: dict[str, object]) -> None:
    assert from_pairs(pairs) == value


def test_xml_stands_for_an_object() -> None:
    body = "<textSmsSendRequest><messageContent>a,b &#8364;</messageContent><test>true</test></textSmsSendRequest>"
    assert read_xml("text", body.encode()) == {"messageContent": "a,b €", "test": True}
    assert read_xml("text", body.encode("utf-16")) == {"messageContent": "a,b €", "test": True}
    empty = b"<textSmsSendRequest><messageContent/><recipientAddressList/></textSmsSendRequest>"
    assert read_xml("text", empty) == {"messageContent": "", "recipientAddressList": [""]}
    assert read_xml("binary", b"<binarySmsSendRequest/>") == {"messageContent": []}


ENTITY = '<!DOCTYPE x [<!ENTITY a "b">]><textSmsSendRequest><messageContent>&a;</messageContent></textSmsSendRequest>'


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text", b""),
        ("text", b"<textSmsSendRequest>"),
        ("text", b"<textSmsSendRequest/>x"),
        ("text", b"<binarySmsSendRequest/>"),
        ("binary", b"<textSmsSendRequest/>"),
        ("text", b'<?xml version="1.0" encoding="klingon"?><textSmsSendRequest/>'),
        ("text", b"<textSmsSendRequest>\xff</textSmsSendRequest>"),
        ("text", ENTITY.encode()),
        ("text", ENTITY.encode("utf-16")),
        ("text", ENTITY.encode("utf-16-le")),
    ],
)
def test_xml_that_is_not_read(kind: str, body: bytes) -> None:
    with pytest.raises(Unparseable):
        read_xml(kind, body)


@settings(deadline=None)
@given(
    st.binary(max_size=60),
    st.sampled_from([b"", b"{", b"<textSmsSendRequest>", b"<"]),
    st.sampled_from(["text", "binary"]),
)
def test_no_body_is_anything_but_read_or_unparseable(body: bytes, start: bytes, kind: str) -> None:
    for read in (read_json, partial(read_xml, kind)):
        with suppress(Unparseable):
            submission(kind, read(start + body))
