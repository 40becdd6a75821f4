"""What becomes of a message at the phone it was sent to."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.simulator.phones import STATUSES, Step, plan, shuffled
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


# --- by themselves


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("436600000001", [("delivered", 1.0)]),
        ("436600000005", [("accepted", 1.0), ("delivered", 1.5)]),
        ("436600000006", [("undelivered", 1.0), ("delivered", 1.5)]),
        ("436600000007", [("undelivered", 1.0), ("expired", 600.0)]),
        ("436600000008", [("rejected", 1.0)]),
        ("436600000009", []),
    ],
)
def test_a_plan(number: str, expected: list[tuple[str, float]]) -> None:
    found = plan(number, None, validity=600.0, delay=1.0, gap=0.5)
    assert [(step.status, step.after) for step in found] == expected


def test_a_script_is_as_quick_as_any_and_takes_the_place_of_the_digit() -> None:
    found = plan("436600000009", ("expired", "deleted"), validity=600.0, delay=1.0, gap=0.5)
    assert [(step.status, step.after) for step in found] == [("expired", 1.0), ("deleted", 1.5)]
    assert plan("436600000001", (), validity=600.0, delay=1.0, gap=0.5) == ()


_STEPS = st.lists(st.sampled_from(sorted(STATUSES)), max_size=4).map(
    lambda statuses: tuple(Step(status=status, after=float(place)) for place, status in enumerate(statuses))
)


@settings(deadline=None)
@given(_STEPS, st.booleans(), st.integers(1, 3))
def test_disorder_changes_neither_the_times_nor_what_is_said_in_all(
    steps: tuple[Step, ...], reverse: bool, copies: int
) -> None:
    found = shuffled(steps, reverse=reverse, copies=copies)
    assert [step.after for step in found] == [step.after for step in steps for _ in range(copies)]
    said = [step.status for step in found[::copies]]
    assert (said[::-1] if reverse else said) == [step.status for step in steps]
    assert all(step == found[place - place % copies] for place, step in enumerate(found))
