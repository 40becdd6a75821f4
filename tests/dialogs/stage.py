"""The real door for tests: listener, policy and SQLite spool, as a dialogue's header wants them."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

import argon2
import pytest

from bridge.config import Configuration, Endpoint, LimitsSettings, Rate, SmtpdSettings, User, WebsmsMailSettings
from bridge.daemon.front import front
from bridge.ids import mail_ids
from bridge.limits import Limits
from bridge.log import get_logger
from bridge.message import Channel, Delivery, decode_sms
from bridge.proof.logins import Logins
from bridge.smtpd import connection, conversation, introduction
from bridge.smtpd.contract import Limits as SessionLimits
from bridge.smtpd.contract import Terms
from bridge.smtpd.listener import Listener
from bridge.spool.sqlite import SqliteSpool, open_spool
from tests.given import ANNA, DOMAIN, GROUP, NO_LIMITS, OWNED_LINE, configuration
from tests.make import NOW
from tests.smtpd.conftest import Certificates
from tests.wait import until

LOOPBACK = (ip_network("127.0.0.0/8"),)
ELSEWHERE = (ip_network("192.0.2.0/24"),)
SECRET_ADDRESS = f"sms-in-k3x8v5q2@{DOMAIN}"
USER = "panel"
OWNED = "panel@example.org"


@cache
def password() -> str:
    """Of the user, afresh for each run."""
    return secrets.token_urlsafe(12)


@cache
def _user() -> User:
    hashed = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password())
    return User(name=USER, hash=hashed, addresses=frozenset({OWNED}), domains=frozenset({"alarms.example.org"}))


@dataclass
class Stage:
    """Door and spool, and what the test turns while they run."""

    listener: Listener
    spool: SqliteSpool
    configuration: Configuration
    now: float = NOW
    full: bool = False
    woken: list[Channel] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.listener.ports[0]

    async def kept(self) -> list[Delivery]:
        """Every delivery in the spool."""
        return await self.spool.listing(None, 9999)

    async def sms(self) -> list[tuple[str, str]]:
        """Phone and text of every SMS in the spool."""
        kept = await self.kept()
        return [(item.recipient, decode_sms(item.payload).text) for item in kept if item.channel is Channel.SMS]

    async def is_empty(self) -> None:
        """Returns when every session has ended and what it left is in the spool."""
        await until(lambda: not self.listener.sessions, "every session has ended")
        await until(lambda: not self.listener._commits, "every mail under way is taken or refused")


def fresh_loggers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the modules of the door log to the fixture `stream`: a logger used in an earlier test keeps its stream."""
    for module in (connection, introduction, conversation):
        monkeypatch.setattr(module, "log", get_logger("smtpd"))


def _no_mail_authentication() -> NoReturn:
    raise AssertionError("it is off in every dialogue")


@asynccontextmanager
async def staged(
    folder: Path, settings: Mapping[str, str] | None = None, certificates: Certificates | None = None
) -> AsyncIterator[Stage]:
    """An open door; `settings` are the header of a dialogue."""
    settings = settings or {}
    spool = await open_spool(folder / "s.db")
    holder: list[Stage] = []
    woken: list[Channel] = []

    def now() -> float:
        return holder[0].now

    made = _configuration(settings)
    door = front(
        spool=spool,
        configuration=lambda: holder[0].configuration,
        logins=Logins(users=lambda: holder[0].configuration.users, clock=now),
        mail_authentication=_no_mail_authentication,
        limits=Limits(),
        clock=now,
        new_id=mail_ids(now, secrets.token_bytes),
        wake=woken.append,
        full=lambda: holder[0].full,
    ).door
    context = certificates.server if certificates is not None and settings.get("tls", "no") != "no" else None
    terms = Terms(
        policy=door,
        hostname="mx.example.com",
        limits=_session_limits(settings.get("session", "")),
        ssl_context=context,
        require_tls=settings.get("require-tls") == "yes",
        offers_auth=bool(made.users),
    )
    listener = Listener(terms=terms, trusted=made.settings.smtpd.networks)
    holder.append(Stage(listener, spool, made, full=settings.get("full") == "yes", woken=woken))
    await listener.open([Endpoint(host="127.0.0.1", port=0, mode=settings.get("mode", "starttls"))])
    try:
        yield holder[0]
    finally:
        await listener.drain(1.0)
        await spool.close()


def _configuration(settings: Mapping[str, str]) -> Configuration:
    networks = LOOPBACK if settings.get("trusted", "yes") == "yes" else ()
    changes: dict[str, Any] = {
        "smtpd": SmtpdSettings(networks=networks),
        "limits": _rates(settings.get("rates", "")),
    }
    if "secret" in settings:
        peers = {"here": LOOPBACK, "elsewhere": ELSEWHERE}[settings["secret"]]
        changes["websms_mail"] = WebsmsMailSettings(address=SECRET_ADDRESS, networks=peers)
    made = (
        configuration(rows=(ANNA, GROUP, OWNED_LINE), **changes)
        if settings.get("rows") == "named"
        else configuration(**changes)
    )
    if settings.get("users") == "yes":
        made = replace(made, users=MappingProxyType({USER: _user()}))
    return made


def _rates(text: str) -> LimitsSettings:
    """``recipient=2/60``: two in sixty seconds."""
    made = NO_LIMITS
    for word in text.split():
        name, _, rate = word.partition("=")
        count, _, seconds = rate.partition("/")
        made = replace(made, **{name: Rate(count=int(count), seconds=float(seconds))})
    return made


def _session_limits(text: str) -> SessionLimits:
    """``max_errors=3``, by the names in `bridge.smtpd.contract.Limits`."""
    limits = SessionLimits(error_delay=0.0, linger=0.1)
    for word in text.split():
        name, _, value = word.partition("=")
        limits = replace(limits, **{name: type(getattr(limits, name))(float(value))})
    return limits
