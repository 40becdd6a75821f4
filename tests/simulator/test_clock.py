"""Simulated time, and how the provider writes it."""

import asyncio
from datetime import datetime
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.simulator import Simulator, SimulatorSettings
from bridge.simulator.clock import Clock, vienna
from tests.simulator.rig import LINE, NUMBER, Client, Webhook


def test_summer_time_begins_and_ends() -> None:
    assert vienna(1774745999.999) == "2026-03-29T01:59:59.999+01:00"
    assert vienna(1774746000) == "2026-03-29T03:00:00.000+02:00"
    assert vienna(1792889999) == "2026-10-25T02:59:59.000+02:00"
    assert vienna(1792890000) == "2026-10-25T02:00:00.000+01:00"


@given(st.integers(1_000_000_000, 4_000_000_000))
def test_vienna_agrees_with_the_time_zone_database(moment: int) -> None:
    zone = ZoneInfo("Europe/Vienna")
    assert vienna(moment) == datetime.fromtimestamp(moment, zone).isoformat(timespec="milliseconds")


async def test_timestamps_across_the_change(webhook: Webhook, http: aiohttp.ClientSession) -> None:
    settings = SimulatorSettings(clock=lambda: 1792889999.0, speed=0.0, report_delay=2.0)
    sim = Simulator(settings)
    await sim.start()
    await Client(sim, http).send(notificationCallbackUrl=webhook.url)
    sim.step(2.0)
    await webhook.count(1)
    assert webhook.fields[0]["sentOn"] == "2026-10-25T02:59:59.000+02:00"
    assert webhook.fields[0]["deliveredOn"] == "2026-10-25T02:00:01.000+01:00"
    await sim.stop()


async def test_speed(webhook: Webhook, http: aiohttp.ClientSession) -> None:
    sim = Simulator(SimulatorSettings(speed=100_000.0))
    await sim.start()
    webhook.answers = [(503, b""), (503, b""), (200, b'{"statusCode":2000}')]
    notification = await sim.incoming(phone=NUMBER, line=LINE, text="x", url=webhook.url)
    await asyncio.wait_for(sim.idle(), 20)
    assert [a.http for a in notification.attempts] == [503, 503, 200]
    await sim.stop()


# --- by itself


def test_time_runs_with_the_base_at_its_speed_and_jumps_by_steps() -> None:
    base = 1000.0
    clock = Clock(lambda: base, speed=10.0)
    assert clock.now() == 1000.0
    base = 1002.0
    assert clock.now() == 1020.0
    clock.step(3600.0)
    assert clock.now() == 4620.0
    base = 1003.0
    assert clock.now() == 4630.0


def test_time_that_stands_still_moves_by_steps_only() -> None:
    base = 1000.0
    clock = Clock(lambda: base, speed=0.0)
    base = 5000.0
    assert clock.now() == 1000.0
    clock.step(1.5)
    assert clock.now() == 1001.5


@pytest.mark.parametrize(
    ("speed", "moment", "seconds"),
    [
        (1.0, 1010.0, 10.0),
        (10.0, 1010.0, 1.0),
        (1.0, 1000.0, 0.0),
        (1.0, 0.0, 0.0),
        (0.0, 1000.0, 0.0),
        (0.0, 1000.5, None),
    ],
)
def test_how_long_to_sleep(speed: float, moment: float, seconds: float | None) -> None:
    assert Clock(lambda: 1000.0, speed).real_seconds_until(moment) == seconds


def test_whoever_waits_is_woken_after_each_step() -> None:
    clock = Clock(lambda: 0.0, speed=0.0)
    seen: list[float] = []
    clock.on_step(lambda: seen.append(clock.now()))
    clock.on_step(lambda: seen.append(-clock.now()))
    clock.step(1.0)
    clock.step(2.0)
    assert seen == [1.0, -1.0, 3.0, -3.0]


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (0, "1970-01-01T01:00:00.000+01:00"),
        (1735689599.9996, "2025-01-01T00:59:59.999+01:00"),
        (1735685999, "2024-12-31T23:59:59.000+01:00"),
        (1735686000, "2025-01-01T00:00:00.000+01:00"),
    ],
)
def test_times_around_a_new_year(moment: float, written: str) -> None:
    assert vienna(moment) == written
