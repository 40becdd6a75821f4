"""A configuration without files, for tests of what stands above it; and bridge.toml in a directory for commands."""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from bridge.config import (
    Configuration,
    LimitsSettings,
    Rate,
    Secrets,
    Settings,
    SmtpdSettings,
    WebhookSettings,
    WebsmsSettings,
)
from bridge.routing import Allow, Route, Table

DOMAIN = "sms.example.com"
POSTMASTER = "postmaster@example.com"
LINE = "436600000099"
SECRET = "a-made-up-secret-for-tests"
KEY = b"k" * 32

ANNA = Route(
    name=f"anna@{DOMAIN}",
    row=1,
    address=f"anna@{DOMAIN}",
    numbers=("436600000001",),
    display_name="Anna",
    allow=Allow(domains=frozenset({"example.org"})),
    mailbox="anna@example.com",
)
GROUP = Route(
    name=f"team@{DOMAIN}",
    row=2,
    address=f"team@{DOMAIN}",
    numbers=("436600000001", "436600000002", "436600000003"),
    allow=Allow(addresses=frozenset({"chief@example.org"})),
)
OWNED_LINE = Route(name=LINE, row=3, line=LINE, mailbox="office@example.com", originator=LINE)
ANY = Route(
    name=f"*@{DOMAIN}", row=4, address=f"*@{DOMAIN}", local=True, allow=Allow(domains=frozenset({"example.org"}))
)
NO_LIMITS = LimitsSettings(sender=Rate(), recipient=Rate(), route=Rate(), total=Rate())


def configuration(*, rows: Sequence[Route] = (ANNA, GROUP, OWNED_LINE, ANY), **settings: Any) -> Configuration:
    """A bridge that trusts loopback and owns one line."""
    made = Settings(
        hostname="mx.example.com",
        domains=(DOMAIN,),
        postmaster=POSTMASTER,
        smtpd=SmtpdSettings(networks=(ip_network("127.0.0.0/8"),)),
        websms=WebsmsSettings(sender=LINE),
        webhook=WebhookSettings(),
        limits=NO_LIMITS,
    )
    return Configuration(
        path=Path("bridge.toml"),
        settings=replace(made, **settings),
        routes=Table(rows),
        secrets=Secrets(websms_token="made-up", webhook=(SECRET, "the-next-secret")),
        keys=(KEY,),
    )
