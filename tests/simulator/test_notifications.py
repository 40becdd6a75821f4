"""Reports and incoming messages, and how long the simulator insists on a confirmation."""

import asyncio
import base64
import json
import re
import ssl
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from bridge.simulator import Simulator, SimulatorSettings
from bridge.simulator.clock import vienna
from bridge.simulator.notifications import confirmed
from tests.simulator.rig import LINE, NUMBER, Client, Webhook, until

START = 1_700_000_000.0


@pytest.fixture
async def frozen(http: aiohttp.ClientSession) -> AsyncIterator[Client]:
    """A client of a simulator whose time moves only by steps."""
    simulator = Simulator(SimulatorSettings(speed=0.0, clock=lambda: START, report_delay=0.0, report_gap=0.0))
    await simulator.start()
    yield Client(simulator, http)
    await simulator.stop()


async def reports_of(client: Client, webhook: Webhook, number: str, **changes: Any) -> list[dict[str, Any]]:
    """Send to `number` and return the reports that came until nothing more was due."""
    answer = await client.send(recipientAddressList=[number], notificationCallbackUrl=webhook.url, **changes)
    assert answer.code in {2000, 2001}, answer.json
    await asyncio.wait_for(client.sim.idle(), 20)
    return webhook.fields


def statuses(reports: list[dict[str, Any]]) -> list[str]:
    return [report["deliveryReportMessageStatus"] for report in reports]


# --- reports


@pytest.mark.parametrize(
    ("digit", "expected"),
    [
        ("0", ["delivered"]),
        ("4", ["delivered"]),
        ("5", ["accepted", "delivered"]),
        ("6", ["undelivered", "delivered"]),
        ("8", ["rejected"]),
        ("9", []),
    ],
)
async def test_the_last_digit_decides(client: Client, webhook: Webhook, digit: str, expected: list[str]) -> None:
    client.sim.settings.notify_parallel = 1
    client.sim.settings.report_gap = 0.001
    assert statuses(await reports_of(client, webhook, "43660000000" + digit)) == expected


async def test_expired_at_the_end_of_validity(frozen: Client, webhook: Webhook) -> None:
    await frozen.send(recipientAddressList=["436600000007"], notificationCallbackUrl=webhook.url, validityPeriode=600)
    await webhook.count(1)
    frozen.sim.step(599.0)
    await asyncio.sleep(0.05)  # nothing may come; a late arrival would only let a bug pass, not fail a good run
    assert statuses(webhook.fields) == ["undelivered"]
    frozen.sim.step(1.0)
    await webhook.count(2)
    assert statuses(webhook.fields) == ["undelivered", "expired"]


async def test_the_fields_of_a_report(frozen: Client, webhook: Webhook) -> None:
    (report,) = await reports_of(frozen, webhook, NUMBER, clientMessageId="m-1")
    assert list(report.items())[0:1] == [("messageType", "deliveryReport")]
    assert re.fullmatch("[0-9a-f]{20}", report["notificationId"])
    assert report | {"notificationId": ""} == {
        "messageType": "deliveryReport",
        "notificationId": "",
        "transferId": frozen.sim.messages[0].transfer_id,
        "senderAddress": NUMBER,
        "deliveryReportMessageStatus": "delivered",
        "sentOn": "2023-11-14T23:13:20.000+01:00",
        "deliveredOn": "2023-11-14T23:13:20.000+01:00",
        "deliveredAs": "sms",
        "clientMessageId": "m-1",
    }
    headers = webhook.requests[0][0]
    assert headers["Content-Type"] == "application/json;charset=UTF-8"
    assert "Authorization" not in headers


async def test_addresses_of_a_report(client: Client, webhook: Webhook) -> None:
    client.sim.settings.report_recipient = True
    await reports_of(client, webhook, NUMBER)
    client.sim.settings.report_swap = True
    await reports_of(client, webhook, NUMBER, messageType="voice")
    first, second = webhook.fields
    assert (first["senderAddress"], first["recipientAddress"]) == (NUMBER, LINE)
    assert (second["senderAddress"], second["recipientAddress"]) == (LINE, NUMBER)
    assert second["deliveredAs"] == "voice"
    assert "clientMessageId" not in first


