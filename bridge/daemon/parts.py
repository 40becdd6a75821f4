"""What the daemon is built of, each made from a `Configuration` alone."""

import asyncio
import os
import secrets
from collections.abc import Collection
from pathlib import Path
from typing import Final

from bridge import config
from bridge.config import ConfigError, Configuration, Problem
from bridge.proof.mail import MailAuthentication
from bridge.providers import Provider
from bridge.providers.websms import Websms, sentences
from bridge.transports import Transport
from bridge.transports.maildir import Maildir
from bridge.transports.smtp import Smarthost

ROLES: Final = ("smtpd", "webhook", "delivery")
"""What one process does alone, or several on one PostgreSQL share."""

DOORS: Final = frozenset({"smtpd", "webhook"})
"""The roles that worker processes can take part in."""

SMARTHOST_CONNECTIONS: Final = 4

MAILS_UNDER_WAY: Final = 32
"""More than there are connections: those that begin or end in the spool leave theirs to others."""

DIAGNOSTICS: Final = sentences.DIAGNOSTICS

_RETIRE_AFTER: Final = 35.0
"""Seconds after which a replaced carrier has no call left."""

_FIXED: Final = (
    "processes",
    "smtpd.listen",
    "webhook.listen",
    "console.listen",
    "spool.url",
    "websms.max_in_flight",
    "websms.rate",
)
"""Settings that what is already open was built with."""


def provider(configuration: Configuration) -> Provider:
    """The account at the provider that the configuration names."""
    settings, known = configuration.settings, configuration.secrets
    public = settings.webhook.public_url
    return Websms(
        url=settings.websms.url,
        token=known.websms_token,
        username=settings.websms.username,
        password=known.websms_password,
        token_in=settings.websms.token_in,
        test=settings.websms.test,
        max_in_flight=settings.websms.max_in_flight,
        callback_url=f"{public.rstrip('/')}/websms/{known.webhook[0]}" if public else None,
        country=settings.country,
        xml_root=settings.webhook.xml_root,
    )


def explain(code: str, language: str) -> str | None:
    """What people are told about a code of the provider, where it is one."""
    return sentences.explain(code, language)


def transport(configuration: Configuration) -> Transport:
    """The way out for mail that the configuration names."""
    settings = configuration.settings.smarthost
    if settings.maildir is not None:
        return Maildir(path=settings.maildir)
    return Smarthost(
        host=settings.host or "",
        port=settings.port,
        tls=settings.tls,
        username=settings.username,
        password=configuration.secrets.smarthost_password,
        hostname=configuration.settings.hostname,
        connections=SMARTHOST_CONNECTIONS,
    )


async def exchanged(
    old: Configuration, new: Configuration, present: tuple[Provider, Transport], fresh: tuple[Provider, Transport]
) -> tuple[Provider, Transport, list[Provider | Transport]]:
    """The fresh carriers where anything they are made of changed, else the present ones; and those to `retire`."""
    (provider, transport), over = present, list[Provider | Transport]()
    if provider_parts(old) != provider_parts(new):
        provider = fresh[0]
        over.append(present[0])
    else:
        await fresh[0].close()
    if transport_parts(old) != transport_parts(new):
        transport = fresh[1]
        over.append(present[1])
    else:
        await fresh[1].close()
    return provider, transport, over


async def retire(carrier: Provider | Transport) -> None:
    """Close a carrier that was replaced, once no call is left."""
    try:
        await asyncio.sleep(_RETIRE_AFTER)
    finally:
        await carrier.close()


def provider_parts(configuration: Configuration) -> tuple[object, ...]:
    """All that `provider` reads: when it changes, a new one is needed."""
    settings, known = configuration.settings, configuration.secrets
    return (
        settings.websms,
        settings.webhook.public_url,
        settings.webhook.xml_root,
        settings.country,
        known.websms_token,
        known.websms_password,
        known.webhook[:1],
    )


def transport_parts(configuration: Configuration) -> tuple[object, ...]:
    """All that `transport` reads: when it changes, a new one is needed."""
    settings = configuration.settings
    return settings.smarthost, settings.hostname, configuration.secrets.smarthost_password


def with_keys(configuration: Configuration) -> Configuration:
    """The configuration with a signing key: made and kept on the first start. Raises OSError."""
    if configuration.keys:
        return configuration
    path = configuration.settings.key_file
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return config.load(configuration.path)


def check_roles(configuration: Configuration, roles: Collection[str]) -> None:
    """Raises `ConfigError` where the spool is a file and somebody else would have to do a part of the work."""
    if set(roles) == set(ROLES) or not configuration.settings.spool.url.startswith("sqlite:"):
        return
    raise ConfigError(
        (
            Problem(
                file=configuration.path.name,
                key="spool.url",
                message=f"--only {','.join(roles)} leaves work to other processes, and a SQLite file has only one",
                hint='several need "postgresql://USER@HOST/DATABASE"; or leave --only away',
            ),
        )
    )


def sqlite_path(url: str) -> Path:
    """The file of a `sqlite:` spool."""
    return Path(url.removeprefix("sqlite:"))


def mail_authentication(configuration: Configuration) -> MailAuthentication | None:
    """What asks DNS about senders, where the configuration wants it."""
    settings = configuration.settings.mail_authentication
    if not settings.check:
        return None
    return MailAuthentication(nameservers=[(server.host, server.port) for server in settings.nameservers])


def counted(number: int, name: str) -> str:
    """``1 route``, ``2 routes``."""
    return f"{number} {name}{'s' * (number != 1)}"


def needs_restart(old: Configuration, new: Configuration) -> list[str]:
    """Names of changed settings that a reload cannot put into effect."""
    return [name for name in _FIXED if _setting(old, name) != _setting(new, name)]


def _setting(configuration: Configuration, name: str) -> object:
    value: object = configuration.settings
    for part in name.split("."):
        value = getattr(value, part)
    return value
