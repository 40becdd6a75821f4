"""The provider port: paths, methods, formats, TLS."""

import io
import json
import ssl

import aiohttp
import pytest
import trustme

from bridge.simulator import Simulator, SimulatorSettings
from tests.simulator.rig import Answered, Client

TEXT = "/rest/smsmessaging/text"
GOOD = b'{"recipientAddressList":["436600000001"],"messageContent":"hi"}'


async def test_a_bad_token_can_be_explained(client: Client) -> None:
    client.sim.settings.invalid_token_body = True
    answer = await client.call(TEXT, GOOD, headers={"Authorization": "Bearer wrong"})
    assert answer.status == 401
    assert answer.json["error"] == "invalid_token"


# --- paths, methods, formats


@pytest.mark.parametrize(
    "path", ["/", "/rest/smsmessaging/texts", "/rest/smsmessaging/text/", "/json/smsmessaging/simple"]
)
async def test_other_paths(client: Client, path: str) -> None:
    assert (await client.call(path, GOOD)).status == 404


async def test_get_on_text(client: Client) -> None:
    assert (await client.call(TEXT, method="GET")).status == 405


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
