"""The provider port: who may ask, in which form, and what a success looks like."""

import base64
import json
import re
import ssl
from pathlib import Path

import aiohttp
import pytest
import trustme

from bridge.simulator import Account, Simulator, SimulatorSettings
from tests.simulator.rig import Answered, Client

TEXT = "/rest/smsmessaging/text"
SIMPLE = "/rest/smsmessaging/simple"
GOOD = b'{"recipientAddressList":["436600000001"],"messageContent":"hi"}'


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


# --- credentials


@pytest.mark.parametrize("path", [TEXT, "/json/smsmessaging/text", "/rest/smsmessaging/binary", SIMPLE])
@pytest.mark.parametrize(
    ("header", "query"),
    [
        (None, ""),
        (basic("simulator@example.com", "wrong"), ""),
        (basic("nobody@example.com", "wrong"), ""),
        ("Basic ***", ""),
        ("Basic " + base64.b64encode(b"\xff\xfe:x").decode(), ""),
        ("Bearer wrong", ""),
        ("Digest x", ""),
        (None, "?access_token=wrong"),
        (None, "?access_token="),
    ],
)
async def test_wrong_credentials_are_an_empty_401(client: Client, path: str, header: str | None, query: str) -> None:
    answer = await client.call(path + query, GOOD, headers={"Authorization": header, "Accept": "*/*"})
    assert (answer.status, answer.body) == (401, b"")
    assert client.sim.messages == []
    assert client.sim.refused[0].http == 401


async def test_three_ways_to_prove_an_account(client: Client) -> None:
    settings = client.sim.settings
    token = settings.tokens[0]
    assert (await client.call(TEXT, GOOD)).code == 2000
    header = basic(settings.user, settings.password)
    assert (await client.call(TEXT, GOOD, headers={"Authorization": header})).code == 2000
    answer = await client.call(f"{TEXT}?access_token={token}", GOOD, headers={"Authorization": None})
    assert answer.code == 2000
    assert [m.credentials for m in client.sim.messages] == [
        f"bearer {token}",
        f"basic {settings.user}",
        f"parameter {token}",
    ]


async def test_the_header_wins_over_the_parameter(client: Client) -> None:
    path = f"{TEXT}?access_token={client.sim.settings.tokens[0]}"
    assert (await client.call(path, GOOD, headers={"Authorization": "Bearer wrong"})).status == 401
    client.sim.settings.header_wins = False
    assert (await client.call(path, GOOD, headers={"Authorization": "Bearer wrong"})).code == 2000


async def test_a_bad_token_can_be_explained(client: Client) -> None:
    client.sim.settings.invalid_token_body = True
    answer = await client.call(TEXT, GOOD, headers={"Authorization": "Bearer wrong"})
    assert answer.status == 401
    assert answer.json["error"] == "invalid_token"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"networks": ("192.0.2.0/24",)}, 4014),
        ({"networks": ("127.0.0.0/8",)}, 2000),
        ({"state": "off"}, 4001),
        ({"state": "invalid"}, 4021),
        ({"rights": frozenset({"sms"})}, 4022),
        ({"rights": frozenset({"api"})}, 4035),
    ],
)
async def test_standing_of_the_account(client: Client, change: dict[str, object], code: int) -> None:
    for name, value in change.items():
        setattr(client.sim.settings, name, value)
    answer = await client.call(TEXT, GOOD)
    assert (answer.status, answer.code) == (200, code)


async def test_accounts_are_told_apart(http: aiohttp.ClientSession) -> None:
    other = Account(user="other@example.com", state="off", default_sender="436600000077")
    sim = Simulator(SimulatorSettings(other_accounts=(other,)))
    await sim.start()
    client = Client(sim, http)
    assert (await client.send()).code == 2000
    header = {"Authorization": f"Bearer {other.tokens[0]}"}
    assert (await client.call(TEXT, GOOD, headers=header)).code == 4001
    other.state = "active"
    assert (await client.call(TEXT, GOOD, headers=header)).code == 2000
    assert [m.sender for m in sim.messages] == ["436600000099", "436600000077"]
    await sim.stop()


# --- paths, methods, formats


@pytest.mark.parametrize(
    "path", ["/", "/rest/smsmessaging/texts", "/rest/smsmessaging/text/", "/json/smsmessaging/simple"]
)
async def test_other_paths(client: Client, path: str) -> None:
    assert (await client.call(path, GOOD)).status == 404


async def test_get_on_text(client: Client) -> None:
    assert (await client.call(TEXT, method="GET")).status == 405


@pytest.mark.parametrize(
    ("path", "accept", "kind"),
    [
        (TEXT, None, "xml"),
        (TEXT, "*/*", "xml"),
        (TEXT, "application/xml", "xml"),
        (TEXT, "application/json", "json"),
        (TEXT, "text/html, application/json;q=0.5", "json"),
        (TEXT, "text/html", None),
        ("/json/smsmessaging/text", None, "json"),
        ("/json/smsmessaging/text", "text/html", "json"),
    ],
)
async def test_the_accept_header_decides(client: Client, path: str, accept: str | None, kind: str | None) -> None:
    answer = await client.call(path, GOOD, headers={"Accept": accept})
    if kind is None:
        assert answer.status == 406
        return
    assert answer.headers["Content-Type"] == f"application/{kind};charset=UTF-8"
    assert answer.body.startswith(b"{" if kind == "json" else b"<?xml")
    assert (b"<smsSendResponse><statusMessage>OK</statusMessage><statusCode>2000<" in answer.body) == (kind == "xml")


