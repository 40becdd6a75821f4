"""Answers gone wrong, as a client sees them, and whether the message was sent all the same."""

import asyncio
import json
import logging
from typing import Any

import aiohttp
import pytest

from tests.simulator.rig import NUMBER, Client


@pytest.mark.parametrize(
    ("fault", "status", "code", "sent"),
    [
        ({"status": 5003}, 200, 5003, 0),
        ({"status": 5000}, 200, 5000, 0),
        ({"status": 4032}, 200, 4032, 0),
        ({"status": 2002}, 200, 2002, 1),
        ({"status": 5000, "accept": True}, 200, 5000, 1),
        ({"http": 500}, 500, None, 0),
        ({"http": 502}, 502, None, 0),
        ({"http": 503}, 503, None, 0),
        ({"http": 429}, 429, None, 0),
        ({"http": 401}, 401, None, 0),
        ({"http": 502, "accept": True}, 502, None, 1),
        ({"http": 503, "status": 5003}, 503, 5003, 0),
    ],
)
async def test_codes(client: Client, fault: dict[str, Any], status: int, code: int | None, sent: int) -> None:
    client.sim.fault(**fault)
    answer = await client.send(clientMessageId="m-1")
    assert answer.status == status
    if code is None:
        assert answer.body == b""
    else:
        assert answer.code == code
        assert answer.json["clientMessageId"] == "m-1"
        assert (answer.json["transferId"] is None) == (code >= 4000)
    assert len(client.sim.messages) == sent
    assert (await client.send()).code == 2000


async def test_how_often_and_for_whom(client: Client) -> None:
    client.sim.fault(status=5003, times=2, recipient=NUMBER)
    assert (await client.send(recipientAddressList=["436600000002"])).code == 2000
    assert [(await client.send()).code for _ in range(3)] == [5003, 5003, 2000]
    client.sim.fault(status=5003, path="binary")
    assert (await client.send()).code == 2000
    assert (await client.send(path="/rest/smsmessaging/binary", messageContent=["AA=="])).code == 5003
    assert client.sim.faults == []


async def test_a_refused_request_does_not_use_up_a_fault(client: Client) -> None:
    client.sim.fault(status=5003)
    assert (await client.send(priority=10)).code == 4015
    assert (await client.send()).code == 5003


async def test_retry_after(client: Client) -> None:
    client.sim.fault(http=429, retry_after=7)
    client.sim.fault(http=503, retry_after="Wed, 21 Oct 2026 07:28:00 GMT")
    assert (await client.send()).headers["Retry-After"] == "7"
    assert (await client.send()).headers["Retry-After"].startswith("Wed")


@pytest.mark.parametrize(("shape", "accept", "sent"), [("cut", None, 1), ("cut", False, 0)])
async def test_a_cut_answer(client: Client, shape: Any, accept: bool | None, sent: int) -> None:
    client.sim.fault(shape=shape, accept=accept)
    with pytest.raises(aiohttp.ClientPayloadError):
        await client.send()
    assert len(client.sim.messages) == sent
    assert (await client.send()).code == 2000


@pytest.mark.parametrize(("accept", "sent"), [(None, 0), (True, 1)])
async def test_a_reset(client: Client, accept: bool | None, sent: int, caplog: pytest.LogCaptureFixture) -> None:
    client.sim.fault(shape="reset", accept=accept)
    with caplog.at_level(logging.INFO), pytest.raises(aiohttp.ClientOSError) as caught:
        await client.send()
    assert isinstance(caught.value, ConnectionResetError | aiohttp.ClientOSError)
    assert len(client.sim.messages) == sent
    assert caplog.records == []
    assert (await client.send()).code == 2000


async def test_nonsense(client: Client) -> None:
    for shape in ("html", "content_type", "invalid_json", "no_status"):
        client.sim.fault(shape=shape)
    html, typed, invalid, missing = [await client.send() for _ in range(4)]
    assert (html.status, html.headers["Content-Type"]) == (200, "text/html")
    assert typed.headers["Content-Type"] == "text/html"
    assert typed.code == 5000
    with pytest.raises(json.JSONDecodeError):
        assert invalid.json
    assert invalid.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert missing.status == 200
    assert "statusCode" not in missing.json
    assert "statusMessage" in missing.json
    assert client.sim.messages == []


async def test_a_given_body(client: Client) -> None:
    client.sim.fault(body='{"statusCode":2000}', accept=True)
    assert (await client.send()).body == b'{"statusCode":2000}'
    assert len(client.sim.messages) == 1


async def test_a_slow_answer_was_accepted_at_once(client: Client) -> None:
    client.sim.fault(delay=60.0)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.send(), 0.5)
    assert len(client.sim.messages) == 1


async def test_stop_does_not_wait_for_a_slow_answer(client: Client) -> None:
    client.sim.fault(delay=60.0)
    task = asyncio.create_task(client.send())
    while not client.sim.messages:
        await asyncio.sleep(0.005)
    await asyncio.wait_for(client.sim.stop(), 20)
    with pytest.raises(aiohttp.ClientError):
        await task
