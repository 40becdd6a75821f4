"""SIGHUP: a good change is taken whole, a bad one not at all."""

import signal
from pathlib import Path

from tests.flows.rig import ADDRESS, ROUTES, Bridge, letter, running
from tests.wait import until

NEW = """
[[route]]
address = "new@sms.example.com"
number = "436600000005"
allow = ["*@example.org"]
"""


async def test_a_new_route_works_and_the_log_names_it(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        assert (await bridge.reply(letter("zu früh"), "new@sms.example.com")).startswith("550 5.1.1 ")
        bridge.write_routes(ROUTES.replace('name = "Phone"', 'name = "Handy"') + NEW)
        bridge.signal(signal.SIGHUP)
        await until(lambda: "reloaded" in bridge.log, "the reload")
        await bridge.post(letter("jetzt"), "new@sms.example.com")
        await bridge.drained()
        assert [message.recipient for message in simulator.messages] == ["436600000005"]
        changes = [line for line in bridge.log.splitlines() if "route changed" in line]
        assert len(changes) == 2
        assert any("added" in line and "row 3" in line for line in changes)
        assert any("changed: name" in line for line in changes)


async def test_a_removed_route_no_longer_works(tmp_path: Path) -> None:
    async with running(tmp_path, routes=ROUTES + NEW) as (bridge, _):
        waiting = await bridge.post(letter("noch"), "new@sms.example.com")
        bridge.write_routes(ROUTES)
        bridge.signal(signal.SIGHUP)
        await until(lambda: "reloaded" in bridge.log, "the reload")
        assert (await bridge.reply(letter("zu spät"), "new@sms.example.com")).startswith("550 5.1.1 ")
        await bridge.settled(waiting, "delivered")  # what was accepted is delivered


async def test_row_124_a_wrong_file_changes_nothing_and_is_named(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, simulator):
        bridge.write_routes(f"{ROUTES}{NEW}{NEW.replace('new@', 'other@').replace('allow', 'alow')}")
        lines = (tmp_path / "routes.toml").read_text().split("\n")
        line = next(number for number, text in enumerate(lines, 1) if text.startswith("alow"))
        bridge.signal(signal.SIGHUP)
        await until(lambda: "reload refused" in bridge.log, "the refusal")
        assert f"routes.toml:{line}" in bridge.log
        assert "did you mean" in bridge.log
        assert (await bridge.reply(letter("nein"), "new@sms.example.com")).startswith("550 5.1.1 ")
        await bridge.post(letter("ja"), ADDRESS)
        await bridge.drained()
        assert [message.text for message in simulator.messages] == ["ja"]
        assert (await bridge.readiness())["ready"]


async def test_row_124_files_that_are_away_change_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as (bridge, _):
        for missing in ("websms-token", "routes.toml", "bridge.toml"):
            said = bridge.log.count("reload refused")
            (tmp_path / missing).rename(tmp_path / "away")
            bridge.signal(signal.SIGHUP)
            await _said_more_often(bridge, "reload refused", said, f"{missing} is missed")
            (tmp_path / "away").rename(tmp_path / missing)
        bridge.signal(signal.SIGHUP)
        await until(lambda: "reloaded" in bridge.log, "the reload")
        await bridge.post(letter("weiter"))
        await bridge.drained()
        assert await bridge.stop() == 0


async def _said_more_often(bridge: Bridge, words: str, than: int, what: str) -> None:
    await until(lambda: bridge.log.count(words) > than, what)
