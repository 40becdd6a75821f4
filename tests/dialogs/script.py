"""Reads the dialogues: a plain format, because an SMTP session is best judged as it looks on the wire.

Everything that is not understood is an error with its line: a misspelt expectation must not pass for a comment.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

HERE = Path(__file__).parent

SETTINGS = frozenset(
    {"mode", "start", "trusted", "tls", "require-tls", "users", "rows", "session", "rates", "full", "secret", "pieces"}
)
WHOLE = "all"
ACTS = frozenset({"starttls", "half-close", "hang-up", "closed", "connect", "flush", "turn", "full"})

_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|([rnt0\\]))")
_PLAIN_ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}
_INSERT = re.compile(r"\{(?:(\\x[0-9A-Fa-f]{2}|[^{}])\*(\d+)|b64 ([^{}]*)|([a-z]+))\}")
_LINE = re.compile(r"([CS])(?:\*(\d+))?:(?: (.*))?|C>(?: (.*))?")
_SMS = re.compile(r"\+(\d+) (\".*\")")


@dataclass(frozen=True, slots=True)
class Say:
    """Octets for the server; what stands together leaves in one write."""

    octets: str  # still with its escapes


@dataclass(frozen=True, slots=True)
class Hear:
    """One line of the server, ``*`` for what cannot be known."""

    line: str

    def matches(self, said: str) -> bool:
        """Whether this is what it said."""
        return re.fullmatch(".*".join(re.escape(part) for part in self.line.split("*")), said) is not None


@dataclass(frozen=True, slots=True)
class Act:
    """Anything else that the client does, or the test for it."""

    name: str
    argument: str


Step = Say | Hear | Act


@dataclass(slots=True)
class Dialogue:
    """One session, or several in turn, and what they leave in the spool."""

    name: str
    place: str  # "file:line"
    rows: tuple[int, ...] = ()  # of the list of threats that it covers
    settings: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    stored: int | None = None  # mails
    sms: list[tuple[str, str]] = field(default_factory=list)  # phone, text
    mails: list[tuple[str, str]] = field(default_factory=list)  # recipient, end of the content


class Misspelt(Exception):
    """A line that is no part of a dialogue."""


def dialogues(folder: Path = HERE) -> list[Dialogue]:
    """All of them, in the order of their files. Raises `Misspelt`."""
    return [one for file in sorted(folder.glob("*.txt")) for one in read(file.read_text(encoding="utf-8"), file.stem)]


def read(text: str, file: str) -> list[Dialogue]:
    """The dialogues of one file. Raises `Misspelt`."""
    found: list[Dialogue] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("=== "):
            found.append(Dialogue(name=line[4:], place=f"{file}:{number}"))
        elif line and not line.startswith("#"):
            if not found:
                raise Misspelt(f"{file}:{number}: before the first dialogue")
            try:
                _take(found[-1], line)
            except ValueError as error:
                raise Misspelt(f"{file}:{number}: {error}") from error
    for one in found:
        if one.stored is None or not one.steps:
            raise Misspelt(f"{one.place}: has no steps, or does not say what is stored")
    names = [one.name for one in found]
    if len(set(names)) != len(names):
        raise Misspelt(f"{file}: two dialogues have one name")
    return [way for one in found for way in _ways(one)]


def _ways(dialogue: Dialogue) -> Iterator[Dialogue]:
    """One for each entry of `pieces`."""
    for pieces in dialogue.settings.get("pieces", WHOLE).split():
        name = dialogue.name if pieces == WHOLE else f"{dialogue.name}, in pieces of {pieces}"
        settings = dialogue.settings | {"pieces": pieces}
        yield replace(dialogue, name=name, settings=settings, steps=list(dialogue.steps))


def _take(dialogue: Dialogue, line: str) -> None:
    if (spoken := _LINE.fullmatch(line)) is not None:
        dialogue.steps += _spoken(spoken)
        return
    if line.startswith("! "):
        name, _, argument = line[2:].partition(" ")
        if name not in ACTS:
            raise ValueError(f"nobody can do {name!r}")
        dialogue.steps.append(Act(name, argument))
        return
    key, colon, value = line.partition(":")
    value = value.strip()
    if key in SETTINGS and colon:
        if dialogue.steps or key in dialogue.settings:
            raise ValueError(f"{key} stands once and before the first line")
        dialogue.settings[key] = value
    elif key == "row":
        dialogue.rows += tuple(int(row) for row in value.split())
    elif key == "stored":
        dialogue.stored = int(value)
    elif key in {"sms", "mail"} and colon:
        _left(dialogue, key, value)
    else:
        raise ValueError(f"not understood: {line!r}")


def _spoken(match: re.Match[str]) -> Iterator[Step]:
    who, times, text, bare = match.groups()
    for _ in range(int(times or 1)):
        if who == "S":
            yield Hear(text or "")
        else:
            yield Say(bare or "" if who is None else (text or "") + r"\r\n")


def _left(dialogue: Dialogue, key: str, value: str) -> None:
    if key == "sms":
        match = _SMS.fullmatch(value)
        if match is None:
            raise ValueError('write sms: +43… "text"')
        dialogue.sms.append((match[1], octets(json.loads(match[2]), {}).decode()))
    else:
        recipient, _, end = value.partition(" ")
        dialogue.mails.append((recipient, octets(json.loads(end), {}).decode() if end else ""))


def octets(text: str, known: Mapping[str, bytes]) -> bytes:
    r"""What a text is on the wire: ``\r \n \t \0 \\ \xHH``, ``{A*600}``, ``{b64 …}`` and what is `known` by name."""
    made = b""
    end = 0
    for match in _INSERT.finditer(text):
        made += _unescaped(text[end : match.start()])
        character, times, encoded, name = match.groups()
        if times:
            made += _unescaped(character) * int(times)
        elif name:
            made += known[name]
        else:
            made += b64encode(_unescaped(encoded))
        end = match.end()
    return made + _unescaped(text[end:])


def _unescaped(text: str) -> bytes:
    made = b""
    end = 0
    for match in _ESCAPE.finditer(text):
        made += text[end : match.start()].encode()
        made += bytes.fromhex(match[1]) if match[1] else _PLAIN_ESCAPES[match[2]]
        end = match.end()
    return made + text[end:].encode()
