"""The simulator as one object, and as a program would run it."""

import asyncio

import aiohttp
import pytest

from bridge.simulator import Simulator, SimulatorSettings, run
from tests.simulator.rig import Client


async def test_start_again_on_the_same_port(client: Client) -> None:
    sim = client.sim
    await client.send()
    port = int(sim.url.split(":")[2].split("/")[0])
    control = int(sim.control_url.split(":")[2])
    await sim.stop()
    with pytest.raises(aiohttp.ClientConnectorError):
        await client.send()
    await sim.start(port=port, control_port=control)
    assert (await client.send()).code == 2000
    assert len(sim.messages) == 2


async def test_run_until_cancelled(http: aiohttp.ClientSession) -> None:
    settings = SimulatorSettings()
    started: asyncio.Future[Simulator] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(run(settings, port=0, control_port=0, started=started))
    simulator = await asyncio.wait_for(started, 20)
    assert (await Client(simulator, http).send()).code == 2000
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(aiohttp.ClientConnectorError):
        await Client(simulator, http).send()


async def test_a_taken_port_leaves_nothing_behind(sim: Simulator) -> None:
    other = Simulator()
    port = int(sim.control_url.split(":")[2])
    with pytest.raises(OSError, match="address already in use"):
        await other.start(control_port=port)
    await other.start()
    await other.stop()
    await other.stop()