async def test_no_report_without_url_or_in_test_mode(client: Client, webhook: Webhook) -> None:
    await client.send()
    await client.send(test=True, notificationCallbackUrl=webhook.url)
    assert client.sim.notifications == []
    client.sim.settings.report_url = webhook.url
    await client.send(test=True)
    await client.send()
    await webhook.count(1)
    assert len(client.sim.notifications) == 1


async def test_a_script_for_a_number(client: Client, webhook: Webhook) -> None:
    client.sim.script(NUMBER, "deleted")
    assert statuses(await reports_of(client, webhook, NUMBER)) == ["deleted"]
    client.sim.script(NUMBER)
    assert len(await reports_of(client, webhook, NUMBER)) == 1
    with pytest.raises(ValueError, match="lost"):
        client.sim.script(NUMBER, "lost")


async def test_several_recipients_and_a_rejected_one(client: Client, webhook: Webhook) -> None:
    client.sim.settings.blacklist = ("436600000002",)
    await client.send(recipientAddressList=["436600000001", "436600000002"], notificationCallbackUrl=webhook.url)
    await client.sim.idle()
    found = {r["senderAddress"]: r["deliveryReportMessageStatus"] for r in webhook.fields}
    assert found == {"436600000001": "delivered", "436600000002": "rejected"}


# --- mischief


async def test_the_report_overtakes_the_answer(client: Client, webhook: Webhook) -> None:
    client.sim.settings.report_first = True
    answered: list[bool] = []
    task: asyncio.Task[Any] | None = None
    webhook.during = lambda: answered.append(task is not None and task.done())
    task = asyncio.create_task(client.send(notificationCallbackUrl=webhook.url))
    assert (await task).code == 2000
    assert answered == [False]
    assert webhook.fields[0]["transferId"] == client.sim.messages[0].transfer_id


@pytest.mark.parametrize(("how", "ids"), [("same_id", 1), ("new_id", 2)])
async def test_duplicate_reports(client: Client, webhook: Webhook, how: Any, ids: int) -> None:
    client.sim.settings.report_duplicate = how
    reports = await reports_of(client, webhook, NUMBER)
    assert statuses(reports) == ["delivered", "delivered"]
    assert len({report["notificationId"] for report in reports}) == ids


async def test_reversed_orphaned_and_per_segment_reports(client: Client, webhook: Webhook) -> None:
    settings = client.sim.settings
    settings.notify_parallel = 1
    settings.report_gap = 0.001
    settings.report_reverse = True
    assert statuses(await reports_of(client, webhook, "436600000006")) == ["delivered", "undelivered"]
    settings.report_orphan = True
    settings.report_client_id = False
    report = (await reports_of(client, webhook, NUMBER, clientMessageId="m-1"))[-1]
    assert report["transferId"] not in {message.transfer_id for message in client.sim.messages}
    assert "clientMessageId" not in report
    settings.per_segment = True
    assert len(await reports_of(client, webhook, NUMBER, messageContent="a" * 307)) == 3 + 3


# --- incoming


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


async def test_headers_of_notifications(client: Client, webhook: Webhook) -> None:
    settings = client.sim.settings
    settings.notify_url = webhook.url.replace("http://", "http://hook:s%C3%A4%3Acret@") + "?key=a%20b"
    for kind in (None, "text/xml"):
        settings.notify_content_type = kind
        await client.sim.incoming(phone=NUMBER, line=LINE, text="x")
        await client.sim.idle()
    (first, _), (second, _) = webhook.requests
    assert "Content-Type" not in first
    assert second["Content-Type"] == "text/xml"
    assert base64.b64decode(first["Authorization"].removeprefix("Basic ")).decode() == "hook:sä:cret"


# --- insisting


FAILURES = [
    (500, b'{"statusCode":2000}'),
    (302, b'{"statusCode":2000}'),
    (204, b""),
    (200, b""),
    (200, b"ok"),
    (200, b"[2000]"),
    (200, b'{"statusCode":4000}'),
    (200, b'{"StatusCode":2000}'),
    (200, b'{"statusCode":true}'),
    (200, b"<r><statusCode>2000</statusCode></r>"),
]


