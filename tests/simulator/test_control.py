"""The control API, and the simulator run as a program would run it."""

import base64

import aiohttp
import pytest

from tests.simulator.rig import LINE, NUMBER, Client, Webhook


async def test_messages_and_refusals(client: Client) -> None:
    await client.send(clientMessageId="m-1")
    await client.send(test=True)
    await client.send(priority=99)
    (message,) = await client.control("GET", "/messages")
    assert message["recipient"] == NUMBER
    assert message["client_message_id"] == "m-1"
    assert message["headers"]["Accept"] == "application/json"
    assert message["credentials"].startswith("bearer ")
    assert '"clientMessageId"' in message["raw"]
    assert len(await client.control("GET", "/tested")) == 1
    (refused,) = await client.control("GET", "/refused")
    assert (refused["row"], refused["code"]) == ("16", 4015)
    summary = await client.control("GET", "/")
    assert (summary["accepted"], summary["refused"], summary["url"]) == (1, 1, client.sim.url)
    await client.control("DELETE", "/messages")
    assert await client.control("GET", "/messages") == []


async def test_incoming_and_notifications(client: Client, webhook: Webhook) -> None:
    client.sim.settings.notify_url = webhook.url
    incoming = {"phone": NUMBER, "line": LINE, "text": "Grüße"}
    id_ = (await client.control("POST", "/incoming", incoming))["id"]
    binary = [base64.b64encode(b"\x01\x02").decode()]
    await client.control("POST", "/incoming", {"phone": NUMBER, "line": LINE, "binary": binary})
    await client.sim.idle()
    shown = (await client.control("GET", "/notifications"))[0]
    assert shown["id"] == id_
    assert shown["state"] == "confirmed"
    assert shown["attempts"][0]["answer"] == '{"statusCode":2000}'
    assert "Grüße" in shown["body"]
    await client.control("POST", f"/notifications/{id_}/repeat")
    await webhook.count(3)
    with pytest.raises(aiohttp.ClientResponseError, match="404"):
        await client.control("POST", "/notifications/unknown/repeat")


async def test_scripts_and_faults(client: Client, webhook: Webhook) -> None:
    await client.control("POST", "/reports", {"phone": NUMBER, "statuses": ["rejected"]})
    await client.control("POST", "/faults", {"path": "text", "times": 2, "status": 5003})
    assert (await client.send()).code == 5003
    assert (await client.control("GET", "/faults"))[0]["times"] == 1
    await client.control("DELETE", "/faults")
    assert (await client.send(notificationCallbackUrl=webhook.url)).code == 2000
    await webhook.count(1)
    assert webhook.fields[0]["deliveryReportMessageStatus"] == "rejected"


async def test_settings_and_clock(client: Client) -> None:
    before = client.sim.clock.now()
    assert (await client.control("POST", "/clock", {"step": 5000}))["now"] >= before + 5000
    changes = {"strict": True, "senders": ["Example"], "quota": 5, "codes": {"16": 4099}, "rights": ["api", "sms"]}
    shown = await client.control("POST", "/settings", changes)
    assert shown["strict"] is True
    assert (await client.control("GET", "/settings"))["senders"] == ["Example"]
    assert (await client.send(priority=10)).code == 4099
    assert (await client.send(senderAddress="Other")).code == 4003
    assert (await client.send(senderAddress="Example")).code == 2000


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/settings", {"strict": True, "tls": None}),
        ("/settings", {"strict": "yes"}),
        ("/settings", {"no_such": 1}),
        ("/faults", {"no_such": 1}),
        ("/incoming", {"phone": NUMBER, "line": LINE}),
        ("/reports", {"phone": NUMBER, "statuses": ["lost"]}),
        ("/reports", {}),
        ("/clock", ["step"]),
    ],
)
async def test_mistakes_are_told(client: Client, path: str, body: object) -> None:
    async with client.http.post(client.sim.control_url + path, json=body) as response:
        assert response.status == 400
        assert (await response.json())["error"]
    assert client.sim.settings.strict is False


async def test_the_control_api_is_not_on_the_provider_port(client: Client) -> None:
    assert (await client.call("/messages", method="GET")).status == 404
