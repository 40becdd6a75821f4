"""The provider: reachable, in time, and with a login that works."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from bridge.cli.findings import Case, provider
from bridge.config import Secrets
from bridge.simulator import Simulator, SimulatorSettings
from tests.cli.cases import case, only, told
from tests.transports.servers import Certificates

TOKEN = "made-up-for-this-test"


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    sim = Simulator(SimulatorSettings(tokens=(TOKEN,)))
    await sim.start("127.0.0.1", 0, 0)
    yield sim
    await sim.stop()


def at(directory: Path, sim: Simulator, token: str = TOKEN, **more: Any) -> Case:
    made = case(directory, websms={"url": sim.url}, **more)
    secrets = replace(made.configuration.secrets, websms_token=token)
    return replace(made, configuration=replace(made.configuration, secrets=secrets))


async def test_a_login_that_works(simulator: Simulator, tmp_path: Path) -> None:
    found = only(await provider.login(at(tmp_path, simulator, number="436600000001")))
    assert (found.level, "+436600000001" in found.text) == ("ok", True)
    assert simulator.messages == []
    assert [message.recipients for message in simulator.tested] == [("436600000001",)]


async def test_a_wrong_token(simulator: Simulator, tmp_path: Path) -> None:
    found = only(await provider.login(at(tmp_path, simulator, "another", number="436600000001")))
    assert (found.level, "user name, password or token" in found.remedy) == ("fail", True)


@pytest.mark.parametrize(
    ("fault", "level"),
    [
        ({"status": 4010}, "fail"),
        ({"http": 429}, "warn"),
        ({"http": 503}, "fail"),
        ({"shape": "html"}, "warn"),
    ],
)
async def test_other_answers(simulator: Simulator, tmp_path: Path, fault: dict[str, Any], level: str) -> None:
    simulator.fault(**fault)
    assert only(await provider.login(at(tmp_path, simulator, number="436600000001"))).level == level


async def test_a_number_that_the_provider_refuses(simulator: Simulator, tmp_path: Path) -> None:
    simulator.fault(status=4001)
    found = only(await provider.login(at(tmp_path, simulator, number="436600000001")))
    assert found.level in {"warn", "fail"}


async def test_nobody_there(tmp_path: Path) -> None:
    away = case(tmp_path, websms={"url": "http://127.0.0.1:1/rest"}, number="436600000001")
    assert only(await provider.login(away)).level == "fail"
    assert only(await provider.reach(away)).level == "fail"


async def test_without_a_number_it_is_not_tried(simulator: Simulator, tmp_path: Path) -> None:
    found = only(await provider.login(at(tmp_path, simulator)))
    assert (found.level, "--to NUMBER" in found.remedy) == ("warn", True)
    assert simulator.tested == []


def test_our_own_numbers(tmp_path: Path) -> None:
    def own(**sections: Any) -> str | None:
        return provider.own_number(case(tmp_path, **sections).configuration)

    assert own() is None
    assert own(websms={"sender": "ALARM"}) is None
    assert own(websms={"sender": "1234"}) is None
    assert own(websms={"sender": "436600000099"}) == "436600000099"
    assert own(websms={"sender": "436600000099"}, heartbeat={"number": "436600000098"}) == "436600000098"


@asynccontextmanager
async def answering(answer: Callable[[], bytes], context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server that says this to everything; where it is."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with_header = await reader.readuntil(b"\r\n\r\n")
        assert with_header.startswith(b"HEAD ")
        writer.write(answer())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    yield f"{'http' if context is None else 'https'}://localhost:{port}/rest"
    server.close()


def said(date: str) -> Callable[[], bytes]:
    return f"HTTP/1.1 404 Not Found\r\nDate: {date}\r\n\r\n".encode


@pytest.mark.parametrize(("off", "level"), [(0, "ok"), (100, "warn"), (-100, "warn"), (4000, "fail"), (-4000, "fail")])
async def test_the_clock(tmp_path: Path, off: float, level: str) -> None:
    now = 1_800_000_000.0
    async with answering(said(formatdate(now - off, usegmt=True))) as url:
        found = await provider.reach(case(tmp_path, clock=lambda: now, websms={"url": url}))
    assert told(found) == [("ok", "provider"), (level, "clock")]
    assert ("ahead" in found[1].text) is (off > 0)


@pytest.mark.parametrize("date", ["", "yesterday"])
async def test_a_server_without_a_clock(tmp_path: Path, date: str) -> None:
    async with answering(said(date)) as url:
        assert told(await provider.reach(case(tmp_path, websms={"url": url})))[1] == ("warn", "clock")


async def test_a_server_that_says_nothing(tmp_path: Path) -> None:
    async with answering(lambda: b"") as url:
        assert only(await provider.reach(case(tmp_path, websms={"url": url}))).level == "fail"


async def test_tls(tmp_path: Path) -> None:
    certificates = Certificates()
    date = formatdate(usegmt=True)
    async with answering(said(date), certificates.server) as url:
        good = await provider.reach(case(tmp_path, websms={"url": url}, trust=certificates.client))
        unknown = only(await provider.reach(case(tmp_path, websms={"url": url})))
    assert good[0].level in {"ok", "warn"}, "made to end soon or late"
    assert "certificate" in good[0].text
    assert (unknown.level, "SSL_CERT_FILE" in unknown.remedy) == ("fail", True)


async def test_a_server_without_tls_where_some_is_wanted(tmp_path: Path) -> None:
    def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    url = f"https://localhost:{server.sockets[0].getsockname()[1]}/rest"
    found = only(await provider.reach(case(tmp_path, websms={"url": url})))
    server.close()
    assert (found.level, "no TLS" in found.text) == ("fail", True)


async def test_settings_of_which_no_client_can_be_made(tmp_path: Path) -> None:
    made = case(tmp_path, number="436600000001")
    broken = replace(made, configuration=replace(made.configuration, secrets=Secrets(webhook=("x" * 20,))))
    assert only(await provider.login(broken)).level == "fail"
