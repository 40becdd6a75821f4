"""What takes minutes, hours or a day, with a clock that is turned: the daemon in this process, everything else real."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bridge.daemon import Daemon
from bridge.simulator import Simulator
from tests.flows.rig import ADDRESS, ANNA, PHONE, Bridge, letter, running, words
from tests.wait import until, until_async

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


class Clock:
    """Real time and what it was turned on by."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self._ahead

    def turn(self, seconds: float) -> None:
        """Some time passes."""
        self._ahead += seconds


@asynccontextmanager
async def turning(place: Path, **rest: Any) -> AsyncIterator[tuple[Bridge, Simulator, Clock]]:
    """A bridge whose daemon runs here; `rest` is for `running`."""
    clock = Clock()
    async with running(place, start=False, **rest) as (bridge, simulator):
        daemon = Daemon(bridge.config, clock=clock)
        await daemon.start()
        try:
            yield bridge, simulator, clock
        finally:
            await daemon.stop()


async def _is_paused(bridge: Bridge) -> bool:
    return bool((await bridge.readiness())["paused"])


async def _is_at_rest(bridge: Bridge) -> bool:
    return bool((await bridge.readiness())["calls"]["sms"] == 0)


async def test_row_92_a_provider_that_stays_away_first_delays_then_fails(tmp_path: Path) -> None:
    async with turning(tmp_path) as (bridge, simulator, clock):
        await simulator.stop()
        mail = letter("Bitte melden!")
        await bridge.post(mail)
        clock.turn(16 * MINUTE)
        (delayed,) = await until(lambda: bridge.mails_to(ANNA) or None, "the author hears of the delay")
        assert "not known to have reached the phone yet" in words(delayed)
        clock.turn(DAY)
        await until(lambda: len(bridge.mails_to(ANNA)) == 2 or None, "the author hears of the failure")
        failed = bridge.mails_to(ANNA)[-1]
        assert "could not be delivered in time" in words(failed)
        assert "cannot be reached" in words(failed)
        assert failed["In-Reply-To"] == delayed["In-Reply-To"] == mail["Message-ID"]
        await bridge.drained()
        await simulator.start("127.0.0.1", bridge.port("provider"))
        clock.turn(HOUR)
        await bridge.post(letter("Und jetzt?"))
        await bridge.drained()
        assert [message.text for message in simulator.messages] == ["Und jetzt?"]


async def test_a_paused_account_is_probed_and_comes_back_by_itself(tmp_path: Path) -> None:
    async with turning(tmp_path) as (bridge, simulator, clock):
        right, simulator.settings.tokens = simulator.settings.tokens, ("the-account-is-locked",)
        for number in range(6):
            await bridge.post(letter(f"Nummer {number}"))
        await until_async(lambda: _is_paused(bridge), "the account is paused")
        refused = len(simulator.refused)
        clock.turn(5 * MINUTE + 1)
        await until(lambda: len(simulator.refused) > refused, "one probe")
        await until_async(lambda: _is_at_rest(bridge), "what came of it is noted, by the clock as it is now")
        clock.turn(4 * MINUTE)
        assert len(simulator.refused) == refused + 1
        simulator.settings.tokens = right
        clock.turn(2 * MINUTE)
        await bridge.drained()
        assert sorted(message.text or "" for message in simulator.messages) == [f"Nummer {n}" for n in range(6)]
        assert not await _is_paused(bridge)
        assert bridge.mails_to(ANNA) == []


async def test_row_91_throttling_ends_by_itself(tmp_path: Path) -> None:
    async with turning(tmp_path) as (bridge, simulator, clock):
        simulator.fault(status=4023)
        await bridge.post(letter("etwas später"))
        await until_async(lambda: _is_paused(bridge), "it waits")
        clock.turn(31.0)
        await bridge.drained()
        assert [message.text for message in simulator.messages] == ["etwas später"]
        assert bridge.mails_to(ANNA) == []


async def test_a_phone_that_was_off_all_the_time(tmp_path: Path) -> None:
    async with turning(tmp_path) as (bridge, simulator, clock):
        simulator.script(PHONE, "undelivered")
        identifier = await bridge.post(letter("Bist du da?"), ADDRESS)
        await until(lambda: simulator.messages or None, "it is sent")
        await simulator.idle()
        assert bridge.mails == [], "not final"
        clock.turn(DAY + MINUTE)
        (notice,) = await until(lambda: bridge.mails_to(ANNA) or None, "the author is told")
        assert "The phone did not take the message" in words(notice)
        assert notice["X-SMS-Id"] == identifier
