"""What Prometheus reads: after a full flow every number is there, and nobody's number or address."""

import asyncio
import re
from pathlib import Path

import aiohttp
import aiosmtplib
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families as families

from bridge import metrics
from bridge.daemon import scrape
from bridge.message import State
from tests.console.conftest import ADDRESS, AUTHOR, LINE, PHONE, Desk, desk_at
from tests.daemon.conftest import House
from tests.wait import until_async

Samples = dict[tuple[str, tuple[str, ...]], float]


async def scraped(base: str) -> str:
    async with aiohttp.ClientSession() as client, client.get(f"{base}/metrics") as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == scrape.CONTENT_TYPE
        return await answer.text()


def samples(text: str) -> Samples:
    """Values by name and the values of its labels, which come in the order of their names."""
    return {
        (sample.name.removeprefix(scrape.PREFIX), tuple(sample.labels.values())): sample.value
        for family in families(text)
        for sample in family.samples
    }


async def flow(desk: Desk) -> None:
    """A mail to a phone, its answer, a mail that is refused, and a notification nobody can read."""
    before = await numbers(desk)
    await desk.mail("Pump", "stands")
    async with aiohttp.ClientSession() as client:
        secret = (desk.place / "webhook-secret").read_text().strip()
        url = f"http://127.0.0.1:{desk.daemon.ports['webhook'][0]}/websms/{secret}"
        async with client.post(url, data=b"no JSON") as answer:
            assert answer.status == 200
    await desk.sms("I go")
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
        await desk.mail("No", "way", to="nobody@elsewhere.example")

    async def done() -> bool:
        now = await numbers(desk)
        wanted = [
            ("outcomes_total", ("sms", "2000", "accepted")),
            ("outcomes_total", ("mail", "maildir", "accepted")),
            ("reports_total", ("delivered",)),
            ("report_delay_seconds_count", ()),
            ("dead_letters_total", ()),
            ("alerts_total", ()),
        ]
        return all(now.get(one, 0) > before.get(one, 0) for one in wanted)

    await until_async(done, "all of it is counted")


async def numbers(desk: Desk) -> Samples:
    return samples(await scraped(desk.base))


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every scrape is a new one."""
    monkeypatch.setattr(scrape, "AGAIN", 0.0)


async def test_after_a_full_flow_everything_is_counted(tmp_path: Path) -> None:
    async with desk_at(tmp_path) as desk:
        before = await numbers(desk)
        await flow(desk)
        now = await numbers(desk)
    grown = {key for key, value in now.items() if value > before.get(key, 0)}
    names = {name for name, _ in grown}
    assert {"connections_total", "parts_sent_total", "spool_commits_total", "door_seconds_count"} <= names
    assert ("rejects_total", ("550 5.7.1",)) in grown
    assert ("webhook_calls_total", ("ok",)) in grown
    for channel in ("sms", "mail"):
        assert ("handover_seconds_count", (channel,)) in grown
        assert ("call_seconds_count", (channel,)) in grown
        assert now["paused", (channel, "account")] == 0
        for state in (State.QUEUED, State.SENDING, State.UNKNOWN, State.HELD):
            assert ("queue", (channel, state.value)) in now
    assert now["webhook_silent_seconds", ()] >= 0
    assert now["disk_free_bytes", ()] > 0
    assert now["process_resident_memory_bytes", ("daemon",)] > 0
    assert now["spool_available", ()] == 1


async def test_no_label_names_anybody(tmp_path: Path) -> None:
    async with desk_at(tmp_path) as desk:
        await flow(desk)
        text = await scraped(desk.base)
    for secret in (PHONE, LINE, AUTHOR, ADDRESS, "example", "@", "Pump", "bernd", "anna"):
        assert secret not in text, secret
    labels = [value for family in families(text) for sample in family.samples for value in sample.labels.values()]
    assert not [value for value in labels if re.search(r"[0-9]{6}", value)], "no number, however it is spelt"
    assert all(family.name.startswith(scrape.PREFIX) for family in families(text))
    assert all(family.documentation for family in families(text))


async def test_codes_that_nobody_knows_are_other(house: House) -> None:
    await house.start()
    metrics.OUTCOMES.of("sms", "unknown", "436600000001").add()
    metrics.OUTCOMES.of("mail", "temporary", "anna@example.org").add()
    metrics.OUTCOMES.of("mail", "temporary", "452").add()
    found = samples(await scraped(f"http://127.0.0.1:{house.daemon.ports['console'][0]}"))
    assert found["outcomes_total", ("sms", "other", "unknown")] >= 1
    assert found["outcomes_total", ("mail", "other", "temporary")] >= 1
    assert found["outcomes_total", ("mail", "4xx", "temporary")] >= 1


async def test_without_its_spool_it_says_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = await house.start()
    with monkeypatch.context() as patch:
        patch.setattr(daemon._spool, "_closed", True)  # as while it is closed
        found = samples(await scraped(f"http://127.0.0.1:{daemon.ports['console'][0]}"))
    assert found["spool_available", ()] == 0
    assert ("queue", ("sms", "queued")) not in found
    assert ("connections_total", ()) in found


async def test_who_asks_again_at_once_is_given_the_same(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrape, "AGAIN", 3600.0)
    base = f"http://127.0.0.1:{(await house.start()).ports['console'][0]}"
    first = await scraped(base)
    metrics.PARTS.add()
    assert await scraped(base) == first


async def test_many_who_ask_at_the_same_time_cost_no_more_than_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[bytes] = []

    def write(registry: CollectorRegistry) -> bytes:
        written.append(generate_latest(registry))
        return written[-1]

    monkeypatch.setattr(scrape, "AGAIN", 3600.0)
    monkeypatch.setattr(scrape, "generate_latest", write)
    base = f"http://127.0.0.1:{(await house.start()).ports['console'][0]}"
    assert len(set(await asyncio.gather(*(scraped(base) for _ in range(20))))) == 1
    assert len(written) == 1
