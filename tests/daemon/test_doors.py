"""Which doors a process opens, and `serve --only`."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from bridge.config import ConfigError, Endpoint
from bridge.daemon import Daemon
from bridge.daemon.doors import Doors, http_listener
from bridge.listeners import PLAIN
from bridge.posts import Answer
from tests.config.setup import private
from tests.daemon.conftest import BRIDGE, House
from tests.databases import Database
from tests.given import configuration
from tests.smtpd.raw import Recorder
from tests.turns import Turns
from tests.wait import PATIENCE, until_async


async def test_what_is_not_wanted_listens_nowhere() -> None:
    doors = Doors(mail=None, webhook=None)
    here = configuration()
    await doors.open(here, {})
    assert doors.ports == {"smtpd": [], "webhook": []}
    assert doors.terms(here) is None
    await doors.renew(here, None)
    await doors.drain(1.0)


def test_terms_are_for_a_mail_door_only() -> None:
    assert Doors(mail=Recorder(), webhook=None).terms(configuration()) is not None


async def test_one_of_several_processes_takes_notifications_by_slices() -> None:
    async def answer() -> Answer:
        turns.note()
        return Answer(status=200, content_type="text/plain", body=b"")

    application, here = web.Application(), configuration()
    application[PLAIN] = lambda _: answer()
    listener = http_listener(application, lambda: here, 2, None)
    await listener.open([Endpoint(host="127.0.0.1", port=0)])
    opened = [await asyncio.open_connection("127.0.0.1", listener.ports[0]) for _ in range(20)]
    with Turns() as turns:
        for _, writer in opened:
            writer.write(b"POST /websms HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1")
        for reader, writer in opened:
            assert await asyncio.wait_for(reader.readline(), PATIENCE) == b"HTTP/1.1 200 OK\r\n"
            writer.close()
    assert turns.noted.total() == 20
    assert turns.most <= 8
    await listener.close()


@pytest.fixture
async def shared_house(house: House, emptied: Database) -> AsyncIterator[House]:
    """On PostgreSQL, so that several daemons may run."""
    password = secrets.token_hex(4)
    private(house.place / password, emptied.server.password)
    house.write("bridge.toml", BRIDGE + f'\n[spool]\nurl = "{emptied.url}"\npassword_file = "{password}"\n')
    yield house
    while house.daemons:
        await house.stop()


async def begin(house: House, *only: str) -> Daemon:
    daemon = Daemon(house.config, grace=1.0, only=only)
    await daemon.start()
    house.daemons.append(daemon)
    return daemon


@pytest.mark.parametrize("only", [("smtpd",), ("delivery", "webhook")])
async def test_a_part_on_sqlite_is_refused_and_makes_nothing(house: House, only: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match="a SQLite file has only one; several need"):
        await Daemon(house.config, only=only).start()
    assert not Path(house.spool).exists()


async def test_each_role_opens_its_own_door_and_says_so(shared_house: House) -> None:
    opened = {}
    for role in ("smtpd", "webhook", "delivery"):
        daemon = await begin(shared_house, role)
        opened[role] = sorted(name for name, ports in daemon.ports.items() if ports)
        status, shown = await shared_house.readyz()
        assert (status, shown["roles"]) == (200, [role])
        assert sorted(shown["calls"]) == (["mail", "sms"] if role == "delivery" else [])
        await daemon.reload()
        assert (await shared_house.readyz())[0] == 200
    assert opened == {"smtpd": ["console", "smtpd"], "webhook": ["console", "webhook"], "delivery": ["console"]}


async def test_what_one_takes_another_delivers(shared_house: House) -> None:
    await begin(shared_house, "smtpd", "webhook")
    reply = await shared_house.send()
    assert reply.startswith("250 2.0.0 queued as ")
    spool = shared_house.daemons[0]._spool

    async def tries() -> int:
        return sum(delivery.attempts for delivery, _ in await spool.show(reply.rpartition(" ")[2]))

    assert await tries() == 0
    await begin(shared_house, "delivery")
    await until_async(tries, "the other process has tried it")
