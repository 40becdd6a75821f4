"""Who may ask, and what an account may still do."""

import base64

import aiohttp
import pytest

from bridge.simulator import Account, Simulator, SimulatorSettings
from tests.simulator.rig import Client

TEXT = "/rest/smsmessaging/text"
SIMPLE = "/rest/smsmessaging/simple"
GOOD = b'{"recipientAddressList":["436600000001"],"messageContent":"hi"}'


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize("path", [TEXT, "/json/smsmessaging/text", "/rest/smsmessaging/binary", SIMPLE])
@pytest.mark.parametrize(
    ("header", "query"),
    [
        (None, ""),
        (basic("simulator@example.com", "wrong"), ""),
        (basic("nobody@example.com", "wrong"), ""),
        ("Basic ***", ""),
        ("Basic " + base64.b64encode(b"\xff\xfe:x").decode(), ""),
        ("Bearer wrong", ""),
        ("Digest x", ""),
        (None, "?access_token=wrong"),
        (None, "?access_token="),
    ],
)
async def test_wrong_credentials_are_an_empty_401(client: Client, path: str, header: str | None, query: str) -> None:
    answer = await client.call(path + query, GOOD, headers={"Authorization": header, "Accept": "*/*"})
    assert (answer.status, answer.body) == (401, b"")
    assert client.sim.messages == []
    assert client.sim.refused[0].http == 401


async def test_three_ways_to_prove_an_account(client: Client) -> None:
    settings = client.sim.settings
    token = settings.tokens[0]
    assert (await client.call(TEXT, GOOD)).code == 2000
    header = basic(settings.user, settings.password)
    assert (await client.call(TEXT, GOOD, headers={"Authorization": header})).code == 2000
    answer = await client.call(f"{TEXT}?access_token={token}", GOOD, headers={"Authorization": None})
    assert answer.code == 2000
    assert [m.credentials for m in client.sim.messages] == [
        f"bearer {token}",
        f"basic {settings.user}",
        f"parameter {token}",
    ]


async def test_the_header_wins_over_the_parameter(client: Client) -> None:
    path = f"{TEXT}?access_token={client.sim.settings.tokens[0]}"
    assert (await client.call(path, GOOD, headers={"Authorization": "Bearer wrong"})).status == 401
    client.sim.settings.header_wins = False
    assert (await client.call(path, GOOD, headers={"Authorization": "Bearer wrong"})).code == 2000


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"networks": ("192.0.2.0/24",)}, 4014),
        ({"networks": ("127.0.0.0/8",)}, 2000),
        ({"state": "off"}, 4001),
        ({"state": "invalid"}, 4021),
        ({"rights": frozenset({"sms"})}, 4022),
        ({"rights": frozenset({"api"})}, 4035),
    ],
)
async def test_standing_of_the_account(client: Client, change: dict[str, object], code: int) -> None:
    for name, value in change.items():
        setattr(client.sim.settings, name, value)
    answer = await client.call(TEXT, GOOD)
    assert (answer.status, answer.code) == (200, code)


async def test_accounts_are_told_apart(http: aiohttp.ClientSession) -> None:
    other = Account(user="other@example.com", state="off", default_sender="436600000077")
    sim = Simulator(SimulatorSettings(other_accounts=(other,)))
    await sim.start()
    client = Client(sim, http)
    assert (await client.send()).code == 2000
    header = {"Authorization": f"Bearer {other.tokens[0]}"}
    assert (await client.call(TEXT, GOOD, headers=header)).code == 4001
    other.state = "active"
    assert (await client.call(TEXT, GOOD, headers=header)).code == 2000
    assert [m.sender for m in sim.messages] == ["436600000099", "436600000077"]
    await sim.stop()


async def test_rate_limits_refill_with_the_clock(client: Client) -> None:
    client.sim.settings.ip_limit = (0.001, 2)
    assert [(await client.send()).code for _ in range(3)] == [2000, 2000, 4023]
    client.sim.step(1000.0)
    assert [(await client.send()).code for _ in range(2)] == [2000, 4023]
