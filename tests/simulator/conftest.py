"""A running simulator, a client for it, and a webhook for its notifications."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from bridge.simulator import Simulator, SimulatorSettings
from tests.simulator.rig import Client, Webhook

START = 1_700_000_000.0  # Unix seconds


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    simulator = Simulator(SimulatorSettings(report_delay=0.0, report_gap=0.0))
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def client(sim: Simulator, http: aiohttp.ClientSession) -> Client:
    return Client(sim, http)


@pytest.fixture
async def webhook() -> AsyncIterator[Webhook]:
    hook = Webhook()
    application = web.Application()
    application.router.add_post("/{tail:.*}", hook.take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield hook
    await runner.cleanup()


@pytest.fixture
async def frozen(http: aiohttp.ClientSession) -> AsyncIterator[Client]:
    """A client of a simulator whose time moves only by steps."""
    simulator = Simulator(SimulatorSettings(speed=0.0, clock=lambda: START, report_delay=0.0, report_gap=0.0))
    await simulator.start()
    yield Client(simulator, http)
    await simulator.stop()
