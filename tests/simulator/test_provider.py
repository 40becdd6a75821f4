"""The provider port: who may ask, and in which form."""

import base64
import io
import json
import ssl

import aiohttp
import pytest
import trustme

from bridge.simulator import Account, Simulator, SimulatorSettings
from tests.simulator.rig import Answered, Client

TEXT = "/rest/smsmessaging/text"
SIMPLE = "/rest/smsmessaging/simple"
GOOD = b'{"recipientAddressList":["436600000001"],"messageContent":"hi"}'


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


# --- credentials


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


async def test_a_bad_token_can_be_explained(client: Client) -> None:
    client.sim.settings.invalid_token_body = True
    answer = await client.call(TEXT, GOOD, headers={"Authorization": "Bearer wrong"})
    assert answer.status == 401
    assert answer.json["error"] == "invalid_token"


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


# --- paths, methods, formats


@pytest.mark.parametrize(
    "path", ["/", "/rest/smsmessaging/texts", "/rest/smsmessaging/text/", "/json/smsmessaging/simple"]
)
async def test_other_paths(client: Client, path: str) -> None:
    assert (await client.call(path, GOOD)).status == 404


async def test_get_on_text(client: Client) -> None:
    assert (await client.call(TEXT, method="GET")).status == 405


@pytest.mark.parametrize(
    ("path", "accept", "kind"),
    [
        (TEXT, None, "xml"),
        (TEXT, "*/*", "xml"),
        (TEXT, "application/xml", "xml"),
        (TEXT, "application/json", "json"),
        (TEXT, "text/html, application/json;q=0.5", "json"),
        (TEXT, "text/html", None),
        ("/json/smsmessaging/text", None, "json"),
        ("/json/smsmessaging/text", "text/html", "json"),
    ],
)
async def test_the_accept_header_decides(client: Client, path: str, accept: str | None, kind: str | None) -> None:
    answer = await client.call(path, GOOD, headers={"Accept": accept})
    if kind is None:
        assert answer.status == 406
        return
    assert answer.headers["Content-Type"] == f"application/{kind};charset=UTF-8"
    assert answer.body.startswith(b"{" if kind == "json" else b"<?xml")
    assert (b"<smsSendResponse><statusMessage>OK</statusMessage><statusCode>2000<" in answer.body) == (kind == "xml")


async def test_content_type(client: Client) -> None:
    for good in ("application/json", "application/json; charset=UTF-8", "application/json;charset=latin1"):
        assert (await client.call(TEXT, GOOD, headers={"Content-Type": good})).code == 2000
    for bad in ("text/plain", "application/x-www-form-urlencoded", None):
        assert (await client.call(TEXT, GOOD, headers={"Content-Type": bad})).status == 415


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"{}x", b"\xff{}", b'{"priority":NaN}', b"[" * 100_000, b'{"priority":' + b"9" * 5000 + b"}"],
)
async def test_a_body_that_is_no_json(client: Client, body: bytes) -> None:
    answer = await client.call(TEXT, body)
    assert answer.status == 400
    assert answer.headers["Content-Type"].startswith("text/plain")


async def test_a_body_too_large(client: Client) -> None:
    headers = client.auth | {"Accept": "application/json", "Content-Type": "application/json"}
    url = client.sim.url + "/smsmessaging/text"
    async with client.http.post(url, data=io.BytesIO(b" " * 2_000_000), headers=headers) as response:
        assert response.status == 413


async def test_expect_100_continue(client: Client) -> None:
    async def announced(length: int) -> Answered:
        body = json.dumps({"recipientAddressList": ["436600000001"], "messageContent": "a" * length}).encode()
        async with client.http.post(
            client.sim.url + "/smsmessaging/text",
            data=body,
            headers=client.auth | {"Accept": "application/json", "Content-Type": "application/json"},
            expect100=True,
        ) as response:
            return Answered(response.status, dict(response.headers), await response.read())

    assert (await announced(10)).code == 2000
    assert (await announced(1100)).status == 417
    client.sim.settings.expect_limit = None
    assert (await announced(1100)).code == 2000


async def test_tls(http: aiohttp.ClientSession) -> None:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    sim = Simulator(SimulatorSettings(tls=server))
    await sim.start()
    assert sim.url.startswith("https://")
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    headers = {
        "Authorization": f"Bearer {sim.settings.tokens[0]}",
        "Accept": "application/json",
        "Content-Type": "application/json",
    }
    async with http.post(sim.url + "/smsmessaging/text", data=GOOD, headers=headers, ssl=trusting) as response:
        assert (await response.json())["statusCode"] == 2000
    with pytest.raises(aiohttp.ClientConnectorCertificateError):
        await http.post(sim.url + "/smsmessaging/text", data=GOOD, headers=headers)
    await sim.stop()
