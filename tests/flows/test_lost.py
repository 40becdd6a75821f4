"""Answers lost in a row, and what an operator can do about one: a slice of `python -m tests.long`, and the commands."""

from pathlib import Path

from tests.flows.rig import ANNA, SILENT_ADDRESS, letter, running, words
from tests.flows.test_outage import LOST
from tests.flows.test_time import DAY, MINUTE, turning
from tests.long import lost
from tests.wait import until, until_async


async def test_answers_lost_in_a_row_on_a_hold_route(tmp_path: Path) -> None:
    figures = await lost.prove(tmp_path, answers=60)
    assert figures.wrong == [], figures


async def test_release_does_not_send_an_unknown_again_and_drop_ends_it(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        simulator.fault(**LOST)
        identifier = await bridge.post(letter("einmal"), SILENT_ADDRESS)
        await bridge.settled(identifier, "unknown")
        for command in ("release", "hold"):
            code, _, complaint = await bridge.command("queue", command, identifier)
            assert (code, "not possible while it is unknown" in complaint) == (1, True)
        assert (await bridge.command("queue", "drop", identifier))[0] == 0
        found = await bridge.settled(identifier, "dropped")
        assert [event["event"] for event in found["events"]] == ["queued", "sending", "unknown", "dropped"]
        await bridge.drained()
        assert len(simulator.messages) == 1
        assert bridge.mails == []


async def test_what_was_held_is_released_and_goes_once(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        simulator.fault(status=4000)
        identifier = await bridge.post(letter("mit Umweg"), SILENT_ADDRESS)
        await bridge.settled(identifier, "held")
        assert (await bridge.command("queue", "release", identifier))[0] == 0
        await bridge.settled(identifier, "sent")
        assert [message.text for message in simulator.messages] == ["mit Umweg"]


async def test_an_unknown_that_nobody_settles_ends_with_its_life_and_was_sent_once(tmp_path: Path) -> None:
    async with turning(tmp_path) as (bridge, simulator, clock):
        simulator.fault(**LOST)
        identifier = await bridge.post(letter("einmal"), SILENT_ADDRESS)
        await bridge.settled(identifier, "unknown")
        clock.turn(16 * MINUTE)
        (delayed,) = await until(lambda: bridge.mails_to(ANNA) or None, "the author hears of the uncertainty")
        assert "may or may not have" in words(delayed)
        clock.turn(DAY)
        await until(lambda: len(bridge.mails_to(ANNA)) == 2 or None, "the author hears of the end")
        found = await bridge.settled(identifier, "failed")
        assert found["code"] == "lost"
        assert "Ask its owner before writing again" in words(bridge.mails_to(ANNA)[-1])
        assert len(simulator.messages) == 1


async def test_a_report_after_the_wait_still_settles_what_is_held_back(tmp_path: Path) -> None:
    async with turning(tmp_path) as (bridge, simulator, clock):
        simulator.settings.report_delay = 3.0
        simulator.fault(**LOST)
        identifier = await bridge.post(letter("einmal"))
        await bridge.settled(identifier, "unknown")
        clock.turn(10 * MINUTE)  # well beyond unknown_wait
        await bridge.settled(identifier, "delivered")
        assert len(simulator.messages) == 1


async def test_a_known_id_on_a_resend_is_no_reason_to_bounce(tmp_path: Path) -> None:
    routes = f"""
[[route]]
address = "{SILENT_ADDRESS}"
number = "436600000009"
allow = ["*@example.org"]
on_unknown = "resend"
unknown_wait = "1s"
"""
    async with running(tmp_path, routes=routes) as (bridge, simulator):
        simulator.fault(**LOST)
        simulator.fault(status=4008)
        identifier = await bridge.post(letter("Alarm"), SILENT_ADDRESS)

        async def twice_unknown() -> bool:
            (found,) = await bridge.show(identifier)
            events = [event["event"] for event in found["events"]]
            return events[:5] == ["queued", "sending", "unknown", "resent", "sending"] and events[5] == "unknown"

        await until_async(twice_unknown, "the provider knows the id already")
