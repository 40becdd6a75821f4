"""Who may ask, and what an account may still do."""

import base64
from typing import Any

import aiohttp
import pytest

from bridge.simulator import Account, Simulator, SimulatorSettings
from bridge.simulator.accounts import Ledger, authenticate, standing
from bridge.simulator.clock import Clock
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


# --- by themselves


FIRST = Account(user="first@example.com", password="made:up", tokens=("token-1", "token-2"))
KNOWN = SimulatorSettings(user="main@example.com", password="größe", tokens=("token-0",), other_accounts=(FIRST,))


@pytest.mark.parametrize(
    ("header", "parameter", "said"),
    [
        (basic("main@example.com", "größe"), None, "basic main@example.com"),
        (basic("first@example.com", "made:up"), None, "basic first@example.com"),
        (basic("first@example.com", "größe"), None, None),
        (basic("first@example.com", "made"), None, None),
        ("BASIC " + basic("main@example.com", "größe").partition(" ")[2], None, "basic main@example.com"),
        ("Basic " + base64.b64encode(b"main@example.com").decode(), None, None),
        ("Basic größe", None, None),
        ("Bearer token-2", None, "bearer token-2"),
        ("bearer  token-0 ", None, "bearer token-0"),
        ("Bearer", None, None),
        ("token-0", None, None),
        ("", None, None),
        (None, "token-1", "parameter token-1"),
        (None, "token-3", None),
        (None, "", None),
        (None, None, None),
        ("Bearer token-3", "token-1", None),
    ],
)
def test_proofs(header: str | None, parameter: str | None, said: str | None) -> None:
    found = authenticate(KNOWN, header, parameter)
    assert (None if found is None else str(found)) == said
    if found is not None:
        assert (found.account is FIRST) == ("first" in str(said) or str(said).endswith(("-1", "-2")))


@pytest.mark.parametrize(
    ("changes", "peer", "kind", "code"),
    [
        ({}, "192.0.2.1", "text", None),
        ({"networks": ("192.0.2.7/24", "2001:db8::/32")}, "192.0.2.200", "text", None),
        ({"networks": ("192.0.2.7/24", "2001:db8::/32")}, "2001:db8::1", "text", None),
        ({"networks": ("192.0.2.7/24",)}, "198.51.100.1", "text", 4014),
        ({"networks": ("192.0.2.7/24",)}, "2001:db8::1", "text", 4014),
        ({"rights": frozenset({"api", "sms"})}, "192.0.2.1", "text", None),
        ({"rights": frozenset({"api", "sms"})}, "192.0.2.1", "binary", 4022),
        ({"rights": frozenset()}, "192.0.2.1", "text", 4022),
        ({"state": "off", "rights": frozenset()}, "192.0.2.1", "text", 4001),
    ],
)
def test_who_may_send_now(changes: dict[str, Any], peer: str, kind: str, code: int | None) -> None:
    found = standing(Account(**changes), peer, kind)
    assert (None if found is None else found[0]) == code


def test_a_burst_and_then_the_rate() -> None:
    now = 0.0
    account = Account(rate_limit=(2.0, 3))
    ledger = Ledger(SimulatorSettings(), Clock(lambda: now))

    def taken(requests: int) -> int:
        return sum(not ledger.rate_exhausted(account) for _ in range(requests))

    assert taken(5) == 3
    now = 1.0
    assert taken(5) == 2
    now = 100.0
    assert taken(5) == 3


def test_each_address_and_each_account_has_a_rate_of_its_own() -> None:
    ledger = Ledger(SimulatorSettings(ip_limit=(0.0, 1)), Clock(lambda: 0.0))
    one, other = (Account(user=name, rate_limit=(0.0, 1)) for name in ("192.0.2.1", "b"))
    assert [ledger.ip_exhausted(peer) for peer in ("192.0.2.1", "192.0.2.2", "192.0.2.1")] == [False, False, True]
    assert [ledger.rate_exhausted(account) for account in (one, other, one)] == [False, False, True]
    assert not any(ledger.rate_exhausted(Account()) for _ in range(1000))


def test_a_quota_is_used_up_by_sms_and_not_by_asking() -> None:
    ledger = Ledger(SimulatorSettings(), Clock(lambda: 0.0))
    account, other = Account(user="a", quota=3), Account(user="b", quota=3)
    for _ in range(5):
        assert not ledger.over_quota(account, 3)
    assert ledger.over_quota(account, 4)
    ledger.use(account, 2)
    assert not ledger.over_quota(account, 1)
    assert ledger.over_quota(account, 2)
    assert not ledger.over_quota(other, 3)
    assert not ledger.over_quota(Account(user="a"), 10**9)