async def test_content_type(client: Client) -> None:
    for good in ("application/json", "application/json; charset=UTF-8", "application/json;charset=latin1"):
        assert (await client.call(TEXT, GOOD, headers={"Content-Type": good})).code == 2000
    for bad in ("text/plain", "application/x-www-form-urlencoded", None):
        assert (await client.call(TEXT, GOOD, headers={"Content-Type": bad})).status == 415


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"{}x", b"\xff{}", b'{"priority":NaN}', b"[" * 100_000, b'{"priority":' + b"9" * 5000 + b"}"],
)
async def test_a_body_that_is_no_json(client: Client, body: bytes) -> None:
    answer = await client.call(TEXT, body)
    assert answer.status == 400
    assert answer.headers["Content-Type"].startswith("text/plain")


async def test_a_body_too_large(client: Client) -> None:
    assert (await client.call(TEXT, b" " * 2**20)).status == 413


async def test_expect_100_continue(client: Client) -> None:
    async def announced(length: int) -> Answered:
        body = json.dumps({"recipientAddressList": ["436600000001"], "messageContent": "a" * length}).encode()
        async with client.http.post(
            client.sim.url + "/smsmessaging/text",
            data=body,
            headers=client.auth | {"Accept": "application/json", "Content-Type": "application/json"},
            expect100=True,
        ) as response:
            return Answered(response.status, dict(response.headers), await response.read())

    assert (await announced(10)).code == 2000
    assert (await announced(1100)).status == 417
    client.sim.settings.expect_limit = None
    assert (await announced(1100)).code == 2000


async def test_tls(http: aiohttp.ClientSession) -> None:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    sim = Simulator(SimulatorSettings(tls=server))
    await sim.start()
    assert sim.url.startswith("https://")
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    headers = {
        "Authorization": f"Bearer {sim.settings.tokens[0]}",
        "Accept": "application/json",
        "Content-Type": "application/json",
    }
    async with http.post(sim.url + "/smsmessaging/text", data=GOOD, headers=headers, ssl=trusting) as response:
        assert (await response.json())["statusCode"] == 2000
    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        await http.post(sim.url + "/smsmessaging/text", data=GOOD, headers=headers)
    await sim.stop()


# --- success


async def test_the_answer_of_success(client: Client) -> None:
    answer = await client.send(clientMessageId="b7e1 – €")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert list(answer.json) == ["statusCode", "statusMessage", "clientMessageId", "transferId", "smsCount"]
    assert answer.json | {"transferId": ""} == {
        "statusCode": 2000,
        "statusMessage": "OK",
        "clientMessageId": "b7e1 – €",
        "transferId": "",
        "smsCount": 1,
    }
    assert re.fullmatch("00[0-9a-f]{18}", answer.json["transferId"])
    assert abs(int(answer.json["transferId"][2:10], 16) - client.sim.clock.now()) < 120


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


async def test_equal_posts_are_two_messages(client: Client) -> None:
    first, second = await client.send(clientMessageId="x-1"), await client.send(clientMessageId="x-1")
    assert first.json["transferId"] != second.json["transferId"]
    assert [m.client_message_id for m in client.sim.messages] == ["x-1", "x-1"]
    client.sim.settings.deduplicate = True
    third, fourth = await client.send(clientMessageId="x-2"), await client.send(clientMessageId="x-2")
    assert third.body == fourth.body
    assert len(client.sim.messages) == 3


async def test_count_and_queue(client: Client) -> None:
    numbers = [str(436600000000 + n) for n in range(101)]
    assert (await client.send(recipientAddressList=numbers[:100])).code == 2000
    answer = await client.send(recipientAddressList=numbers, messageContent="a" * 161)
    assert (answer.code, answer.json["statusMessage"]) == (2001, "OK_QUEUED")
    assert answer.json["smsCount"] == 202
    client.sim.settings.sms_count_per_recipient = False
    assert (await client.send(recipientAddressList=numbers, messageContent="a" * 161)).json["smsCount"] == 2


async def test_test_mode_sends_nothing(client: Client) -> None:
    client.sim.settings.quota = 1
    answer = await client.send(test=True, messageContent="a" * 150)
    assert (answer.code, answer.json["smsCount"]) == (2000, 1)
    assert client.sim.messages == []
    assert len(client.sim.tested) == 1
    client.sim.settings.test_sms_count_zero = True
    assert (await client.send(test=True)).json["smsCount"] == 0
    assert (await client.send(test=True, priority=10)).code == 4015
    assert (await client.send()).code == 2000  # the quota was not touched
    assert (await client.send()).code == 4013


async def test_the_accept_log_has_a_line_per_message(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    log = tmp_path / "accepted.jsonl"
    sim = Simulator(SimulatorSettings(accept_log=str(log)))
    await sim.start()
    client = Client(sim, http)
    await client.send(clientMessageId="m-1")
    await client.send(priority=99)
    await client.send(test=True)
    await client.send(clientMessageId="m-2")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["client_message_id"] for line in lines] == ["m-1", "m-2"]
    assert lines[0]["recipients"] == ["436600000001"]
    await sim.stop()


async def test_start_again_on_the_same_port(client: Client) -> None:
    sim = client.sim
    await client.send()
    port = int(sim.url.split(":")[2].split("/")[0])
    control = int(sim.control_url.split(":")[2])
    await sim.stop()
    with pytest.raises(aiohttp.ClientConnectorError):
        await client.send()
    await sim.start(port=port, control_port=control)
    assert (await client.send()).code == 2000
    assert len(sim.messages) == 2


# --- simple, binary, XML


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
