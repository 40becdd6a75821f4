"""What becomes of a message at the phone it was sent to."""

import asyncio
from typing import Any

import pytest

from tests.simulator.rig import NUMBER, Client, Webhook, reports_of, statuses


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


async def test_a_script_for_a_number(client: Client, webhook: Webhook) -> None:
    client.sim.script(NUMBER, "deleted")
    assert statuses(await reports_of(client, webhook, NUMBER)) == ["deleted"]
    client.sim.script(NUMBER)
    assert len(await reports_of(client, webhook, NUMBER)) == 1
    with pytest.raises(ValueError, match="lost"):
        client.sim.script(NUMBER, "lost")


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
