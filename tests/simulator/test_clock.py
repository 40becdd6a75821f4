"""Simulated time, and how the provider writes it."""

import asyncio
from datetime import datetime
from zoneinfo import ZoneInfo

import aiohttp
from hypothesis import given
from hypothesis import strategies as st

from bridge.simulator import Simulator, SimulatorSettings
from bridge.simulator.clock import vienna
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
