"""A daemon in this process: on free ports, with a Maildir, and a provider that nobody answers for."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bridge.daemon import Daemon
from bridge.spool import sqlite
from tests.config.setup import private
from tests.smtpd.raw import Raw

AUTHOR, ADDRESS = "bernd@example.org", "anna@sms.example.com"

BRIDGE = """\
hostname = "mx.example.com"
domains = ["sms.example.com"]
postmaster = "postmaster@example.net"

[smtpd]
listen = ["127.0.0.1:0"]
networks = ["127.0.0.0/8"]

[websms]
url = "http://127.0.0.1:9/rest"
token_file = "websms-token"

[webhook]
listen = ["127.0.0.1:0"]
secret_file = "webhook-secret"
public_url = "http://127.0.0.1:9"

[smarthost]
maildir = "Maildir"

[console]
listen = ["127.0.0.1:0"]
"""
ROUTES = f"""\
[[route]]
address = "{ADDRESS}"
number = "436600000001"
allow = ["*@example.org"]
mailbox = "{AUTHOR}"
"""


@dataclass
class House:
    """A configuration and the daemons that were started with it."""

    place: Path
    daemons: list[Daemon] = field(default_factory=list)

    @property
    def config(self) -> Path:
        return self.place / "bridge.toml"

    @property
    def spool(self) -> Path:
        return self.place / "smsbridge.db"

    @property
    def daemon(self) -> Daemon:
        return self.daemons[-1]

    def write(self, name: str, content: str | bytes) -> None:
        private(self.place / name, content)

    async def start(self) -> Daemon:
        """One more daemon; it is stopped in the end."""
        daemon = Daemon(self.config, grace=1.0)
        await daemon.start()
        self.daemons.append(daemon)
        return daemon

    async def stop(self) -> None:
        """The one that was started last."""
        await self.daemons.pop().stop()

    async def smtp(self) -> Raw:
        return await Raw.greeted(self.daemon.ports["smtpd"][0])

    async def rcpt(self, recipient: str = ADDRESS) -> str:
        """The reply to a recipient."""
        client = await self.smtp()
        await client.say(f"MAIL FROM:<{AUTHOR}>")
        reply = await client.say(f"RCPT TO:<{recipient}>")
        await client.close()
        return reply

    async def send(self, recipient: str = ADDRESS) -> str:
        """The reply to a whole mail."""
        client = await self.smtp()
        await client.envelope(AUTHOR, recipient)
        await client.say("DATA")
        reply = await client.say("\r\nhello\r\n.")
        await client.close()
        return reply

    async def readyz(self) -> tuple[int, dict[str, Any]]:
        url = f"http://127.0.0.1:{self.daemon.ports['console'][0]}/readyz"
        async with aiohttp.ClientSession() as client, client.get(url) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.05)
    monkeypatch.setattr("bridge.daemon.daemon._COUNT_EVERY", 0.02)
    made = House(tmp_path)
    made.write("bridge.toml", BRIDGE)
    made.write("routes.toml", ROUTES)
    made.write("websms-token", secrets.token_urlsafe(24) + "\n")
    made.write("webhook-secret", secrets.token_hex(24) + "\n")
    yield made
    while made.daemons:
        await made.stop()
