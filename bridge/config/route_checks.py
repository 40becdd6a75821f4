"""What rows mean to each other: twice the same address, rows that nothing can ever reach, loops.

Of several rows the first that fits is taken, so a row behind another may look right and never act. Most
messages that reach a wrong person do so that way, hence each such row is an error that names both lines.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.config.problems import shown
from bridge.config.reading import Place
from bridge.config.route_keys import LOCAL
from bridge.routing import Pattern


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it was read: usable values by key, the keys that stand there, and where."""

    values: dict[str, Any]
    written: frozenset[str]
    place: Place

    def says(self, *keys: str) -> bool:
        """Whether any of `keys` stands in the row, usable or not."""
        return not self.written.isdisjoint(keys)

    @property
    def phones(self) -> tuple[str, ...]:
        """The numbers the row names literally."""
        found: tuple[str, ...] = self.values.get("number", ())
        return () if found == (LOCAL,) else found

    @property
    def where(self) -> str:
        return f"the route on line {self.place.line}"


def check_rows(rows: Sequence[Row]) -> None:
    """Reports everything that is wrong between rows.

    About linear in their number: ten thousand take a moment.
    """
    _check_addresses(rows)
    _check_patterns(rows)
    _check_lines(rows)
    _check_mailboxes(rows)
    _check_loops(rows)


def _check_addresses(rows: Sequence[Row]) -> None:
    first: dict[str, Row] = {}
    for row in rows:
        address = row.values.get("address")
        if address is None:
            continue
        other = first.setdefault(address, row)
        if other is not row:
            row.place.at("address").problem(
                f"{other.where} has the address {shown(address)} already", "keep one of them"
            )


def _check_patterns(rows: Sequence[Row]) -> None:
    """A pattern behind a broader one.

    Candidates are looked up, not tried: rows may be many, local parts are short.
    """
    seen: dict[Pattern, Row] = {}
    for row in rows:
        address = row.values.get("address", "")
        if "*" not in address:
            continue
        pattern = Pattern.of(address)
        broader = [seen[candidate] for candidate in _broader(pattern) if candidate in seen]
        if broader:
            other = min(broader, key=lambda one: one.place.trail)
            row.place.at("address").problem(
                f"nothing ever gets here: {other.where} takes all of it ({shown(other.values['address'])})",
                "put this route before that one",
            )
        seen.setdefault(pattern, row)


def _broader(pattern: Pattern) -> Iterator[Pattern]:
    """Every other pattern that stands for all that `pattern` stands for."""
    for before in range(len(pattern.before) + 1):
        for after in range(len(pattern.after) + 1):
            candidate = Pattern(pattern.before[:before], pattern.after[after:], pattern.domain)
            if candidate != pattern:
                yield candidate


def _check_lines(rows: Sequence[Row]) -> None:
    owners: dict[str, Row] = {}
    for row in rows:
        line = row.values.get("line")
        if line is None:
            continue
        other = owners.setdefault(line, row)
        if other is not row:
            row.place.at("line").problem(
                f"{other.where} owns this line already", "keep one of them; to send from it write sender"
            )


def _check_mailboxes(rows: Sequence[Row]) -> None:
    """A mailbox that gets no SMS because earlier rows take all its phones.

    A second address of the same person may repeat the same mailbox: nobody is surprised by that.
    """
    takers: dict[str, Row] = {}
    for row in rows:
        mailbox = row.values.get("mailbox")
        if mailbox is None:
            continue
        others = [takers[phone] for phone in row.phones if phone in takers]
        if row.phones and len(others) == len(row.phones) and not row.says("line"):
            same = all(other.values["mailbox"] == mailbox for other in others)
            if same and not row.says("address"):
                row.place.problem(f"{others[0].where} says all of this already", "remove one of them")
            elif not same:
                other = next(one for one in others if one.values["mailbox"] != mailbox)
                row.place.at("mailbox").problem(
                    f"no SMS ever gets here: {other.where} takes them ({shown(other.values['mailbox'])})",
                    "remove mailbox here, or put this route before that one",
                )
        for phone in row.phones:
            takers.setdefault(phone, row)


def _check_loops(rows: Sequence[Row]) -> None:
    """A number that is one of our own lines: what we send would come back to us."""
    lines = {row.values["line"]: row for row in rows if "line" in row.values}
    for row in rows:
        for index, phone in enumerate(row.phones):
            if phone in lines:
                place = row.place.at("number", index)
                place.problem(
                    f"this is our own number, the line of {lines[phone].where}: SMS to it would come back", "remove it"
                )
