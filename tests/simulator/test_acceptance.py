"""What a success looks like and what it leaves behind."""

import json
import os
import re
from pathlib import Path

import aiohttp
import pytest

from bridge.simulator import Simulator, SimulatorSettings
from tests.simulator.rig import Client


async def test_the_answer_of_success(client: Client) -> None:
    answer = await client.send(clientMessageId="b7e1 – €")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert list(answer.json) == ["statusCode", "statusMessage", "clientMessageId", "transferId", "smsCount"]
    assert answer.json | {"transferId": ""} == {
        "statusCode": 2000,
        "statusMessage": "OK",
        "clientMessageId": "b7e1 – €",
        "transferId": "",
        "smsCount": 1,
    }
    assert re.fullmatch("00[0-9a-f]{18}", answer.json["transferId"])
    assert abs(int(answer.json["transferId"][2:10], 16) - client.sim.clock.now()) < 120


async def test_equal_posts_are_two_messages(client: Client) -> None:
    first, second = await client.send(clientMessageId="x-1"), await client.send(clientMessageId="x-1")
    assert first.json["transferId"] != second.json["transferId"]
    assert [m.client_message_id for m in client.sim.messages] == ["x-1", "x-1"]
    client.sim.settings.deduplicate = True
    third, fourth = await client.send(clientMessageId="x-2"), await client.send(clientMessageId="x-2")
    assert third.body == fourth.body
    assert len(client.sim.messages) == 3


async def test_count_and_queue(client: Client) -> None:
    numbers = [str(436600000000 + n) for n in range(101)]
    assert (await client.send(recipientAddressList=numbers[:100])).code == 2000
    answer = await client.send(recipientAddressList=numbers, messageContent="a" * 161)
    assert (answer.code, answer.json["statusMessage"]) == (2001, "OK_QUEUED")
    assert answer.json["smsCount"] == 202
    client.sim.settings.sms_count_per_recipient = False
    assert (await client.send(recipientAddressList=numbers, messageContent="a" * 161)).json["smsCount"] == 2


async def test_test_mode_sends_nothing(client: Client) -> None:
    client.sim.settings.quota = 1
    answer = await client.send(test=True, messageContent="a" * 150)
    assert (answer.code, answer.json["smsCount"]) == (2000, 1)
    assert client.sim.messages == []
    assert len(client.sim.tested) == 1
    client.sim.settings.test_sms_count_zero = True
    assert (await client.send(test=True)).json["smsCount"] == 0
    assert (await client.send(test=True, priority=10)).code == 4015
    assert (await client.send()).code == 2000  # the quota was not touched
    assert (await client.send()).code == 4013


async def test_the_accept_log_has_a_line_per_message(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    log = tmp_path / "accepted.jsonl"
    sim = Simulator(SimulatorSettings(accept_log=str(log)))
    await sim.start()
    client = Client(sim, http)
    await client.send(clientMessageId="m-1")
    await client.send(priority=99)
    await client.send(test=True)
    await client.send(clientMessageId="m-2")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["client_message_id"] for line in lines] == ["m-1", "m-2"]
    assert lines[0]["recipients"] == ["436600000001"]
    await sim.stop()


@pytest.mark.parametrize("fsync", [True, False])
async def test_the_line_is_on_the_disk_before_the_answer(
    tmp_path: Path, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, fsync: bool
) -> None:
    log = tmp_path / "accepted.jsonl"
    synced: list[str] = []
    monkeypatch.setattr(os, "fdatasync", lambda _: synced.append(log.read_text()))
    sim = Simulator(SimulatorSettings(accept_log=str(log), accept_log_fsync=fsync))
    await sim.start()
    await Client(sim, http).send(clientMessageId="m-1")
    assert synced == ([log.read_text()] if fsync else [])
    assert json.loads(log.read_text())["client_message_id"] == "m-1"
    await sim.stop()


async def test_a_log_that_is_no_file_is_no_obstacle(http: aiohttp.ClientSession) -> None:
    sim = Simulator(SimulatorSettings(accept_log=os.devnull))
    await sim.start()
    assert (await Client(sim, http).send()).code == 2000
    await sim.stop()
