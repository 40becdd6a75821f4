"""The repairs of others' code: needed still, and good for what they are there for."""

import asyncio
import gc
import socket
import sys
from typing import Any

import aiohttp
import pytest
from aioresponses import aioresponses

from tests import repairs
from tests.wait import until


async def test_the_repair_of_aioresponses_is_still_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove it when this fails: aioresponses can do without it."""
    monkeypatch.setattr("aioresponses.core.ClientResponse", aiohttp.ClientResponse)
    with aioresponses() as mocked:
        mocked.get("https://api.example.com/", payload={})
        async with aiohttp.ClientSession() as session:
            with pytest.raises(TypeError, match="stream_writer"):
                await session.get("https://api.example.com/")


class _Guest(asyncio.Protocol):
    def __init__(self, here: set["_Guest"]) -> None:
        self._here = here

    def connection_made(self, _: asyncio.BaseTransport) -> None:
        self._here.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._here.discard(self)


async def _left_open(turns: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a server leaves open that is closed so many turns of the loop after somebody connected."""
    found: list[str] = []
    with monkeypatch.context() as patch:  # where pytest would hear of what fails as it is thrown away
        patch.setattr("sys.unraisablehook", lambda what: found.append(str(what.exc_value)))
        await _closed_after(turns)
        gc.collect()
    return found


async def _closed_after(turns: int) -> None:
    here: set[_Guest] = set()
    server = await asyncio.get_running_loop().create_server(lambda: _Guest(here), "127.0.0.1", 0)
    with socket.create_connection(server.sockets[0].getsockname()):
        for _ in range(turns):
            await asyncio.sleep(0)
        server.close()
        for _ in range(10):  # far more than one who was accepted needs to be let in
            await asyncio.sleep(0)
    await until(lambda: not here, "who was let in sees that the client is gone")


async def test_who_is_accepted_while_the_server_is_closed_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [await _left_open(turns, monkeypatch) for turns in range(6)] == [[]] * 6


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="it is needed until the oldest Python does without")
async def test_the_repair_of_asyncio_is_still_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove it when this fails: asyncio closes what it accepted."""
    transport: Any = repairs._Transport
    monkeypatch.setattr(transport, "__init__", repairs._begin)
    found = [said for turns in range(6) for said in await _left_open(turns, monkeypatch)]
    assert any("unclosed" in said for said in found)
