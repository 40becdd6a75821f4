"""What the provider refuses for a reason of ours or for haste: only what is concerned waits, and people read why."""

import asyncio
import signal
from pathlib import Path

from tests.flows.rig import ADDRESS, ANNA, POSTMASTER, ROUTES, SILENT_ADDRESS, Bridge, letter, running, words
from tests.flows.test_time import turning
from tests.wait import until, until_async

RATE, BURST = 5.0, 5
TOO_URGENT = ROUTES.replace(f'address = "{ADDRESS}"', f'address = "{ADDRESS}"\npriority = 9')


async def _paused(bridge: Bridge) -> dict[str, str] | None:
    paused: dict[str, str] = (await bridge.readiness())["paused"]
    return paused or None


async def test_one_routes_wrong_priority_never_stops_anothers_alarms(tmp_path: Path) -> None:
    async with running(tmp_path, routes=TOO_URGENT, simulated={"max_priority": 5}) as (bridge, simulator):
        wrong = [await bridge.post(letter(f"zu dringend {number}"), ADDRESS) for number in range(3)]
        paused = await until_async(lambda: _paused(bridge), "the route is paused")
        masked = ADDRESS[0] + "***@" + ADDRESS.partition("@")[2]  # anybody may ask /readyz
        assert paused == {f"sms {masked}": "4015 message priority is invalid"}
        for number in range(20):
            await bridge.post(letter(f"Alarm {number}"), SILENT_ADDRESS)
        await until(lambda: len(simulator.messages) == 20 or None, "the other route's messages went")
        assert {message.text for message in simulator.messages} == {f"Alarm {number}" for number in range(20)}
        (alert,) = await until(lambda: bridge.mails_to(POSTMASTER) or None, "the postmaster is told")
        for what in (f"The route {ADDRESS} is paused: 4015", "must lower `priority` of the route"):
            assert what in words(alert)
        assert bridge.mails_to(ANNA) == [], "the author cannot repair it"
        assert {delivery["state"] for delivery in await bridge.queue()} == {"queued"}

        bridge.write_routes(ROUTES)
        bridge.signal(signal.SIGHUP)
        # What waits keeps the priority it was spooled with; it goes when the account may use it.
        simulator.settings.max_priority = 9
        for identifier in wrong:
            await bridge.settled(identifier, "delivered")


async def test_the_rate_that_the_provider_bears_is_found(tmp_path: Path) -> None:
    count = 60
    async with turning(tmp_path) as (bridge, simulator, clock):
        simulator.settings.rate_limit = (RATE, BURST)
        for number in range(count):
            await bridge.post(letter(f"Nummer {number}"), SILENT_ADDRESS)
        for _ in range(600):
            if len(simulator.messages) == count:
                break
            if await _paused(bridge):
                clock.turn(31.0)  # the pause of half a minute; how fast it goes on is real
            await asyncio.sleep(0.1)
        await bridge.drained()
        assert sorted(message.text or "" for message in simulator.messages) == sorted(
            f"Nummer {number}" for number in range(count)
        )
        complaints = [refused.code for refused in simulator.refused]
        assert set(complaints) <= {4012}
        assert 1 <= len(complaints) <= bridge.max_in_flight + 4
        assert bridge.mails_to(ANNA) == []


async def test_the_authors_read_in_their_language_what_to_do(tmp_path: Path) -> None:
    german = ROUTES.replace("[[route]]", '[[route]]\nlanguage = "de"')
    async with running(tmp_path, routes=german) as (bridge, simulator):
        simulator.settings.blacklist = ("436600000001",)
        await bridge.post(letter("Guten Tag"))
        (notice,) = await until(lambda: bridge.mails_to(ANNA) or None, "the notice")
        assert "Die Nummer steht auf der Sperrliste des Anbieters" in words(notice)
        assert "4031 all recipients blacklisted" in words(notice)
        again = await bridge.reply(letter("Noch einmal"))
        assert again.startswith("550 5.7.1 the provider sends nothing to this number"), "for a day it is said at once"
        assert (await bridge.reply(letter("an andere"), SILENT_ADDRESS)).startswith("250")
