"""Incoming messages as the provider writes them, and what it takes for a confirmation."""

import base64
import json
import re

import pytest

from bridge.simulator import Simulator, SimulatorSettings
from bridge.simulator.notifications import confirmed
from tests.simulator.rig import LINE, NUMBER, Client, Webhook


async def test_an_incoming_text(client: Client, webhook: Webhook) -> None:
    client.sim.settings.notify_url = webhook.url
    text = "<b> & 'Grüße' = \"€\" 😀\n"
    notification = await client.sim.incoming(phone="+" + NUMBER, line=LINE, text=text)
    await client.sim.idle()
    assert notification.state == "confirmed"
    body = webhook.requests[0][1].decode()
    assert r"\u003cb\u003e \u0026 \u0027Grüße\u0027 \u003d \"€\" 😀\n" in body
    assert json.loads(body) == {
        "messageType": "text",
        "notificationId": notification.id,
        "senderAddress": NUMBER,
        "senderAddressType": "international",
        "recipientAddress": LINE,
        "recipientAddressType": "international",
        "textMessageContent": text,
    }


@pytest.mark.parametrize(
    ("line", "kind"), [("0828270000001", "national"), ("1234", "shortcode"), (LINE, "international")]
)
async def test_spellings_of_the_line(client: Client, webhook: Webhook, line: str, kind: str) -> None:
    await client.sim.incoming(phone=NUMBER, line=line, text="x", url=webhook.url)
    await webhook.count(1)
    assert webhook.fields[0]["recipientAddress"] == line
    assert webhook.fields[0]["recipientAddressType"] == kind


async def test_incoming_binary_flash_and_unknown(client: Client, webhook: Webhook) -> None:
    settings = client.sim.settings
    settings.notify_url = webhook.url
    settings.notify_parallel = 1
    element = b"\xfb\xff\xfe\x01"
    await client.sim.incoming(phone=NUMBER, line=LINE, binary=(element,), user_data_header=True, flash=True)
    await client.sim.idle()
    settings.base64_standard = True
    await client.sim.incoming(phone=NUMBER, line=LINE, binary=(element,))
    await client.sim.idle()
    settings.notification_id_decimal = True
    await client.sim.incoming(phone=NUMBER, line=LINE, text="x", message_type="whatsapp")
    await client.sim.idle()
    first, second, third = webhook.fields
    assert first["messageFlashSms"] is True
    assert first["userDataHeaderPresent"] is True
    assert first["binaryMessageContent"] == [base64.urlsafe_b64encode(element).decode()]
    assert second["binaryMessageContent"] == ["+//+AQ"]
    assert "messageFlashSms" not in second
    assert third["messageType"] == "whatsapp"
    assert re.fullmatch("[0-9]{19}", third["notificationId"])


async def test_incoming_needs_a_place_to_go(sim: Simulator) -> None:
    with pytest.raises(ValueError, match="notify_url"):
        await sim.incoming(phone=NUMBER, line=LINE, text="x")


async def test_xml_notifications(client: Client, webhook: Webhook) -> None:
    settings = client.sim.settings
    settings.notify_url = webhook.url
    settings.notify_format = "xml"
    webhook.answers = [(200, b"<notificationResponse><statusCode>2000</statusCode></notificationResponse>")]
    notification = await client.sim.incoming(phone=NUMBER, line=LINE, text='<10 "min" & \x00\r')
    await client.sim.idle()
    headers, body = webhook.requests[0]
    assert headers["Content-Type"] == "application/xml;charset=UTF-8"
    text = body.decode()
    assert text.startswith(
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<notification><messageType>text</messageType>'
    )
    assert "<textMessageContent>&lt;10 &quot;min&quot; &amp; \ufffd&#13;</textMessageContent>" in text
    assert notification.state == "confirmed"


@pytest.mark.parametrize(
    ("body", "ok"),
    [
        (b"<a><statusCode>2000</statusCode></a>", True),
        (b'<a statusCode="2000"/>', True),
        (b"<a><statusCode>4000</statusCode></a>", False),
        (b"<a><b><statusCode>2000</statusCode></b></a>", False),
        (b'{"statusCode":2000}', False),
        (b"<!DOCTYPE a><a statusCode='2000'/>", False),
        (b"<a", False),
    ],
)
def test_confirmation_in_xml(body: bytes, ok: bool) -> None:
    assert confirmed(SimulatorSettings(), "xml", body) is ok
    assert confirmed(SimulatorSettings(xml_root="b"), "xml", body) is False
