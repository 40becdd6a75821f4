"""The two lamps."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bridge.config import Endpoint
from bridge.console import console
from bridge.listeners import HttpListener
from bridge.spool.sqlite import SqliteSpool, open_spool


@dataclass
class Rig:
    spool: SqliteSpool
    port: int = 0
    ready: bool = True
    shown: dict[str, Any] = field(default_factory=dict)

    async def readiness(self) -> Mapping[str, Any]:
        return {"ready": self.ready, "queued": await self.spool.open_count(), **self.shown}

    async def get(self, path: str, method: str = "GET") -> tuple[int, Any]:
        url = f"http://127.0.0.1:{self.port}{path}"
        async with aiohttp.ClientSession() as client, client.request(method, url) as answer:
            is_json = answer.content_type == "application/json"
            return answer.status, await answer.json() if is_json else await answer.text()


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = Rig(await open_spool(tmp_path / "s.db"))
    listener = HttpListener(console(made.readiness))
    await listener.open([Endpoint(host="127.0.0.1", port=0)])
    made.port = listener.ports[0]
    yield made
    await listener.close()
    await made.spool.close()


async def test_ready(rig: Rig) -> None:
    assert await rig.get("/healthz") == (200, {"healthy": True})
    assert await rig.get("/readyz") == (200, {"ready": True, "queued": 0})


async def test_a_paused_account_is_shown_and_no_reason_to_be_unready(rig: Rig) -> None:
    rig.shown = {"paused": {"sms": "4001 INVALID_CREDENTIALS"}}
    status, shown = await rig.get("/readyz")
    assert (status, shown["paused"]) == (200, {"sms": "4001 INVALID_CREDENTIALS"})


async def test_stopping_is_not_ready_and_still_healthy(rig: Rig) -> None:
    rig.ready = False
    assert (await rig.get("/readyz"))[0] == 503
    assert (await rig.get("/healthz"))[0] == 200


async def test_a_closed_spool_is_not_ready(rig: Rig) -> None:
    await rig.spool.close()
    status, shown = await rig.get("/readyz")
    assert status == 503
    assert shown["ready"] is False
    assert "spool" in shown["reason"]


@pytest.mark.parametrize("path", ["/", "/queue", "/healthz/x", "/websms"])
async def test_nothing_else_is_served(rig: Rig, path: str) -> None:
    assert (await rig.get(path))[0] == 404


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_only_reading(rig: Rig, path: str) -> None:
    assert (await rig.get(path, "POST"))[0] == 405
    assert (await rig.get(path, "HEAD"))[0] == 200