async def test_it_insists_until_2000(frozen: Client, webhook: Webhook) -> None:
    sim = frozen.sim
    webhook.answers = [*FAILURES, (200, b'{"statusCode":"2000","statusMessage":"ok"}')]
    sim.settings.notify_url = webhook.url
    notification = await sim.incoming(phone=NUMBER, line=LINE, text="x")
    for number in range(1, len(FAILURES) + 1):
        await until(lambda n=number: len(notification.attempts) == n)  # type: ignore[misc]  # bound at once
        assert notification.state == "pending"
        sim.step((10, 30, 60, 120, 300, 600, 900, 1800, 3600, 3600)[number - 1])
    await asyncio.wait_for(sim.idle(), 20)
    assert notification.state == "confirmed"
    assert len({body for _, body in webhook.requests}) == 1  # same id, same words
    waits = [b.at - a.at for a, b in zip(notification.attempts, notification.attempts[1:], strict=False)]
    assert waits == [10, 30, 60, 120, 300, 600, 900, 1800, 3600, 3600]
    assert notification.attempts[0].http == 500
    assert notification.attempts[-1].ok


async def test_it_gives_up_at_the_end_of_the_lifetime(frozen: Client, webhook: Webhook) -> None:
    webhook.answers = [(503, b"")]
    await frozen.send(notificationCallbackUrl=webhook.url, validityPeriode=100)
    (notification,) = frozen.sim.notifications
    for number, wait in ((1, 10), (2, 30), (3, 60)):
        await until(lambda n=number: len(notification.attempts) == n)  # type: ignore[misc]  # bound at once
        frozen.sim.step(wait)
    await asyncio.wait_for(frozen.sim.idle(), 20)
    assert notification.state == "expired"
    assert len(webhook.requests) == 3


async def test_a_long_step_over_the_lifetime_drops_it(frozen: Client, webhook: Webhook) -> None:
    webhook.answers = [(503, b"")]
    notification = await frozen.sim.incoming(phone=NUMBER, line=LINE, text="x", url=webhook.url)
    await until(lambda: len(notification.attempts) == 1)
    frozen.sim.step(300_000.0)
    await asyncio.wait_for(frozen.sim.idle(), 20)
    assert notification.state == "expired"
    assert len(webhook.requests) == 1


async def test_a_late_confirmation_does_not_count(frozen: Client, webhook: Webhook) -> None:
    frozen.sim.settings.notify_timeout = 0.2
    await frozen.sim.stop()
    await frozen.sim.start()
    webhook.hold = asyncio.Event()
    notification = await frozen.sim.incoming(phone=NUMBER, line=LINE, text="x", url=webhook.url)
    await until(lambda: len(notification.attempts) == 1)
    assert "Timeout" in notification.attempts[0].error
    webhook.hold.set()
    webhook.hold = None
    frozen.sim.step(10.0)
    await asyncio.wait_for(frozen.sim.idle(), 20)
    assert notification.state == "confirmed"


async def test_clear_forgets_what_was_pending(frozen: Client, webhook: Webhook) -> None:
    webhook.answers = [(503, b"")]
    notification = await frozen.sim.incoming(phone=NUMBER, line=LINE, text="x", url=webhook.url)
    await until(lambda: len(notification.attempts) == 1)
    frozen.sim.clear()
    await asyncio.wait_for(frozen.sim.idle(), 20)
    assert frozen.sim.notifications == []


async def test_an_untrusted_certificate_is_a_failure(frozen: Client, webhook: Webhook) -> None:
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").configure_cert(server)
    other = Simulator(SimulatorSettings(tls=server))  # any TLS server will do
    await other.start()
    notification = await frozen.sim.incoming(phone=NUMBER, line=LINE, text="x", url=other.url)
    await until(lambda: len(notification.attempts) == 1)
    assert "Certificate" in notification.attempts[0].error
    await other.stop()


