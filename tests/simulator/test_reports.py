"""Delivery reports: which ones, when, and in what disorder."""

import asyncio
import re
from typing import Any

import pytest

from tests.simulator.rig import LINE, NUMBER, Client, Webhook


async def reports_of(client: Client, webhook: Webhook, number: str, **changes: Any) -> list[dict[str, Any]]:
    """Send to `number` and return the reports that came until nothing more was due."""
    answer = await client.send(recipientAddressList=[number], notificationCallbackUrl=webhook.url, **changes)
    assert answer.code in {2000, 2001}, answer.json
    await asyncio.wait_for(client.sim.idle(), 20)
    return webhook.fields


def statuses(reports: list[dict[str, Any]]) -> list[str]:
    return [report["deliveryReportMessageStatus"] for report in reports]


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
