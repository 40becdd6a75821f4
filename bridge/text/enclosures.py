"""What in a mail could go to a phone as it is, without being read: cards, appointments, octets for a binary SMS.

Found by what a part says it is, else by its file name. A calendar that is only another shape of the mail's text
(multipart/alternative, as invitations have it) is none, unless it is attached as well: there the words are wanted.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from bridge.text.parts import Part
from bridge.text.refused import ENCLOSURE

Kind = Literal["vcard", "vcalendar", "binary"]

_KINDS: Final[dict[str, Kind]] = {
    "application/x-sms-binary": "binary",
    "text/vcard": "vcard",
    "text/x-vcard": "vcard",
    "text/calendar": "vcalendar",
    "text/x-vcalendar": "vcalendar",
}
_ENDINGS: Final[dict[str, Kind]] = {"vcf": "vcard", "ics": "vcalendar", "vcs": "vcalendar"}
_YES: Final = {"true", "1", "yes"}
_DIRECTORIES: Final = re.compile(r".*[/\\]", re.DOTALL)
_NAME: Final = 60  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """One such part. `data` is decoded, cut one octet behind 64 KiB, and None where its encoding is damaged."""

    kind: Kind
    name: str  # of the file, at most 60 characters of one line; "" where it has none
    data: bytes | None = field(repr=False)
    with_header: bool = False  # the parameter "udh" of application/x-sms-binary: the data begins with one


def enclosures(root: Part) -> tuple[Enclosure, ...]:
    """All of a mail in the order in which they stand."""
    return tuple(_found(root, choice=False))


def _found(part: Part, *, choice: bool) -> Iterator[Enclosure]:
    for child in part.children:
        yield from _found(child, choice=part.kind == "multipart/alternative")
    kind = _kind(part)
    if kind is None or part.children or (choice and not part.attached):
        return
    octets = part.octets()
    yield Enclosure(
        kind=kind,
        name=_DIRECTORIES.sub("", part.name or "")[:_NAME],
        data=None if octets is None else octets[: ENCLOSURE + 1],
        with_header=kind == "binary" and part.parameters.get("udh", "").strip().lower() in _YES,
    )


def _kind(part: Part) -> Kind | None:
    return _KINDS.get(part.kind) or _ENDINGS.get((part.name or "").rpartition(".")[2].lower())
