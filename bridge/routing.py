"""THE table: which address means which phone, and which phone or line means which mailbox. Pure."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from bridge.message import OnUnknown, Reports

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Allow:
    """Who may use a row; one matching entry suffices."""

    addresses: frozenset[str] = frozenset()  # normalised mail addresses; must be proven
    domains: frozenset[str] = frozenset()  # of "*@domain" entries; must be proven
    users: frozenset[str] = frozenset()  # of "user:NAME" entries
    networks: tuple[Network, ...] = ()  # the peer's address is proof itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One row of routes.toml, checked and complete: every default is already filled in."""

    name: str  # what logs and pauses call the row: its address, else its line, else its mailbox
    row: int  # 1 for the first [[route]]
    address: str | None = None  # normalised; "*@sms.example.com" for a pattern
    numbers: tuple[str, ...] = ()  # E.164 digits; more than one: a group
    local: bool = False  # number = "{local}"
    display_name: str | None = None  # key `name`
    allow: Allow = Allow()
    mailbox: str | None = None
    line: str | None = None
    originator: str | None = None  # key `sender`, else the row's line, else [websms] sender; None: the account's
    max_parts: int = 3
    too_long: str = "cut"  # or "refuse"
    subject: str = "prefix"  # or "ignore", "only", or a template holding {subject} and/or {text}
    countries: tuple[str, ...] = ("AT",)  # regions whose numbers {local} may be; ISO 3166, upper case
    reports: Reports = Reports.FAILURES
    lifetime: float = 86400.0  # seconds
    warn_after: float = 900.0  # seconds
    on_unknown: OnUnknown = OnUnknown.HOLD
    unknown_wait: float = 180.0  # seconds
    priority: int | None = None
    flash: bool = False
    category: str | None = None
    urgent: bool = False
    language: str = "en"
