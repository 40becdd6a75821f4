"""Everything that can be away or refuse: nothing is lost, nothing is doubled, people are told in words."""

import asyncio
import signal
from pathlib import Path

from bridge.simulator import Simulator
from tests.flows.rig import (
    ADDRESS,
    ANNA,
    PHONE,
    POSTMASTER,
    ROUTES,
    SILENT,
    SILENT_ADDRESS,
    Bridge,
    letter,
    running,
    words,
)
from tests.long import outage
from tests.wait import until, until_async

IMPATIENT = ROUTES.replace("[[route]]", '[[route]]\nunknown_wait = "1s"')
LOST = {"shape": "reset", "accept": True}
"""The provider takes the message, and its answer never comes."""


async def test_both_ends_away_for_a_while(tmp_path: Path) -> None:
    figures = await outage.prove(tmp_path, messages=20, away=1.0)
    assert figures.wrong == [], figures


async def test_a_wrong_password_pauses_the_account_and_bounces_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        right = bridge.token
        bridge.write_token("not-the-right-one-any-more")
        bridge.signal(signal.SIGHUP)
        await until(lambda: "reloaded" in bridge.log, "the reload")
        for number in range(10):
            await bridge.post(letter(f"Nummer {number}"))
        paused = await until_async(lambda: _paused(bridge), "the account is paused")
        assert "401" in paused["sms"]
        (alert,) = await until(lambda: bridge.mails_to(POSTMASTER) or None, "the postmaster is told")
        assert "401" in words(alert)
        refused = len(simulator.refused)
        await asyncio.sleep(2.0)  # long enough for retries that must not come
        assert len(simulator.refused) == refused <= bridge.max_in_flight
        assert {delivery["state"] for delivery in await bridge.queue()} == {"queued"}
        assert (await bridge.readiness())["ready"], "intake goes on"

        bridge.write_token(right)
        bridge.signal(signal.SIGHUP)
        await bridge.drained()
        assert (await bridge.readiness())["paused"] == {}
        assert sorted(message.text or "" for message in simulator.messages) == [f"Nummer {n}" for n in range(10)]
        assert bridge.mails_to(ANNA) == [], "authors hear nothing of our mistakes"


async def _paused(bridge: Bridge) -> dict[str, str] | None:
    paused: dict[str, str] = (await bridge.readiness())["paused"]
    return paused or None


