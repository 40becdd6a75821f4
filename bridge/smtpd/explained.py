"""An explanation in words, German and English, for a terminal and for a mail. Pure."""

import unicodedata
from collections.abc import Mapping

from bridge import gsm
from bridge.config import Rate
from bridge.normalize import display
from bridge.smtpd.explanation import Explanation, Words

_LABELS = {
    "en": {
        "from": "from",
        "to": "to",
        "proof": "proof",
        "nothing": "none",
        "row": "row",
        "number": "number",
        "text": "text",
        "cost": "cost",
        "left": "left out",
        "cut": "cut off",
        "dear": "dear are",
        "limits": "limits",
        "answer": "answer",
        "costs": "{parts} SMS ({alphabet}, {units} of {room})",
        "binary": "{parts} binary SMS",
    },
    "de": {
        "from": "von",
        "to": "an",
        "proof": "Nachweis",
        "nothing": "keiner",
        "row": "Zeile",
        "number": "Nummer",
        "text": "Text",
        "cost": "Kosten",
        "left": "entfällt",
        "cut": "zu lang",
        "dear": "teuer",
        "limits": "Grenzen",
        "answer": "Antwort",
        "costs": "{parts} SMS ({alphabet}, {units} von {room})",
        "binary": "{parts} binäre SMS",
    },
}
_ALPHABETS = {"gsm": "GSM", "ucs2": "Unicode"}
_SPANS = {1.0: "s", 60.0: "min", 3600.0: "h", 86400.0: "d"}
_MOST_NAMED = 10


def left(limits: Mapping[str, tuple[int, Rate]]) -> str:
    """What is left of each limit, and the limit."""
    return ", ".join(f"{name} {least} ({rated(rate)})" for name, (least, rate) in limits.items())


def rated(rate: Rate) -> str:
    """A limit as people read it."""
    return f"{rate.count}/{_SPANS[rate.seconds]}" if rate.count else "off"


def text(one: Explanation, language: str, *, limits: str = "") -> str:
    """One fact a line, its label before it; lines of the mail that are left out begin with a minus sign."""
    words = _LABELS[language]
    rows = [("from", one.sender or "<>"), ("to", one.recipient), ("proof", one.proof or words["nothing"])]
    if one.route is not None:
        rows.append(("row", f"{one.route.row}: {one.route.name} ({one.why})"))
    elif one.why:
        rows.append(("row", one.why))
    rows += [("number", display(number)) for number in one.numbers]
    if one.words is not None:
        rows += _rows(one.words, words)
    if limits:
        rows.append(("limits", limits))
    rows.append(("answer", one.reply.encode().decode().strip()))
    wide = max(len(label) for label in words.values() if "{" not in label)
    return "\n".join(f"{words.get(name, chr(32)):<{wide}} {line}".rstrip() for name, line in _lined(rows))


def _rows(said: Words, labels: dict[str, str]) -> list[tuple[str, str]]:
    rows = [("text", said.text)]
    left = [line for kept, line in said.lines if not kept and line.strip()]
    if left:
        rows.append(("left", "\n".join(f"- {line}" for line in left)))
    if said.overflow:
        rows.append(("cut", said.overflow))
    if said.encoding == "binary":
        rows.append(("cost", labels["binary"].format(parts=said.parts)))
        return rows
    room = gsm.SINGLE[said.encoding] if said.parts <= 1 else said.parts * gsm.PART[said.encoding]
    alphabet = _ALPHABETS[said.encoding]
    rows.append(("cost", labels["costs"].format(parts=said.parts, alphabet=alphabet, units=said.units, room=room)))
    if said.costly:
        rows.append(("dear", ", ".join(_named(character) for character in said.costly[:_MOST_NAMED])))
    return rows


def _named(character: str) -> str:
    return f"{character} (U+{ord(character):04X} {unicodedata.name(character, '?').lower()})"


def _lined(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """A fact of several lines has its label once."""
    lined = []
    for name, fact in rows:
        first, *more = fact.split("\n")
        lined.append((name, first))
        lined += [("", line) for line in more]
    return lined
