"""Where an HTTP application is served."""

import asyncio
import socket

import aiohttp
import pytest
from aiohttp import web

from bridge.config import Endpoint
from bridge.listeners import HttpListener
from tests.wait import until

ANY = Endpoint(host="127.0.0.1", port=0)


class Slow:
    """An application whose answer waits."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.asked = 0
        self.app = web.Application()
        self.app.router.add_get("/", self.answer)

    async def answer(self, _: web.Request) -> web.Response:
        self.asked += 1
        await self.gate.wait()
        return web.Response(text="yes")


async def test_it_serves_on_every_address_and_then_no_more() -> None:
    slow = Slow()
    slow.gate.set()
    listener = HttpListener(slow.app)
    await listener.open([ANY, ANY])
    one, two = listener.ports
    assert one != two
    async with aiohttp.ClientSession() as client:
        for port in (one, two):
            async with client.get(f"http://127.0.0.1:{port}/") as answer:
                assert await answer.text() == "yes"
    await listener.close()
    with pytest.raises(OSError, match=r"refused|Connect"):
        await asyncio.open_connection("127.0.0.1", one)
    await listener.close()  # twice is no error


async def test_sockets_that_were_handed_over_take_the_place_of_the_addresses() -> None:
    slow = Slow()
    slow.gate.set()
    with socket.socket() as handed:
        handed.bind(("127.0.0.1", 0))
        handed.listen()
        port = handed.getsockname()[1]
        listener = HttpListener(slow.app)
        await listener.open([ANY], [handed])
        assert listener.ports == [port]
        async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{port}/") as answer:
            assert answer.status == 200
        await listener.close()


async def test_a_taken_port_is_an_oserror() -> None:
    first, second = HttpListener(Slow().app), HttpListener(Slow().app)
    await first.open([ANY])
    with pytest.raises(OSError, match="in use"):
        await second.open([Endpoint(host="127.0.0.1", port=first.ports[0])])
    await first.close()
    await second.close()


async def test_closing_lets_requests_under_way_end() -> None:
    slow = Slow()
    listener = HttpListener(slow.app)
    await listener.open([ANY])
    async with aiohttp.ClientSession() as client:
        request = asyncio.create_task(client.get(f"http://127.0.0.1:{listener.ports[0]}/"))
        await until(lambda: slow.asked)
        closing = asyncio.create_task(listener.close())
        await asyncio.sleep(0.05)
        slow.gate.set()
        answer = await request
        assert (answer.status, await answer.text()) == (200, "yes")
        answer.release()
        await closing
