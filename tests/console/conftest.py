"""A running bridge with a simulated provider, and people who look at it through the operator's window."""

import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiohttp
import aiosmtplib
import argon2
import pytest

from bridge.cli.demonstration import Handset
from bridge.daemon import Daemon
from bridge.simulator import Simulator, SimulatorSettings
from bridge.spool.sqlite import SqliteSpool
from tests.config.setup import private
from tests.flows.program import Port

PHONE, LINE = "436600000001", "436600000099"
AUTHOR, ADDRESS = "anna@example.org", "bernd@sms.example.com"
OPERATOR, VIEWER = "olga", "viktor"

BRIDGE = """\
hostname = "bridge.example.com"
domains = ["sms.example.com"]
postmaster = "postmaster@example.net"

[smtpd]
listen = ["127.0.0.1:0"]
networks = ["127.0.0.0/8"]

[websms]
url = "{provider}"
token_file = "websms-token"
sender = "{line}"

[webhook]
listen = ["127.0.0.1:{webhook}"]
secret_file = "webhook-secret"
public_url = "http://127.0.0.1:{webhook}"

[smarthost]
maildir = "Maildir"

[limits]
sender = "0"
recipient = "0"
route = "0"
total = "0"

[notices]
collect = "0s"

[console]
listen = ["127.0.0.1:0"]
"""

ROUTES = f"""\
[[route]]
address = "{ADDRESS}"
number = "{PHONE}"
name = "Bernd"
allow = ["*@example.org"]
mailbox = "{AUTHOR}"

[[route]]
address = "*@sms.example.com"
number = "{{local}}"
allow = ["*@example.org"]
urgent = true
"""


@dataclass
class Person:
    """A browser without JavaScript: keeps cookies, sends Origin, fills in forms."""

    client: aiohttp.ClientSession
    base: str
    language: str = "en"
    headers: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Status and page, redirections followed."""
        said = {"Accept-Language": self.language, **self.headers, **_named(headers)}
        async with self.client.get(self.base + path, headers=said) as answer:
            return answer.status, await answer.text()

    async def post(self, path: str, fields: dict[str, str], **headers: str) -> tuple[int, str]:
        """What a form sends; `fields` without the seal."""
        said = {"Accept-Language": self.language, "Origin": self.base, **self.headers, **_named(headers)}
        async with self.client.post(self.base + path, data=fields, headers=said) as answer:
            return answer.status, await answer.text()

    async def seal(self, path: str) -> str:
        """Of the form on a page."""
        _, page = await self.get(path)
        return seal_of(page)

    async def submit(self, path: str, fields: dict[str, str], *, action: str = "") -> tuple[int, str]:
        """Open a page and send its form."""
        return await self.post(action or path, {"seal": await self.seal(path), **fields})

    async def log_in(self, name: str, password: str) -> tuple[int, str]:
        return await self.submit("/login", {"name": name, "password": password})


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def seal_of(page: str) -> str:
    found = re.search(r'name="seal" value="([0-9a-f]+)"', page)
    assert found is not None, page
    return found[1]


@dataclass
class Desk:
    """The bridge, the provider, and passwords."""

    place: Path
    simulator: Simulator
    daemon: Daemon
    passwords: dict[str, str]
    clients: list[aiohttp.ClientSession] = field(default_factory=list)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.daemon.ports['console'][0]}"

    @property
    def spool(self) -> SqliteSpool:
        """The daemon's own: tests put into it what would take an hour to happen."""
        spool: Any = self.daemon._spool
        assert isinstance(spool, SqliteSpool)
        return spool

    def person(self, language: str = "en", base: str = "") -> Person:
        """Somebody who is not logged in."""
        client = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self.clients.append(client)
        return Person(client, base or self.base, language)

    async def logged_in(self, name: str = OPERATOR, language: str = "en") -> Person:
        person = self.person(language)
        status, page = await person.log_in(name, self.passwords[name])
        assert status == 200, page
        return person

    async def mail(self, subject: str, text: str, to: str = ADDRESS, **headers: str) -> str:
        """Send one; its id."""
        mail = EmailMessage()
        values = {"From": AUTHOR, "To": to, "Subject": subject, "Message-ID": f"<{secrets.token_hex(8)}@example.org>"}
        for name, value in {**values, **headers}.items():
            mail[name] = value
        mail.set_content(text)
        _, reply = await aiosmtplib.send(
            mail,
            sender=AUTHOR,
            recipients=[to],
            hostname="127.0.0.1",
            port=self.daemon.ports["smtpd"][0],
            start_tls=False,
        )
        return reply.rpartition(" ")[2]

    async def sms(self, text: str, phone: str = PHONE) -> None:
        """A phone writes."""
        await self.simulator.incoming(phone=phone, line=LINE, text=text)


@asynccontextmanager
async def desk_at(
    place: Path, *, users: bool = True, demo: bool = False, bridge: str = "", console: str = "", routes: str = ROUTES
) -> AsyncIterator[Desk]:
    """A desk; `bridge` is put before the sections, `console` into that section. Without `users` there are none."""
    token = secrets.token_urlsafe(24)
    webhook, secret = Port(), secrets.token_hex(24)
    url = f"http://127.0.0.1:{webhook.number}/websms/{secret}"
    simulator = Simulator(SimulatorSettings(tokens=(token,), senders=(LINE,), default_sender=LINE, notify_url=url))
    await simulator.start("127.0.0.1")
    passwords = {name: secrets.token_urlsafe(12) for name in (OPERATOR, VIEWER)}
    hasher = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    roles = {OPERATOR: "operator", VIEWER: "viewer"}
    lines = [f"{name}:{hasher.hash(passwords[name])}:{role}\n" for name, role in roles.items()]
    private(place / "console-users", "".join(lines))
    settings = bridge + BRIDGE.format(provider=simulator.url, line=LINE, webhook=webhook.number)
    private(place / "bridge.toml", settings + 'users_file = "console-users"\n' * users + console)
    private(place / "routes.toml", routes)
    private(place / "websms-token", token + "\n")
    private(place / "webhook-secret", secret + "\n")
    phone = Handset(simulator, place / "Maildir") if demo else None
    desk = Desk(place, simulator, Daemon(place / "bridge.toml", grace=1.0, phone=phone), passwords)
    try:
        await desk.daemon.start()
        yield desk
    finally:
        for client in desk.clients:
            await client.close()
        await desk.daemon.stop()
        await simulator.stop()
        webhook.close()


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """With an operator and a viewer; wrong logins are answered at once."""
    monkeypatch.setattr("bridge.console.entry.DELAY", 0.0)
    async with desk_at(tmp_path) as made:
        yield made


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Desk]:
    """A demonstration."""
    async with desk_at(tmp_path, users=False, demo=True) as made:
        yield made
