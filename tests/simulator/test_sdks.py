"""Requests shaped as the provider's own libraries send them pass in lenient mode; answers carry what those check.

Written from what is known of each library's wire: paths, headers, types and leftovers of its JSON, the way it proves
itself. What one does not set in its examples is left out here too.
"""

import base64
import json
from typing import Any

import pytest

from bridge.simulator import Simulator
from tests.simulator.rig import Answered, Client

KEYS = ["statusCode", "statusMessage", "clientMessageId", "transferId", "smsCount"]
JSON = "application/json;charset=UTF-8"
NUMBERS = [436600000001, 436600000002]


def basic(sim: Simulator, charset: str = "utf-8") -> str:
    return "Basic " + base64.b64encode(f"{sim.settings.user}:{sim.settings.password}".encode(charset)).decode()


async def post(
    client: Client, fields: dict[str, Any], path: str = "/json/smsmessaging/text", **headers: str | None
) -> Answered:
    """With Basic, and exactly these headers besides; names with ``_`` for ``-``."""
    given = {"Authorization": basic(client.sim), "Accept": None, "Content-Type": JSON}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.call(path, json.dumps(fields).encode(), headers=given)


def is_success(answer: Answered, code: int = 2000, message: str = "OK") -> bool:
    """What a library looks at: HTTP 200, a type with "json" in it, the code, the message, an id, in this order."""
    assert answer.status == 200
    assert "json" in answer.headers["Content-Type"]
    assert list(answer.json) == KEYS
    assert isinstance(answer.json["statusCode"], int)
    assert isinstance(answer.json["smsCount"], int)
    assert len(answer.json["transferId"]) == 20
    return (answer.code, answer.json["statusMessage"]) == (code, message)


async def test_java(client: Client) -> None:
    fields = {
        "recipientAddressList": NUMBERS,
        "messageContent": "Grüße aus Java",
        "sendAsFlashSms": False,
        "priority": 0,
        "test": False,
        "maxSmsPerMessage": 1,
        "clientMessageId": "5e7a0d4e-6a53-4a3e-9f0c-2d1f5b8f0c11",
    }
    client.sim.settings.password = "pässwort"  # its Basic is UTF-8
    answer = await post(client, fields, Authorization=basic(client.sim), User_Agent="Java/1.8.0")
    assert is_success(answer)
    assert answer.json["clientMessageId"] == fields["clientMessageId"]
    (message,) = client.sim.messages
    assert message.recipients == ("436600000001", "436600000002")
    assert "priority" not in message.fields, "0 is not set"


async def test_csharp(client: Client) -> None:
    fields = {
        "apiKey": None,
        "authToken": None,
        "clientMessageId": "",
        "notificationCallbackUrl": "",
        "priority": 0,
        "recipientAddressList": NUMBERS,
        "sendAsFlashSms": False,
        "senderAddress": "",
        "senderAddressType": None,
        "test": True,  # its default
        "maxSmsPerMessage": 0,
        "messageContent": "Hallo",
    }
    answer = await post(client, fields, Content_Type="application/json; charset=utf-8", User_Agent="SmsClient/1.0")
    assert is_success(answer)
    assert answer.json["clientMessageId"] is None
    assert client.sim.messages == []
    assert len(client.sim.tested) == 1


async def test_cpp(client: Client) -> None:
    text = {
        "authToken": None,
        "apiKey": None,
        "recipientAddressList": NUMBERS[:1],
        "messageContent": "hello",
        "test": True,
        "priority": 0,
    }
    assert is_success(await post(client, text, User_Agent="libcurl-agent/1.0", Accept="*/*"))
    binary = {
        "recipientAddressList": NUMBERS[:1],
        "messageContent": [base64.b64encode(b"\x00\x01\x02").decode()],
        "userDataHeaderPresent": True,
        "test": True,
        "apiKey": None,
    }
    assert is_success(await post(client, binary, "/json/smsmessaging/binary", Accept="*/*"))


async def test_python(client: Client) -> None:
    fields = {
        "recipientAddressList": NUMBERS,
        "messageContent": "x" * 158 + "€",
        "maxSmsPerMessage": 1,
        "sendAsFlashSms": False,
        "test": False,
        "priority": 9,
    }
    answer = await post(client, fields, User_Agent="Python SDK Client (v1.0.0, Python2.7)")
    assert is_success(answer)
    assert client.sim.messages[0].parts == 1, "the euro sign counts twice, and 160 fit"


