"""THE table: which address means which phone, and which phone or line means which mailbox.

Both directions stand in one table so that they cannot drift apart: most messages that ever reached a wrong
person did so through two lists that disagreed. Lookups are made for every recipient of every mail, so exact
ones are dictionaries.

Pure: rows come in checked (`bridge.config` does that) and nothing here reads a file or asks the network.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from bridge import normalize
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
    originator: str | None = None  # key `sender`, else the row's line, else [websms] sender; None: account's
    max_parts: int = 3
    too_long: str = "cut"  # or "refuse"
    subject: str = "prefix"  # or "ignore", "only", or a template holding {subject} and/or {text}
    attachments: str = "count"  # or "ignore", "refuse"
    end_mark: str = ""  # a line that begins with it ends the text; "" is none
    html: bool = False  # SMS become mails with an HTML part too
    countries: tuple[str, ...] = ("AT",)  # where {local} may reach: "AT" (ISO 3166), or "+4175" and all that begins so
    reports: Reports = Reports.FAILURES
    receipts: str = "ignore"  # or "report": a wish for a receipt in the header is NOTIFY=SUCCESS
    success: str = "each"  # or "once": for the group, when it was split up
    lifetime: float = 86400.0  # seconds
    warn_after: float = 900.0  # seconds
    on_unknown: OnUnknown = OnUnknown.HOLD
    unknown_wait: float = 180.0  # seconds
    priority: int | None = None
    flash: bool = False
    category: str | None = None
    binary: bool = False  # attached cards, appointments and raw segments go as binary SMS
    voice: bool = False  # read out in a call
    urgent: bool = False
    language: str = "en"

    @property
    def is_pattern(self) -> bool:
        """Whether `address` stands for many addresses."""
        return self.address is not None and "*" in self.address


@dataclass(frozen=True, slots=True)
class Pattern:
    """An address with one ``*`` in its local part, which stands for at least one character."""

    before: str
    after: str
    domain: str

    @classmethod
    def of(cls, address: str) -> "Pattern":
        """Takes ``alarm-*@sms.example.com`` apart; `address` is normalised and holds one ``*`` before its
        ``@``.
        """
        local, _, domain = address.rpartition("@")
        before, _, after = local.partition("*")
        return cls(before, after, domain)


class _Patterns:
    """The pattern rows of one domain, first match wins, found without trying every row.

    Rows share few shapes (lengths before and after the ``*``), so one dictionary lookup a shape finds them
    all.
    """

    __slots__ = ("_rows", "_shapes")

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], tuple[int, Route]] = {}
        self._shapes: set[tuple[int, int]] = set()

    def add(self, pattern: Pattern, position: int, route: Route) -> None:
        self._rows.setdefault((pattern.before, pattern.after), (position, route))
        self._shapes.add((len(pattern.before), len(pattern.after)))

    def first(self, local: str) -> Route | None:
        best: tuple[int, Route] | None = None
        for before, after in self._shapes:
            if len(local) <= before + after:
                continue
            found = self._rows.get((local[:before], local[len(local) - after :]))
            if found is not None and (best is None or found[0] < best[0]):
                best = found
        return None if best is None else best[1]


class Table:
    """All rows in their order, with a dictionary for each way of asking. Immutable once built."""

    __slots__ = ("_by_address", "_by_line", "_by_number", "_by_phone", "_mailable", "_names", "_patterns", "rows")

    def __init__(self, rows: Iterable[Route] = ()) -> None:
        self.rows: Final = tuple(rows)
        self._by_address: dict[str, Route] = {}
        self._patterns: dict[str, _Patterns] = {}
        self._by_number: dict[str, Route] = {}
        self._by_phone: dict[str, Route] = {}
        self._mailable: dict[str, list[str]] = {}
        self._by_line: dict[str, Route] = {}
        self._names: dict[str, tuple[bool, str]] = {}
        for position, row in enumerate(self.rows):
            self._add_address(position, row)
            self._add_numbers(row)
            if row.line is not None:
                self._by_line.setdefault(row.line, row)

    def _add_address(self, position: int, row: Route) -> None:
        if row.address is None:
            return
        if row.is_pattern:
            pattern = Pattern.of(row.address)
            self._patterns.setdefault(pattern.domain, _Patterns()).add(pattern, position, row)
            return
        self._by_address.setdefault(row.address, row)
        if len(row.numbers) == 1:
            self._mailable.setdefault(row.numbers[0], []).append(row.address)

    def _add_numbers(self, row: Route) -> None:
        for phone in row.numbers:
            self._by_phone.setdefault(phone, row)
            if row.mailbox is not None:
                self._by_number.setdefault(phone, row)
            if row.display_name is not None:
                alone = len(row.numbers) == 1
                if phone not in self._names or (alone and not self._names[phone][0]):
                    self._names[phone] = (alone, row.display_name)

    def __iter__(self) -> Iterator[Route]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __eq__(self, other: object) -> bool:
        return self.rows == other.rows if isinstance(other, Table) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.rows)

    def by_address(self, address: str) -> Route | None:
        """The row that a mail to `address` (normalised) belongs to: an exact row, else the first pattern
        that fits.

        Of a row with ``{local}`` the caller still has to read the number from the local part, which may
        fail.
        """
        row = self._by_address.get(address)
        if row is not None:
            return row
        local, _, domain = address.rpartition("@")
        patterns = self._patterns.get(domain)
        return None if patterns is None else patterns.first(local)

    def by_number(self, phone: str) -> Route | None:
        """The first row that names `phone` (E.164 digits) literally and has a mailbox; ``{local}`` names no
        phone.
        """
        return self._by_number.get(phone)

    def by_phone_any(self, phone: str) -> Route | None:
        """The first row that names `phone` literally, alone or in a group, with a mailbox or without."""
        return self._by_phone.get(phone)

    def name_of(self, phone: str) -> str | None:
        """What `phone` is called: in the first row with a name that names it alone, else in its group's."""
        found = self._names.get(phone)
        return None if found is None else found[1]

    def by_line(self, line: str) -> Route | None:
        """The row that owns `line`, one of our own numbers; it may have no mailbox."""
        return self._by_line.get(line)

    def address_for(self, phone: str, domains: Iterable[str]) -> str | None:
        """The address in `domains` to which one can mail to reach just this phone, or None: also of what is no number.

        An exact row with that number alone comes first. Else the number itself is tried as a local part
        against the ``{local}`` rows, within the countries such a row may reach.
        """
        known = frozenset(domains)
        for address in self._mailable.get(phone, ()):
            if address.rpartition("@")[2] in known:
                return address
        if not normalize.is_number(phone):  # a short code, or a name: no mail to it would be taken
            return None
        for domain in self._patterns:
            if domain not in known:
                continue
            for spelling in (phone, f"+{phone}"):
                row = self.by_address(f"{spelling}@{domain}")
                if row is not None and row.local and normalize.lies_in(phone, row.countries):
                    return f"{spelling}@{domain}"
        return None