async def test_nobody_there_and_no_address(frozen: Client) -> None:
    sim = frozen.sim
    notification = await sim.incoming(phone=NUMBER, line=LINE, text="x", url="http://127.0.0.1:1/")
    await until(lambda: len(notification.attempts) == 1)
    assert "Connect" in notification.attempts[0].error
    invalid = await sim.incoming(phone=NUMBER, line=LINE, text="x", url="http://[")
    await until(lambda: len(invalid.attempts) == 1)
    assert invalid.state == "pending"


async def test_a_repeat_and_a_given_id(client: Client, webhook: Webhook) -> None:
    client.sim.settings.notify_url = webhook.url
    notification = await client.sim.incoming(phone=NUMBER, line=LINE, text="x", notification_id="n-1")
    await client.sim.idle()
    client.sim.repeat(notification)
    await client.sim.idle()
    assert [fields["notificationId"] for fields in webhook.fields] == ["n-1", "n-1"]


async def test_undelivered_notifications_survive_a_stop(frozen: Client, webhook: Webhook) -> None:
    sim = frozen.sim
    webhook.answers = [(503, b""), (200, b'{"statusCode":2000}')]
    notification = await sim.incoming(phone=NUMBER, line=LINE, text="x", url=webhook.url)
    await until(lambda: len(notification.attempts) == 1)
    await sim.stop()
    sim.step(10.0)
    await sim.start()
    await asyncio.wait_for(sim.idle(), 20)
    assert notification.state == "confirmed"


async def test_a_stop_abandons_an_attempt_but_not_the_notification(client: Client, webhook: Webhook) -> None:
    sim = client.sim
    webhook.hold = asyncio.Event()
    notification = await sim.incoming(phone=NUMBER, line=LINE, text="x", url=webhook.url)
    await webhook.count(1)
    await sim.stop()
    assert notification.attempts == []
    webhook.hold.set()
    await sim.start()
    await asyncio.wait_for(sim.idle(), 20)
    assert notification.state == "confirmed"
    assert len(webhook.requests) == 2


async def test_a_few_at_once(client: Client, webhook: Webhook) -> None:
    client.sim.settings.notify_url = webhook.url
    for number in range(50):
        await client.sim.incoming(phone=NUMBER, line=LINE, text=str(number))
    await asyncio.wait_for(client.sim.idle(), 20)
    assert {fields["textMessageContent"] for fields in webhook.fields} == {str(n) for n in range(50)}


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


# --- time


def test_summer_time_begins_and_ends() -> None:
    assert vienna(1774745999.999) == "2026-03-29T01:59:59.999+01:00"
    assert vienna(1774746000) == "2026-03-29T03:00:00.000+02:00"
    assert vienna(1792889999) == "2026-10-25T02:59:59.000+02:00"
    assert vienna(1792890000) == "2026-10-25T02:00:00.000+01:00"


@given(st.integers(1_000_000_000, 4_000_000_000))
def test_vienna_agrees_with_the_time_zone_database(moment: int) -> None:
    zone = ZoneInfo("Europe/Vienna")
    assert vienna(moment) == datetime.fromtimestamp(moment, zone).isoformat(timespec="milliseconds")


async def test_timestamps_across_the_change(webhook: Webhook, http: aiohttp.ClientSession) -> None:
    settings = SimulatorSettings(clock=lambda: 1792889999.0, speed=0.0, report_delay=2.0)
    sim = Simulator(settings)
    await sim.start()
    await Client(sim, http).send(notificationCallbackUrl=webhook.url)
    sim.step(2.0)
    await webhook.count(1)
    assert webhook.fields[0]["sentOn"] == "2026-10-25T02:59:59.000+02:00"
    assert webhook.fields[0]["deliveredOn"] == "2026-10-25T02:00:01.000+01:00"
    await sim.stop()


async def test_speed(webhook: Webhook, http: aiohttp.ClientSession) -> None:
    sim = Simulator(SimulatorSettings(speed=100_000.0))
    await sim.start()
    webhook.answers = [(503, b""), (503, b""), (200, b'{"statusCode":2000}')]
    notification = await sim.incoming(phone=NUMBER, line=LINE, text="x", url=webhook.url)
    await asyncio.wait_for(sim.idle(), 20)
    assert [a.http for a in notification.attempts] == [503, 503, 200]
    await sim.stop()
