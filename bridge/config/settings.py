"""Every setting of bridge.toml as frozen nouns, with its default."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from bridge.routing import Network

_NUMBER: Final = r"\+?\d[\d ./()-]{3,24}"

DEFAULT_PATTERNS: Final = (
    # fields in the body, one a line
    rf"(?is)\n\n.*?^(?:from|sender|absender|von)\s*[:=]\s*(?P<phone>{_NUMBER})\s*$"
    rf"(?:.*?^(?:to|recipient|empf.{{1,2}}nger|an)\s*[:=]\s*(?P<line>{_NUMBER})\s*$)?"
    r"(?:.*?^(?:id|notificationid)\s*[:=]\s*(?P<id>\S{4,80})\s*$)?"
    r".*?^(?:text|message|nachricht)\s*[:=]\s*(?P<text>.*)",
    # the phone in the subject, the text in the body
    rf"(?is)^Subject: [^\n]*?(?P<phone>{_NUMBER})(?:[^\n]*?(?:->|to|an)\s*(?P<line>{_NUMBER}))?[^\n]*\n"
    r".*?\n\n(?P<text>.*)",
    # the phone as the author, the text in the body
    r"(?is)^From: [^\n]*?(?P<phone>\+?\d{7,15})@[^\n]*\n.*?\n\n(?P<text>.*)",
)
"""Plausible layouts of the provider's mails with SMS, tried in this order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One entry of a `listen`: where to listen and, for SMTP, how."""

    host: str
    port: int
    mode: str = "starttls"  # smtpd only: "starttls" (offered when a certificate is set), "implicit", "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """``N/s``, ``N/m``, ``N/h``, ``N/d``: at most `count` in `seconds`; `count` 0 is off."""

    count: int = 0
    seconds: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpdSettings:
    listen: tuple[Endpoint, ...] = (Endpoint(host="127.0.0.1", port=8025),)
    max_message_size: int = 1024 * 1024  # bytes
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    require_tls: bool = False
    users_file: Path | None = None
    networks: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WebsmsSettings:
    url: str = "https://api.websms.com/rest"
    token_file: Path | None = None
    username: str | None = None
    password_file: Path | None = None
    token_in: Literal["header", "query"] = "header"  # noqa: S105  # a place, not a secret
    sender: str | None = None
    test: bool = False
    max_in_flight: int = 8
    rate: float = 0.0  # calls a second; 0: as the provider bears


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    listen: tuple[Endpoint, ...] = (Endpoint(host="127.0.0.1", port=8080),)
    secret_file: Path | None = None
    public_url: str | None = None
    networks: tuple[Network, ...] = ()
    xml_root: str = "notificationResponse"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebsmsMailSettings:
    """Incoming SMS by the provider's mail option; off without an address."""

    address: str | None = None
    networks: tuple[Network, ...] = ()
    patterns: tuple[re.Pattern[str], ...] = tuple(re.compile(each, re.MULTILINE) for each in DEFAULT_PATTERNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class SmarthostSettings:
    host: str | None = None
    port: int = 587
    tls: Literal["required", "implicit", "opportunistic", "none"] = "required"
    username: str | None = None
    password_file: Path | None = None
    maildir: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolSettings:
    url: str = "sqlite:smsbridge.db"  # checked: "sqlite:" + absolute path after loading
    password_file: Path | None = None
    max_queued: int = 1_000_000
    keep_text: float = 72 * 3600.0
    keep_history: float = 90 * 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsSettings:
    sender: Rate = Rate(count=60, seconds=60)
    recipient: Rate = Rate(count=30, seconds=60)
    route: Rate = Rate(count=120, seconds=60)
    total: Rate = Rate(count=600, seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticesSettings:
    collect: float = 2.0  # seconds
    language: str | None = None  # None: the top level's


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSettings:
    listen: tuple[Endpoint, ...] = (Endpoint(host="127.0.0.1", port=8081),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """bridge.toml, checked: secrets are not in here, only the files they are read from."""

    hostname: str = "localhost"
    domains: tuple[str, ...]
    country: str = "AT"
    routes: Path = Path("routes.toml")
    postmaster: str
    key_file: Path = Path("smsbridge.key")
    language: str = "en"
    smtpd: SmtpdSettings = field(default_factory=SmtpdSettings)
    websms: WebsmsSettings = field(default_factory=WebsmsSettings)
    webhook: WebhookSettings = field(default_factory=WebhookSettings)
    websms_mail: WebsmsMailSettings = field(default_factory=WebsmsMailSettings)
    smarthost: SmarthostSettings = field(default_factory=SmarthostSettings)
    spool: SpoolSettings = field(default_factory=SpoolSettings)
    limits: LimitsSettings = field(default_factory=LimitsSettings)
    notices: NoticesSettings = field(default_factory=NoticesSettings)
    console: ConsoleSettings = field(default_factory=ConsoleSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One line of the users file: ``name:hash:address,address,*@domain``."""

    name: str
    hash: str = field(repr=False)  # "$argon2id$…" or "$scrypt$ln=14,r=8,p=1$salt$hash" (unpadded base64)
    addresses: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()  # of "*@domain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What was read from the `*_file` settings; never printed."""

    websms_token: str | None = field(default=None, repr=False)
    websms_password: str | None = field(default=None, repr=False)
    smarthost_password: str | None = field(default=None, repr=False)
    webhook: tuple[str, ...] = field(default=(), repr=False)  # each line of the file is valid
