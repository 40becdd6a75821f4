"""Notifications in XML: the children of the root as a flat table, and nothing else of XML.

What is a list in JSON is an element repeated here; so is its only field that may hold several values, always.

Nothing is expanded and nothing is fetched: a document type, the place where entities are declared, ends the
reading before expat has looked at it. Names are compared without prefix and the root may be called anything,
because neither is documented.
"""

from typing import Final
from xml.parsers import expat

from bridge.message import Unreadable

DEEPEST: Final = 16
LISTS: Final = frozenset({"binaryMessageContent"})
"""Fields that are lists of texts, even of one."""
_AS_WRITTEN: Final = frozenset({"textMessageContent"})
"""Fields whose blanks are somebody's; those around every other value are a pretty-printer's."""


class _Table:
    """Collects the text of each child of the root while expat reads."""

    def __init__(self) -> None:
        self.fields: dict[str, object] = {}
        self._lists: dict[str, list[str]] = {}
        self._depth = 0
        self._name = ""
        self._pieces: list[str] = []

    def start(self, name: str, _: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise Unreadable("the XML is nested too deeply")
        if self._depth == 2:  # noqa: PLR2004 - the root is 1, its children 2
            self._name = name.rpartition(":")[2]
            self._pieces = []

    def characters(self, piece: str) -> None:
        if self._depth >= 2:  # noqa: PLR2004 - as above
            self._pieces.append(piece)

    def end(self, _: str) -> None:
        self._depth -= 1
        if self._depth != 1:
            return
        value = "".join(self._pieces)
        if self._name not in _AS_WRITTEN:
            value = value.strip(" \t\r\n")
        if self._name in LISTS:
            self._lists.setdefault(self._name, []).append(value)
            self.fields[self._name] = self._lists[self._name]
            return
        if self._name in self.fields:
            raise Unreadable(f"the XML gives {self._name[:40]} twice")
        self.fields[self._name] = value


def xml_fields(body: bytes) -> dict[str, object]:
    """The root's children by local name, each with its text; those in `LISTS` with all of theirs.

    Blanks around a text are dropped, but not those of an SMS.

    Raises `Unreadable`.
    """
    table = _Table()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = table.start
    parser.EndElementHandler = table.end
    parser.CharacterDataHandler = table.characters
    parser.StartDoctypeDeclHandler = _no_doctype
    parser.EntityDeclHandler = _no_doctype
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise Unreadable(f"this is no XML: {error}") from None
    except (LookupError, ValueError) as error:
        raise Unreadable(f"the encoding of the XML cannot be read: {error}") from None
    return table.fields


def _no_doctype(*_: object) -> None:
    raise Unreadable("the XML declares a document type or entities")
