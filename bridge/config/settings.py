"""Every setting of bridge.toml as frozen nouns, with its default."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from bridge.routing import Network

_KEY: Final = r"[ \t]*[:=][ \t]*"
_TIME: Final = r"(?:\d{4}-\d\d-\d\d|\d\d?\.\d\d?\.\d{4}|\d\d?:\d\d|(?:19|20)\d{12}(?!\d))"
_DIGIT: Final = rf"(?! {_TIME})[ ./()-]{{0,2}}\d"
_NUMBER: Final = rf"(?!{_TIME})\+?\d(?:{_DIGIT}){{2,14}}(?![\d:])"
_LONG_NUMBER: Final = rf"(?!{_TIME})\+?\d(?:{_DIGIT}){{6,14}}(?![\d:])"
_WORD: Final = r"(?<![^\s\[(])"
_TO: Final = rf"{_WORD}(?:to|an|auf)[ :]{{1,3}}(?=\+?\d)"
_NOT_TO: Final = rf"(?:(?!{_TO})[^\n])*"
_MAILBOX: Final = r"(?:[^\n]*[< ])?"
_LINE: Final = (
    rf"(?:(?=To: (?:{_MAILBOX}(?=\+?\d{{3,15}}@[^\n@]*\n)"
    rf"|[^\n]*\nSubject: {_NOT_TO}{_TO}(?={_NOT_TO}\n))(?P<line>{_NUMBER}))|)"
)
_PHONES: Final = r"(?:from|sender|absender|von)"
_LINES: Final = r"(?:to|recipient|empf[^\n]{1,2}nger|an|auf)"
_IDS: Final = r"(?:id|notificationid)"
_LABELS: Final = rf"(?:(?:{_PHONES}|{_LINES}|{_IDS}|date|datum|time|zeit)[ \t]*[:=][^\n]*\n)"

LAYOUTS: Final = {
    # the phone as the author, the text in the body
    "author": rf"(?is)\AFrom: {_MAILBOX}(?!{_TIME})(?P<phone>\+?\d{{7,15}})@[^\n@]*\n{_LINE}"
    r"[^\n]*\n[^\n]*\n[^\n]*\n\n(?P<text>.*)",
    # the phone in the subject behind a word that says so, and not behind a colon: there a text could begin
    "subject": rf"(?is)\A[^\n]*\n{_LINE}[^\n]*\nSubject: (?:(?!: )[^\n])*?"
    rf"{_WORD}(?:from|von|de|absender)[ :]{{1,3}}(?P<phone>{_LONG_NUMBER})[^\n]*\n[^\n]*\n\n(?P<text>.*)",
    # fields at the very beginning of the body, one a line and in any order, the text last
    "fields": r"(?is)\A[^\n]*\n[^\n]*\n[^\n]*\n[^\n]*\n\n"
    rf"(?={_LABELS}*?{_PHONES}{_KEY}(?P<phone>{_NUMBER})[ \t]*$)"
    rf"(?:(?={_LABELS}*?{_LINES}{_KEY}(?P<line>{_NUMBER})[ \t]*$)|)"
    rf"(?:(?={_LABELS}*?{_IDS}{_KEY}(?P<id>\S{{4,80}})[ \t]*$)|)"
    rf"{_LABELS}+\n?(?:text|message|nachricht){_KEY}(?P<text>.*)",
}
"""Plausible layouts of the provider's mails with SMS by their names, tried in this order.

What the provider writes into the header comes before what stands in the body, where a phone could write it. Dates and
times are no numbers, our own line is taken only where just one stands there, and the first line of a body that is no
field we know ends the fields. All take time that grows with the mail and no faster.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One entry of a `listen`: where to listen and, for SMTP, how."""

    host: str
    port: int
    # smtpd only:
    mode: str = "starttls"  # "starttls" (offered when a certificate is set), "implicit", "plain", "legacy"
    proxy: tuple[Network, ...] = ()  # peers that say in a PROXY header for whom they speak
    client_ca: Path | None = None  # PEM of the authorities whose client certificates are believed


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
    max_connections: int = 200
    max_connections_per_address: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class MailAuthenticationSettings:
    """What proves mail from the Internet; off without `check` and `relays`."""

    check: bool = False
    relays: tuple[Network, ...] = ()
    authserv_id: str | None = None
    nameservers: tuple[Endpoint, ...] = ()


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
    patterns: tuple[re.Pattern[str], ...] = tuple(re.compile(each, re.MULTILINE) for each in LAYOUTS.values())


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
    url: str = "sqlite:smsbridge.db"  # checked: "sqlite:" + absolute path, or "postgresql://…" without a password
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
    limit: Rate = Rate(count=60, seconds=3600)
    language: str | None = None  # None: the top level's


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSettings:
    listen: tuple[Endpoint, ...] = (Endpoint(host="127.0.0.1", port=8081),)
    users_file: Path | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatSettings:
    """A timed SMS to ourselves; off without a number."""

    number: str | None = None  # E.164 digits
    sender: str | None = None
    every: float = 3600.0  # seconds
    answer: float = 600.0


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
    processes: int = 1  # that take mails and notifications; 1: the daemon itself
    smtpd: SmtpdSettings = field(default_factory=SmtpdSettings)
    mail_authentication: MailAuthenticationSettings = field(default_factory=MailAuthenticationSettings)
    websms: WebsmsSettings = field(default_factory=WebsmsSettings)
    webhook: WebhookSettings = field(default_factory=WebhookSettings)
    websms_mail: WebsmsMailSettings = field(default_factory=WebsmsMailSettings)
    smarthost: SmarthostSettings = field(default_factory=SmarthostSettings)
    spool: SpoolSettings = field(default_factory=SpoolSettings)
    limits: LimitsSettings = field(default_factory=LimitsSettings)
    notices: NoticesSettings = field(default_factory=NoticesSettings)
    console: ConsoleSettings = field(default_factory=ConsoleSettings)
    heartbeat: HeartbeatSettings = field(default_factory=HeartbeatSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One line of a users file: ``name:hash:address,address,*@domain``, of the console's ``name:hash:role``."""

    name: str
    # "$argon2id$…", "$scrypt$ln=14,r=8,p=1$salt$hash" (unpadded base64), or "certificate": there is no password
    hash: str = field(repr=False)
    addresses: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()  # of "*@domain"
    role: str = ""  # in the console: "operator", "viewer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What was read from the `*_file` settings; never printed."""

    websms_token: str | None = field(default=None, repr=False)
    websms_password: str | None = field(default=None, repr=False)
    smarthost_password: str | None = field(default=None, repr=False)
    spool_password: str | None = field(default=None, repr=False)
    webhook: tuple[str, ...] = field(default=(), repr=False)  # each line of the file is valid