_KEYS: Final = {"numbers": "number", "local": "number", "display_name": "name", "originator": "sender"}
"""Where the key in routes.toml has another name than the field; every other name is the same."""

_Identity = tuple[str, ...]


def differences(old: Table, new: Table) -> list[str]:
    """One sentence for each row that was added, removed or changed; empty if both mean the same.

    Sentences name the keys that differ and never their values: a log is no place for private numbers.
    """
    before, after = _identified(old), _identified(new)
    said = [f"route {row.name} removed" for key, row in before.items() if key not in after]
    for key, row in after.items():
        if key not in before:
            said.append(f"route {row.name} added (row {row.row})")
        elif changed := _changed(before[key], row):
            said.append(f"route {row.name} changed: {', '.join(changed)}")
    if [key for key in before if key in after] != [key for key in after if key in before]:
        said.append("the order of the routes changed, and of several that fit the first one counts")
    return said


def _identified(table: Table) -> dict[_Identity, Route]:
    """Each row under what makes it the same row after a change: its address, else its line, else mailbox
    and phones.
    """
    found: dict[_Identity, Route] = {}
    for row in table.rows:
        if row.address is not None:
            identity: _Identity = ("address", row.address)
        elif row.line is not None:
            identity = ("line", row.line)
        else:
            identity = ("mailbox", row.mailbox or "", *row.numbers)
        found.setdefault(identity, row)
    return found


def _changed(old: Route, new: Route) -> list[str]:
    """The keys in which two rows differ, without where they stand and what they are called."""
    names = [one.name for one in fields(Route) if one.name not in {"row", "name"}]
    return list(dict.fromkeys(_KEYS.get(name, name) for name in names if getattr(old, name) != getattr(new, name)))
