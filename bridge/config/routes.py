"""routes.toml as rows: each read, checked by itself, and completed with every default."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bridge import normalize
from bridge.config.addresses import is_reserved
from bridge.config.problems import did_you_mean, shown
from bridge.config.reading import Place, read_keys
from bridge.config.route_checks import Row, check_rows
from bridge.config.route_keys import LOCAL, ROUTE_KEYS, possible_in_number
from bridge.message import OnUnknown, Reports
from bridge.routing import Allow, Pattern, Route

_AS_READ = (
    *(
        "max_parts",
        "too_long",
        "subject",
        "attachments",
        "receipts",
        "success",
        "end_mark",
        "html",
        "lifetime",
        "warn_after",
        "unknown_wait",
    ),
    *("flash", "binary", "voice", "urgent"),
)
_EXAMPLE = 'write for example [[route]] with address = "anna@sms.example.com", number = "…", allow = ["*@example.com"]'


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What rows need to know of bridge.toml and the users file."""

    domains: tuple[str, ...] | None  # None: unusable, and already said so
    country: str
    language: str
    sender: str | None
    users: frozenset[str] | None  # None: there is no users file
    users_known: bool = True  # False: the file could not be read, and that has been said


def read(place: Place, around: Surroundings) -> tuple[Route, ...]:
    """Every row of the document; problems go to the collector, and only without any the rows are all there."""
    data = place.document.data
    for name in data:
        if name != "route":
            place.at(name).problem("there is no such key", did_you_mean(name, ["route"]))
    tables = data.get("route", [])
    if isinstance(tables, dict):
        place.at("route").problem("a row begins with two brackets", "write [[route]] instead of [route]")
        return ()
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        place.at("route").problem("this must be rows", _EXAMPLE)
        return ()
    if not tables:
        if set(data) <= {"route"}:
            place.problem("there is no route", _EXAMPLE)
        return ()
    rows = [_row(table, place.at("route", index), around) for index, table in enumerate(tables)]
    check_rows(rows)
    return tuple(_route(number, row.values, around) for number, row in enumerate(rows, 1) if _complete(row))


def _row(table: dict[str, object], outer: Place, around: Surroundings) -> Row:
    place = replace(outer, prefix=len(outer.trail), country=around.country)
    row = Row(read_keys(table, ROUTE_KEYS, place), frozenset(table), place)
    _check_address(row, around)
    _check_number(row)
    _check_allow(row, around)
    _check_mailbox(row, around)
    _check_times(row)
    return row


def _check_address(row: Row, around: Surroundings) -> None:
    if not row.says("address"):
        if row.says("allow"):
            row.place.at("allow").problem("there is no address that anybody could use", "add address, or remove allow")
        if not row.says("mailbox"):
            row.place.problem(
                "this route leads nowhere", "write address, number and allow, or mailbox with number or line"
            )
        return
    place = row.place.at("address")
    if not row.says("number"):
        place.problem("there is no number for it", 'add for example number = "+43 660 0000000"')
    if not row.says("allow") or row.values.get("allow") == ():
        row.place.at("allow" if row.says("allow") else "address").problem(
            "nobody may use this route", 'write for example allow = ["*@example.com"]'
        )
    address = row.values.get("address")
    if address is None or around.domains is None:
        return
    domain = address.rpartition("@")[2]
    if domain not in around.domains:
        near = did_you_mean(domain, around.domains)
        place.problem(
            f"«{domain}» is not one of our domains", near if near.startswith("did") else "add it to `domains`"
        )
    elif is_reserved(address):
        place.problem(
            f"{shown(address)} is an address the bridge needs itself",
            "postmaster, abuse, check+…, bounce+… and r+… are taken; choose another name",
        )


def _check_number(row: Row) -> None:
    place = row.place.at("number")
    for phone in filter(normalize.is_dear, row.phones):
        # Whoever writes a whole number down means it; a slip of a digit is still worth a word.
        place.warning(f"+{phone} may cost more than an SMS usually does", "remove it unless you mean it")
    if row.values.get("number") != (LOCAL,):
        return
    address = row.values.get("address")
    if address is None:
        if not row.says("address"):
            place.problem(f"there is no address to read {LOCAL} from", 'add for example address = "*@sms.example.com"')
    elif "*" not in address:
        place.problem(f"{LOCAL} needs an address with a *", 'write for example address = "*@sms.example.com"')
    else:
        pattern = Pattern.of(address)
        if not possible_in_number(pattern.before) or not possible_in_number(pattern.after):
            place.problem(
                f"no local part that fits {shown(address)} is a number",
                'write for example address = "*@sms.example.com"',
            )
    if row.says("mailbox") and not row.says("line"):
        row.place.at("mailbox").problem(
            f"{LOCAL} names no phone, so no SMS would ever come here", "remove mailbox, or add line"
        )


def _check_allow(row: Row, around: Surroundings) -> None:
    for index, (kind, name) in enumerate(row.values.get("allow", ())):
        if kind != "users" or not around.users_known:
            continue
        place = row.place.at("allow", index)
        if around.users is None:
            place.problem(f"there is no user {shown(name)}", "name a users_file in [smtpd] of bridge.toml")
        elif name not in around.users:
            near = did_you_mean(name, sorted(around.users))
            place.problem(
                f"there is no user {shown(name)} in the users file", near if near.startswith("did") else "add one there"
            )


def _check_mailbox(row: Row, around: Surroundings) -> None:
    if not row.says("mailbox"):
        return
    place = row.place.at("mailbox")
    if not row.says("number", "line"):
        place.problem("neither number nor line says whose SMS it gets", "add number or line")
    mailbox = row.values.get("mailbox", "")
    if mailbox and mailbox.rpartition("@")[2] in (around.domains or ()):
        place.problem(
            f"{shown(mailbox)} lies in one of our own domains: its mail would come back as SMS",
            "name a mailbox outside `domains`",
        )


def _check_times(row: Row) -> None:
    warn_after, lifetime = row.values.get("warn_after", 0), row.values.get("lifetime", float("inf"))
    if row.says("warn_after") and warn_after >= lifetime:
        row.place.at("warn_after").problem("the message is given up before that", "write less than lifetime")


def _complete(row: Row) -> bool:
    """Whether a row can stand in the table; where not, a problem has been reported."""
    return all(key in row.values for key in row.written)


def _route(number: int, values: Mapping[str, Any], around: Surroundings) -> Route:
    phones = values.get("number", ())
    kept = {key: values[key] for key in _AS_READ}
    line = values.get("line")
    return Route(
        **kept,
        name=values.get("address") or line or values.get("mailbox") or f"row {number}",
        row=number,
        address=values.get("address"),
        numbers=() if phones == (LOCAL,) else phones,
        local=phones == (LOCAL,),
        display_name=values.get("name"),
        allow=_allow(values.get("allow", ())),
        mailbox=values.get("mailbox"),
        line=line,
        originator=values.get("sender") or line or around.sender,
        countries=tuple(dict.fromkeys(values.get("countries", (around.country,)))),
        reports=Reports(values["reports"]),
        on_unknown=OnUnknown(values["on_unknown"]),
        priority=values.get("priority"),
        category=values.get("category"),
        language=values.get("language", around.language),
    )


def _allow(entries: tuple[tuple[str, Any], ...]) -> Allow:
    def of(kind: str) -> list[Any]:
        return [value for its_kind, value in entries if its_kind == kind]

    return Allow(
        addresses=frozenset(of("addresses")),
        domains=frozenset(of("domains")),
        users=frozenset(of("users")),
        networks=tuple(dict.fromkeys(of("networks"))),
    )
