"""The simulator as one object, and as a program would run it."""

import asyncio

import aiohttp
import pytest

from bridge.simulator import Account, Simulator, SimulatorSettings, run
from tests.simulator.rig import LINE, NUMBER, Client, Webhook


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


async def test_clear_forgets_everything_that_would_change_the_next_answer(client: Client, webhook: Webhook) -> None:
    sim = client.sim
    sim.settings.quota, sim.settings.notify_url = 1, webhook.url
    await client.send()
    await client.send(test=True)
    assert (await client.send()).code == 4013
    sim.script(NUMBER, "rejected")
    assert sim.fault(status=5003) is sim.faults[0]
    await sim.incoming(phone=NUMBER, line=LINE, text="x")
    await sim.idle()
    sim.clear()
    assert not any((sim.messages, sim.tested, sim.refused, sim.notifications, sim.faults))
    assert (await client.send(notificationCallbackUrl=webhook.url)).code == 2000
    await webhook.count(2)
    assert webhook.fields[1]["deliveryReportMessageStatus"] == "delivered"


async def test_a_script_is_for_a_number_in_any_spelling_and_for_known_statuses(
    client: Client, webhook: Webhook
) -> None:
    client.sim.script("+" + NUMBER, "deleted")
    await client.send(notificationCallbackUrl=webhook.url)
    await webhook.count(1)
    assert webhook.fields[0]["deliveryReportMessageStatus"] == "deleted"
    with pytest.raises(ValueError, match="unknown statuses: gone, lost"):
        client.sim.script(NUMBER, "lost", "delivered", "gone")


async def test_a_fault_with_another_name_is_a_mistake(sim: Simulator) -> None:
    with pytest.raises(TypeError):
        sim.fault(colour="red")
    assert sim.faults == []


async def test_only_the_last_are_remembered_and_all_are_counted(http: aiohttp.ClientSession) -> None:
    sim = Simulator(SimulatorSettings(keep=2))
    await sim.start()
    for number in range(5):
        await Client(sim, http).send(messageContent=str(number))
        await Client(sim, http).send(priority=99)
    assert [message.text for message in sim.messages] == ["3", "4"]
    assert len(sim.refused) == 2
    assert sim.accepted == 5
    await sim.stop()


async def test_what_it_shows_is_a_copy(client: Client) -> None:
    await client.send()
    client.sim.messages.clear()
    assert len(client.sim.messages) == 1


async def test_an_sms_to_another_account_goes_where_that_one_wants_it(webhook: Webhook) -> None:
    other = Account(user="other@example.com", notify_url=webhook.url)
    sim = Simulator(SimulatorSettings(other_accounts=(other,)))
    await sim.start()
    with pytest.raises(ValueError, match="notify_url"):
        await sim.incoming(phone=NUMBER, line=LINE, text="x")
    await sim.incoming(phone=NUMBER, line=LINE, text="y", account="other@example.com")
    await asyncio.wait_for(sim.idle(), 20)
    assert [fields["textMessageContent"] for fields in webhook.fields] == ["y"]
    await sim.stop()


async def test_its_addresses_can_be_used_as_they_are(http: aiohttp.ClientSession) -> None:
    sim = Simulator()
    assert (sim.url, sim.control_url) == ("", "")
    try:
        await sim.start("::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert sim.url.startswith("http://[::1]:")
    assert (await Client(sim, http).send()).code == 2000
    await sim.stop()
