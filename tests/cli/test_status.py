"""`status`: what the spool says, and what a bridge that runs adds."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bridge import config as configuration
from bridge.cli.status import readyz
from bridge.console import console
from bridge.message import State
from bridge.spool.sqlite import open_spool
from tests.cli.conftest import Here, smsbridge
from tests.make import delivery, intake


@asynccontextmanager
async def bridge(config: Path, **says: Any) -> AsyncIterator[None]:
    """The console of a bridge that says so of itself, where the configuration has it."""

    async def readiness() -> dict[str, Any]:
        return {"ready": True, "version": "1.2.3", "queued": 0, "calls": {}, "paused": {}, "test": False, **says}

    runner = web.AppRunner(console(readiness))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    config.write_text(config.read_text() + f'[console]\nlisten = ["0.0.0.0:{port}"]\n')
    try:
        yield
    finally:
        await runner.cleanup()


def nobody(config: Path) -> None:
    """A console listener on which nobody is: the port is reserved for nobody."""
    config.write_text(config.read_text() + '[console]\nlisten = ["127.0.0.1:1"]\n')


def put(made: Path) -> float:
    now = time.time()

    async def putting() -> None:
        spool = await open_spool(made)
        waiting = delivery(1, created_at=now - 7200, next_at=now + 60)
        await spool.accept(intake(waiting, delivery(2, state=State.HELD, code="restored"), at=now - 7200))
        await spool.close()

    asyncio.run(putting())
    return now


def test_without_a_bridge_the_spool_is_shown(here: Here, config: Path, made: Path) -> None:
    put(made)
    nobody(config)
    ran = here("status", "--config", config, "--json")
    assert ran.code == 1
    shown = ran.json
    assert (shown["running"], shown["ready"], shown["paused"], shown["version"]) == (False, False, None, None)
    assert shown["states"] == {"held": 1, "queued": 1}
    assert shown["oldest"]["sms"].endswith("Z")
    assert shown["oldest"]["mail"] is None
    assert shown["restored"] == 1
    assert (shown["last_sms"], shown["last_hour"]["in"], shown["last_day"]["in"]) == (None, 0, 1)
    ran = here("status", "--config", config)
    assert ran.code == 1
    assert "none answers here" in ran.out
    assert "1 held, 1 queued" in ran.out
    assert "sms: 2 h ago" in ran.out
    assert "queue release --restored" in ran.out


async def test_a_bridge_that_is_ready_is_0(config: Path, tmp_path: Path) -> None:
    spool = await open_spool(tmp_path / "smsbridge.db")
    await spool.close()
    async with bridge(
        config, paused={"": "refused"}, degraded=["paused: account: refused"], test=True, calls={"sms": 2}
    ):
        ran = await asyncio.to_thread(smsbridge, "status", "--json", "--config", config)
        said = await asyncio.to_thread(smsbridge, "status", "--config", config)
    assert (ran.code, said.code) == (0, 0)
    shown = ran.json
    assert (shown["running"], shown["ready"], shown["version"], shown["test"]) == (True, True, "1.2.3", True)
    assert (shown["paused"], shown["calls"]) == ({"": "refused"}, {"sms": 2})
    assert "1.2.3, ready, test mode" in said.out
    assert "trouble    paused: account: refused" in said.out


async def test_one_that_is_not_ready_is_1(config: Path, tmp_path: Path) -> None:
    spool = await open_spool(tmp_path / "smsbridge.db")
    await spool.close()
    async with bridge(config, ready=False, reasons=["no door", "no delivery"]):
        ran = await asyncio.to_thread(smsbridge, "status", "--config", config)
    assert ran.code == 1
    assert "NOT READY: no door; no delivery" in ran.out


@pytest.mark.parametrize(
    "body",
    [
        *("no json", "[]", json.dumps({"else": 1}), "[" * 100_000),
        *(json.dumps({"ready": False, **more}) for more in ({"reasons": 5}, {"degraded": "x"}, {"reasons": [1]})),
    ],
    ids=lambda body: body[:40],
)
async def test_somebody_else_is_no_bridge(config: Path, body: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=body)

    app = web.Application()
    app.router.add_get("/readyz", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    config.write_text(config.read_text() + f'[console]\nlisten = ["127.0.0.1:{runner.addresses[0][1]}"]\n')
    try:
        assert await readyz(configuration.load(config, {})) is None
    finally:
        await runner.cleanup()
