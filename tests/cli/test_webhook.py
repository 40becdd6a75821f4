"""The webhook by its public address: the real one, and all that may stand in its place."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from ssl import SSLContext
from typing import Any

import pytest
from aiohttp import web

from bridge.cli.findings import Case, webhook
from tests.cli.cases import case, only
from tests.transports.servers import Certificates


@asynccontextmanager
async def proxy(right: int, wrong: int, secret: str, context: SSLContext | None = None) -> AsyncIterator[str]:
    """Something that answers so, and its origin."""

    async def answer(request: web.Request) -> web.Response:
        assert request.method == "GET", "a POST would be kept"
        return web.Response(status=right if request.path == f"/websms/{secret}" else wrong, headers={"Location": "/x"})

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "localhost", 0, ssl_context=context).start()
    yield f"{'https' if context else 'http'}://localhost:{runner.addresses[0][1]}"
    await runner.cleanup()


def asking(directory: Path, **settings: Any) -> Case:
    return case(directory, webhook=settings)


async def look(directory: Path, right: int, wrong: int, **settings: Any) -> tuple[str, str]:
    known = case(directory).configuration.secrets.webhook[0]
    async with proxy(right, wrong, known) as origin:
        made = asking(directory, public_url=origin, **settings)
        same = replace(made.configuration.secrets, webhook=(known,))
        found = only(await webhook.look(replace(made, configuration=replace(made.configuration, secrets=same))))
    assert known not in f"{found.text}{found.remedy}"
    return found.level.value, found.text


@pytest.mark.parametrize(
    ("right", "wrong", "level", "says"),
    [
        (405, 404, "ok", "knows its secret"),
        (404, 404, "fail", "old secret"),
        (502, 502, "fail", "does not reach the webhook"),
        (401, 401, "fail", "not 405 and 404"),
        (301, 301, "fail", "not 405 and 404"),
        (200, 200, "fail", "not 405 and 404"),
    ],
)
async def test_what_answers(tmp_path: Path, right: int, wrong: int, level: str, says: str) -> None:
    found, text = await look(tmp_path, right, wrong)
    assert found == level
    assert says in text


async def test_one_that_lets_few_in(tmp_path: Path) -> None:
    found, text = await look(tmp_path, 404, 404, networks=(ip_network("192.0.2.0/24"),))
    assert (found, "[webhook] networks" in text) == ("warn", True)


async def test_without_an_address(tmp_path: Path) -> None:
    found = only(await webhook.look(asking(tmp_path, public_url=None)))
    assert (found.level, "public_url" in found.remedy) == ("warn", True)


@pytest.mark.parametrize(
    ("url", "says"), [("http://127.0.0.1:1", "cannot be reached"), ("https://none.invalid", "resolve")]
)
async def test_nobody_there(tmp_path: Path, url: str, says: str) -> None:
    found = only(await webhook.look(asking(tmp_path, public_url=url)))
    assert (found.level, says in found.text) == ("fail", True)


async def test_what_speaks_no_http_is_not_shown_with_the_secret(tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-\x1b[31m\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        made = asking(tmp_path, public_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        found = only(await webhook.look(made))
    assert (found.level, "cannot be reached" in found.text) == ("fail", True)
    assert made.configuration.secrets.webhook[0] not in f"{found.text}{found.remedy}"


async def test_a_certificate_that_the_provider_would_refuse(tmp_path: Path) -> None:
    certificates = Certificates()
    secret = secrets.token_hex(24)
    async with proxy(405, 404, secret, certificates.server) as origin:
        found = only(await webhook.look(asking(tmp_path, public_url=origin)))
        assert (found.level, "is not valid" in found.text) == ("fail", True)
    async with proxy(405, 404, secret) as origin:
        found = only(await webhook.look(asking(tmp_path, public_url=origin.replace("http:", "https:"))))
        assert (found.level, "no TLS" in found.text) == ("fail", True)