@pytest.mark.parametrize("way", ["basic", "bearer"])
async def test_php(client: Client, way: str) -> None:
    proof = basic(client.sim) if way == "basic" else f"Bearer {client.sim.settings.tokens[0]}"
    fields = {
        "recipientAddressList": ["436600000001"],
        "messageContent": "Hallo",
        "maxSmsPerMessage": 10,
        "notificationCallbackUrl": "",
        "test": False,
    }
    user_agent = "PHP SDK Client (v1.0.9, PHP8.2)"
    # The empty Expect is how it keeps curl from asking, which long messages did not survive.
    answer = await post(client, fields, Authorization=proof, Accept="*/*", Expect="", User_Agent=user_agent)
    assert is_success(answer)
    assert client.sim.messages[0].credentials.startswith(way)
    long = fields | {"messageContent": "x" * 1500}
    assert (await post(client, long, Expect="100-continue")).status == 417


async def test_node(client: Client) -> None:
    fields = {"recipientAddressList": ["436600000001"], "messageContent": "Hallo", "test": False, "priority": 1}
    assert is_success(await post(client, fields, User_Agent="Node SDK Client (v1.0.3)"))
    not_understood = await client.call(
        "/json/smsmessaging/text", b"{", headers={"Authorization": basic(client.sim), "Content-Type": JSON}
    )
    assert (not_understood.status, not_understood.headers["Content-Type"].split(";")[0]) == (400, "text/plain")
    client.sim.fault(status=4023)
    assert (await post(client, fields)).code == 4023  # it waits ten seconds and comes again
    assert is_success(await post(client, fields))


async def test_ruby(client: Client) -> None:
    fields = {
        "messageContent": "Hallo",
        "recipientAddressList": ["436600000001"],
        "senderAddress": "",
        "senderAddressType": "",
        "clientMessageId": None,
        "sendAsFlashSms": False,
        "test": False,
        "priority": 5,
    }
    headers = {"Accept": "application/json", "User_Agent": "Ruby", "Accept_Encoding": "gzip;q=1.0,deflate;q=0.6"}
    answer = await post(client, fields, **headers)
    assert is_success(answer)
    assert "Content-Encoding" not in answer.headers
    client.sim.fault(http=502)
    assert (await post(client, fields)).status == 502  # it knows that one by name


async def test_perl(client: Client) -> None:
    fields = {
        "recipientAddressList": ["436600000001", "436600000002"],
        "messageContent": "Hallo",
        "maxSmsPerMessage": "1",
        "priority": "3",
        "test": "false",
        "sendAsFlashSms": "false",
    }
    answer = await post(client, fields, User_Agent="Perl SDK Client", Content_Type="application/json")
    assert is_success(answer)
    (message,) = client.sim.messages
    assert (message.fields["priority"], message.fields["test"]) == (3, False)


@pytest.mark.parametrize("path", ["/json/smsmessaging/text", "/json/smsmessaging/binary", "/rest/smsmessaging/text"])
@pytest.mark.parametrize("proof", [None, "Basic bm9ib2R5Ondyb25n", "Bearer wrong", "Basic !"])
async def test_every_library_knows_wrong_credentials_by_401(client: Client, path: str, proof: str | None) -> None:
    fields = {"recipientAddressList": NUMBERS, "messageContent": "x"}
    answer = await post(client, fields, path, Authorization=proof)
    assert (answer.status, answer.body) == (401, b"")


async def test_a_refusal_has_the_same_keys_and_no_message(client: Client) -> None:
    answer = await post(client, {"recipientAddressList": NUMBERS, "messageContent": "x", "priority": 10})
    assert answer.status == 200
    assert list(answer.json.items()) == [
        ("statusCode", 4015),
        ("statusMessage", "message priority is invalid"),
        ("clientMessageId", None),
        ("transferId", None),
        ("smsCount", 0),
    ]
    assert client.sim.messages == []


async def test_more_recipients_than_the_threshold_are_queued(client: Client) -> None:
    many = [436600000000 + number for number in range(101)]
    answer = await post(client, {"recipientAddressList": many, "messageContent": "x"})
    assert is_success(answer, 2001, "OK_QUEUED")


async def test_strict_mode_refuses_each_of_these_shapes(client: Client) -> None:
    client.sim.settings.strict = True
    for leftover in ({"apiKey": None}, {"priority": 0}, {"senderAddress": ""}, {"recipientAddressList": NUMBERS}):
        fields = {"recipientAddressList": ["436600000001"], "messageContent": "x"} | leftover
        assert (await post(client, fields)).code == 4000
