"""The configuration: bridge.toml and the files it names, to one frozen `Configuration`, or every error at once.

Nothing here is repaired silently and nothing is guessed: what is wrong is said with file, line and what would be right,
because a bridge that starts with half of what was meant loses messages later, when nobody is looking.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from bridge.config import bridge_toml, operators, provable, routes, secrets, users
from bridge.config.document import Document, UnreadableFile, parse, read_text
from bridge.config.problems import Collector, ConfigError, Problem, shown
from bridge.config.reading import Files, Place
from bridge.config.settings import (
    ConsoleSettings,
    Endpoint,
    HeartbeatSettings,
    LimitsSettings,
    MailAuthenticationSettings,
    NoticesSettings,
    Rate,
    Secrets,
    Settings,
    SmarthostSettings,
    SmtpdSettings,
    SpoolSettings,
    User,
    WebhookSettings,
    WebsmsMailSettings,
    WebsmsSettings,
)
from bridge.routing import Route, Table

__all__ = [
    "ConfigError",
    "Configuration",
    "ConsoleSettings",
    "Endpoint",
    "HeartbeatSettings",
    "LimitsSettings",
    "MailAuthenticationSettings",
    "NoticesSettings",
    "Problem",
    "Rate",
    "Secrets",
    "Settings",
    "SmarthostSettings",
    "SmtpdSettings",
    "SpoolSettings",
    "User",
    "WebhookSettings",
    "WebsmsMailSettings",
    "WebsmsSettings",
    "load",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """All that was configured, read and checked at one moment."""

    path: Path  # of bridge.toml, absolute
    settings: Settings
    routes: Table
    users: Mapping[str, User] = field(default_factory=dict)  # by name
    operators: Mapping[str, User] = field(default_factory=dict)  # by name: those of the console
    secrets: Secrets = field(default_factory=Secrets, repr=False)
    keys: tuple[bytes, ...] = field(default=(), repr=False)  # lines of key_file; none: not made yet
    warnings: tuple[Problem, ...] = ()


def load(path: str | Path, environ: Mapping[str, str] = os.environ) -> Configuration:
    """Reads bridge.toml at `path` and every file it names.

    `environ` may hold CREDENTIALS_DIRECTORY, where systemd puts secrets. Raises `ConfigError` with all problems of all
    files, and nothing else, whatever the files hold.
    """
    path = Path(path).absolute()
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    files = Files(base=path.parent, credentials=Path(credentials) if credentials else None)
    collector = Collector()
    document = _document(path, path.name, collector)
    if document is None:
        raise ConfigError(collector.problems)
    place = Place(document=document, collector=collector, files=files)
    sections = bridge_toml.read(place)
    known_users = _users(sections)
    rows = _routes(sections, known_users)
    known_operators = _operators(sections["console"])
    its_secrets, keys = secrets.read(sections), secrets.keys(sections[""])
    if collector.problems:
        raise ConfigError(collector.problems)
    return Configuration(
        path=path,
        settings=bridge_toml.settings(sections),
        routes=Table(rows),
        users=MappingProxyType(dict(known_users or {})),
        operators=MappingProxyType(dict(known_operators or {})),
        secrets=its_secrets,
        keys=keys,
        warnings=collector.warnings,
    )


def _document(path: Path, file: str, collector: Collector, named_at: Place | None = None) -> Document | None:
    """A TOML file; when it cannot be read, the problem belongs to the key that names it, if there is one."""
    collector.read(file)
    try:
        text = read_text(path)
    except UnreadableFile as error:
        if named_at is None or error.line is not None:
            problem = Problem(file=file, line=error.line, message=error.message, hint=error.hint)
            collector.problem(problem)
        else:
            named_at.problem(f"{shown(file)}: {error.message}", error.hint or "name the file with the routes")
        return None
    return parse(text, file, collector)


def _users(sections: dict[str, bridge_toml.Section]) -> Mapping[str, User] | None:
    """The users by name; None without a usable users file."""
    smtpd = sections["smtpd"]
    path: Path | None = smtpd.values.get("users_file")
    if path is None:
        return None
    place = smtpd.place.at("users_file")
    found = users.read(path, place)
    provable.check_users(
        (found or {}).values(),
        place,
        listen=smtpd.values.get("listen", ()),
        has_tls=bool(smtpd.says("tls_certificate")),
    )
    return found


def _operators(console: bridge_toml.Section) -> Mapping[str, User] | None:
    """The people of the console by name; None without a usable file."""
    path: Path | None = console.values.get("users_file")
    return None if path is None else operators.read(path, console.place.at("users_file"))


def _routes(sections: dict[str, bridge_toml.Section], known_users: Mapping[str, User] | None) -> tuple[Route, ...]:
    top = sections[""]
    path: Path | None = top.values.get("routes")
    if path is None:
        return ()
    named_at = top.place.at("routes")
    document = _document(path, top.place.files.name(path), top.place.collector, named_at)
    if document is None:
        return ()
    country = top.values.get("country", "AT")
    around = routes.Surroundings(
        domains=top.values.get("domains"),
        country=country,
        language=top.values.get("language", "en"),
        sender=sections["websms"].values.get("sender"),
        users=None if known_users is None else frozenset(known_users),
        users_known=known_users is not None or not sections["smtpd"].says("users_file"),
    )
    place = Place(document=document, collector=top.place.collector, files=top.place.files, country=country)
    rows = routes.read(place, around)
    if around.users_known:
        others = sections["smtpd"].values.get("networks") or _proves_mail(sections["mail_authentication"])
        provable.check_routes(rows, place, users=(known_users or {}).values(), others=bool(others))
    return rows


def _proves_mail(mail_authentication: bridge_toml.Section) -> bool:
    return bool(mail_authentication.values.get("check") or mail_authentication.values.get("relays"))
