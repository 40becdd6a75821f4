"""A user, and the ways to say who one is, for tests that log in; and the real door behind a real socket."""

import asyncio
import secrets
import ssl
import threading
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from pathlib import Path
from types import MappingProxyType

import argon2
import pytest

from bridge.config import Configuration, Endpoint, SmtpdSettings, User
from bridge.daemon.front import front
from bridge.ids import mail_ids
from bridge.limits import Limits as Buckets
from bridge.proof import logins
from bridge.proof.logins import Logins
from bridge.routing import Allow
from bridge.smtpd.contract import Limits, Terms
from bridge.smtpd.listener import Listener
from bridge.spool.sqlite import open_spool
from tests.given import ANNA, configuration
from tests.make import NOW
from tests.smtpd.conftest import Certificates
from tests.smtpd.raw import QUICK, Raw, Recorder, Rig

NAME, PASSWORD = b"panel", "pässwörd \U0001f511".encode()

BOTH = ("starttls", "implicit")


def b64(octets: bytes) -> str:
    return b64encode(octets).decode()


def plain(name: bytes, password: bytes) -> str:
    return "AUTH PLAIN " + b64(b"\0" + name + b"\0" + password)


PLAIN = b64(b"\0" + NAME + b"\0" + PASSWORD)
HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def users() -> Recorder:
    return Recorder(users={NAME: PASSWORD})


async def secured(rig: Rig, certificates: Certificates) -> Raw:
    client = await rig.greeted()
    await client.start_tls(certificates.client)
    return client


def user(name: str, stored: str | None = None) -> User:
    """One of the users of a `House`; all have PASSWORD, unless they have another hash."""
    hashed = HASHER.hash(PASSWORD) if stored is None else stored
    return User(name=name, hash=hashed, addresses=frozenset({f"{name}@example.org"}))


class Hashing:
    """The hashes that are made, counted; with a `gate`, none ends before it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.worked_on: list[str] = []
        self.gate: threading.Event | None = None
        self.at_once = self.most = 0
        self._lock = threading.Lock()
        self._verify = logins.verify
        monkeypatch.setattr(logins, "verify", self._counted)  # only counts, then does the real thing

    def _counted(self, stored: str, password: bytes) -> bool:
        with self._lock:
            self.worked_on.append(stored)
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        try:
            assert self.gate is None or self.gate.wait(30)
            return self._verify(stored, password)
        finally:
            with self._lock:
                self.at_once -= 1


@dataclass
class House:
    """The door with its users, on a port of this machine, which has many addresses: 127.0.0.2, 127.0.0.3 …"""

    listener: Listener
    logins: Logins
    client_context: ssl.SSLContext
    configuration: Configuration
    now: float = NOW
    clients: list[Raw] = field(default_factory=list)

    async def client(self, source: str = "127.0.0.2", *, tls: bool = True) -> Raw:
        """A client at this address that has said EHLO."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1",
            self.listener.ports[0 if tls else 1],
            ssl=self.client_context if tls else None,
            server_hostname="localhost" if tls else None,
            local_addr=(source, 0),
        )
        client = Raw(reader, writer)
        self.clients.append(client)
        assert (await client.reply()).startswith("220 ")
        assert (await client.say("EHLO client.example.com")).startswith("250")
        return client

    async def login(self, name: bytes, password: bytes, source: str = "127.0.0.2") -> str:
        """The answer to one login on a connection of its own."""
        client = await self.client(source)
        try:
            return await client.say(plain(name, password))
        finally:
            await client.close()

    async def fail(self, times: int, source: str = "127.0.0.2", name: bytes = b"nobody") -> None:
        for number in range(times):
            assert (await self.login(name, b"guess %d" % number, source)).startswith("535 5.7.8 ")


@asynccontextmanager
async def house(
    folder: Path,
    certificates: Certificates,
    *,
    known: Sequence[User] = (),
    limits: Limits = QUICK,
    networks: Sequence[str] = (),
    total: int = 200,
) -> AsyncIterator[House]:
    """An open door; its first port is for implicit TLS, its second for STARTTLS."""
    made = configuration(
        rows=[replace(ANNA, allow=Allow(users=frozenset({"panel"})))],
        smtpd=SmtpdSettings(networks=tuple(map(ip_network, networks))),
    )
    made = replace(made, users=MappingProxyType({one.name: one for one in known or [user("panel")]}))
    spool = await open_spool(folder / "s.db")
    holder: list[House] = []

    def now() -> float:
        return holder[0].now

    desk = Logins(users=lambda: holder[0].configuration.users, clock=now)
    door = front(
        spool=spool,
        configuration=lambda: holder[0].configuration,
        logins=desk,
        mail_authentication=lambda: None,
        limits=Buckets(),
        clock=now,
        new_id=mail_ids(now, secrets.token_bytes),
        wake=lambda _channel: None,
        full=lambda: False,
    ).door
    terms = Terms(
        policy=door, hostname="mx.example.com", limits=limits, ssl_context=certificates.server, offers_auth=True
    )
    listener = Listener(terms=terms, trusted=made.settings.smtpd.networks, per_address=30, total=total)
    holder.append(House(listener, desk, certificates.client, made))
    await listener.open([Endpoint(host="127.0.0.1", port=0, mode=mode) for mode in ("implicit", "starttls")])
    try:
        yield holder[0]
    finally:
        await listener.drain(1.0)
        for client in holder[0].clients:
            await client.close()
        await spool.close()
