"""Delivery reports on the wire: their fields, for whom there are any, and one that overtakes the answer."""

import asyncio
import re
from typing import Any

from tests.simulator.rig import LINE, NUMBER, Client, Webhook, reports_of


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


async def test_several_recipients_and_a_rejected_one(client: Client, webhook: Webhook) -> None:
    client.sim.settings.blacklist = ("436600000002",)
    await client.send(recipientAddressList=["436600000001", "436600000002"], notificationCallbackUrl=webhook.url)
    await client.sim.idle()
    found = {r["senderAddress"]: r["deliveryReportMessageStatus"] for r in webhook.fields}
    assert found == {"436600000001": "delivered", "436600000002": "rejected"}


async def test_the_report_overtakes_the_answer(client: Client, webhook: Webhook) -> None:
    client.sim.settings.report_first = True
    answered: list[bool] = []
    task: asyncio.Task[Any] | None = None
    webhook.during = lambda: answered.append(task is not None and task.done())
    task = asyncio.create_task(client.send(notificationCallbackUrl=webhook.url))
    assert (await task).code == 2000
    assert answered == [False]
    assert webhook.fields[0]["transferId"] == client.sim.messages[0].transfer_id