async def test_a_number_the_provider_refuses_becomes_a_readable_notice(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        simulator.fault(status=4002, message="invalid recipient")
        mail = letter("Können Sie mich zurückrufen?", Subject="Rückruf")
        identifier = await bridge.post(mail)
        (notice,) = await until(lambda: bridge.mails_to(ANNA) or None, "the notice")
        assert (await bridge.show(identifier))[0]["state"] == "failed"
        assert notice["Return-Path"] == "<>"
        assert notice["Auto-Submitted"] == "auto-replied"
        assert notice["In-Reply-To"] == mail["Message-ID"]
        said = words(notice)
        for what in ("+43 660 0000001", "The number is not valid", "4002", "Können Sie mich zurückrufen?", identifier):
            assert what in said
        assert simulator.messages == []


async def test_row_91_throttling_slows_down_and_loses_nothing(tmp_path: Path) -> None:
    async with running(tmp_path, max_in_flight=1) as (bridge, simulator):
        simulator.fault(status=4023, message="too many requests")
        for number in range(8):
            await bridge.post(letter(f"Nummer {number}"))
        assert "4023" in (await until_async(lambda: _paused(bridge), "it slows down"))["sms"]
        (waiting,) = [delivery for delivery in await bridge.queue() if delivery["code"] == "4023"]
        assert waiting["state"] == "queued"
        assert waiting["attempts"] == 0, "being asked to wait is no failed attempt"
        bridge.signal(signal.SIGHUP)  # instead of waiting for 30 seconds
        await bridge.drained()
        assert sorted(message.text or "" for message in simulator.messages) == [f"Nummer {n}" for n in range(8)]


async def test_an_answer_that_was_under_way_does_not_end_the_pause(tmp_path: Path) -> None:
    async with running(tmp_path, max_in_flight=2) as (bridge, simulator):
        simulator.fault(delay=1.0)
        slow = await bridge.post(letter("vor der Pause"), SILENT_ADDRESS)
        await until(lambda: simulator.messages or None, "the slow call is under way")
        simulator.fault(status=4023, message="too many requests")
        await bridge.post(letter("zu viel"))
        await until_async(lambda: _paused(bridge), "it slows down")
        await bridge.settled(slow, "sent")
        assert await _paused(bridge), "what began before the pause says nothing about it"


async def test_row_86_a_lost_answer_is_unknown_until_the_phone_reports(tmp_path: Path) -> None:
    async with running(tmp_path, simulated={"report_delay": 2.0}) as (bridge, simulator):
        simulator.fault(**LOST)
        identifier = await bridge.post(letter("einmal"))
        found = await bridge.settled(identifier, "unknown")
        assert found["code"] == "lost"
        found = await bridge.settled(identifier, "delivered")
        assert [event["event"] for event in found["events"]] == ["queued", "sending", "unknown", "report", "delivered"]
        assert [message.text for message in simulator.messages] == ["einmal"]
        assert bridge.mails == []


async def test_row_86_a_lost_answer_that_nobody_settles_is_held(tmp_path: Path) -> None:
    async with running(tmp_path, routes=IMPATIENT) as (bridge, simulator):
        simulator.fault(**LOST)
        identifier = await bridge.post(letter("einmal"), SILENT_ADDRESS)
        await bridge.settled(identifier, "unknown")
        await asyncio.sleep(3.0)  # well beyond unknown_wait
        (left,) = await bridge.queue("--state", "unknown")
        assert left["id"] == f"{identifier}-1"
        code, _, complaint = await bridge.command("queue", "retry", left["id"])
        assert code == 1
        assert "--yes" in complaint
        assert len(simulator.messages) == 1
        assert (await bridge.command("queue", "retry", left["id"], "--yes"))[0] == 0
        await bridge.settled(identifier, "sent")
        assert [message.client_message_id for message in simulator.messages] == [left["id"]] * 2


async def test_resend_sends_again_at_most_twice(tmp_path: Path) -> None:
    routes = IMPATIENT.replace("[[route]]", '[[route]]\non_unknown = "resend"')
    async with running(tmp_path, routes=routes) as (bridge, simulator):
        simulator.fault(**LOST, times=10)
        identifier = await bridge.post(letter("Alarm"), SILENT_ADDRESS)
        found = await bridge.settled(identifier, "failed")
        assert [event["event"] for event in found["events"]].count("resent") == 2
        assert [message.recipient for message in simulator.messages] == [SILENT] * 3
        assert {message.client_message_id for message in simulator.messages} == {f"{identifier}-1"}
        await _told_of_uncertainty(bridge)


async def test_fail_tells_the_author_and_sends_nothing_again(tmp_path: Path) -> None:
    routes = IMPATIENT.replace("[[route]]", '[[route]]\non_unknown = "fail"')
    async with running(tmp_path, routes=routes) as (bridge, simulator):
        simulator.fault(**LOST)
        identifier = await bridge.post(letter("Termin"), SILENT_ADDRESS)
        await bridge.settled(identifier, "failed")
        assert [message.text for message in simulator.messages] == ["Termin"]
        await _told_of_uncertainty(bridge)


async def test_a_late_report_corrects_a_failure(tmp_path: Path) -> None:
    routes = IMPATIENT.replace("[[route]]", '[[route]]\non_unknown = "fail"')
    async with running(tmp_path, routes=routes, simulated={"report_delay": 4.0}) as (bridge, simulator):
        simulator.fault(**LOST)
        identifier = await bridge.post(letter("Termin"), ADDRESS)
        await bridge.settled(identifier, "failed")
        await bridge.settled(identifier, "delivered")
        assert [message.recipient for message in simulator.messages] == [PHONE]


async def test_after_five_failures_in_a_row_one_message_at_a_time_is_the_probe(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        simulator.fault(status=5003, times=1000)
        for number in range(30):
            await bridge.post(letter(f"Nummer {number}"))
        await until_async(lambda: _paused(bridge), "it stops trying every message")
        assert _tries(simulator) < 5 + 2 * bridge.max_in_flight


def _tries(simulator: Simulator) -> int:
    return sum(refused.code == 5003 for refused in simulator.refused)


async def _told_of_uncertainty(bridge: Bridge) -> None:
    (notice,) = await until(lambda: bridge.mails_to(ANNA) or None, "the notice")
    assert "may or may not have the message" in words(notice)
