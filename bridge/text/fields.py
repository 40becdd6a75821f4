"""Header fields: split within bounds, decoded without believing them.

An own reader, because the standard library's raises on a dozen known headers, needs minutes for some, and turns
encoded words into addresses and line breaks. Nothing here raises on what a field holds; a block beyond the bounds
is refused before it is read.
"""

import binascii
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import chain, islice
from types import MappingProxyType
from urllib.parse import unquote

from bridge.text import charsets
from bridge.text.refused import HEADER, HEADER_BLOCK, HEADERS, too_many_headers

Fields = Mapping[str, tuple[str, ...]]
"""Lower-case name to its values in their order: unfolded, stripped, encoded words not decoded."""

_END = re.compile(rb"\n\r?\n")
_NAME = re.compile(rb"([!-9;-~]+)[ \t]*:")


def split(data: bytes) -> tuple[Fields, int]:
    """The fields at the start of `data` and where the body begins.

    A line that is no field begins the body, as everywhere: some devices send a bare text. Raises Refused (552
    5.3.4) beyond 64 KiB in all, 8 KiB a field, 500 fields.
    """
    if data[:1] == b"\n" or data[:2] == b"\r\n":
        return {}, data.index(b"\n") + 1
    end = _END.search(data, 0, HEADER_BLOCK + 3)
    if end:
        block, body = data[: end.start()], end.end()
    else:  # a line is looked at to its end: half a name would be taken for the body
        cut = data.find(b"\n", HEADER_BLOCK + 1, HEADER_BLOCK + HEADER + 1)
        block, body = data[: cut if cut >= 0 else HEADER_BLOCK + HEADER + 1], len(data)
    found: dict[str, tuple[str, ...]] = {}
    at = fields = 0
    name, value = "", b""
    for line in block.split(b"\n"):
        if name and line[:1] in {b" ", b"\t"}:
            value += line.rstrip(b"\r")
            if len(value) > HEADER:
                raise too_many_headers(f"a header field of more than {HEADER // 1024} KiB")
        elif (start := _NAME.match(line)) is not None:
            _keep(found, name, value)
            name, value = start[1].decode("ascii").lower(), line[start.end() :].rstrip(b"\r")
            fields += 1
            if fields > HEADERS or len(value) > HEADER:
                raise too_many_headers(f"more than {HEADERS} header fields, or one of more than {HEADER} bytes")
        elif at or not line.startswith(b"From "):  # the line a mailbox file begins with
            _keep(found, name, value)
            return found, min(at, len(data))
        at += len(line) + 1
    if at > HEADER_BLOCK + 1:
        raise too_many_headers(f"more than {HEADER_BLOCK // 1024} KiB of header")
    _keep(found, name, value)
    return found, body


def _keep(found: dict[str, tuple[str, ...]], name: str, value: bytes) -> None:
    if name:
        text = value.strip()
        words = text.decode("ascii") if text.isascii() else charsets.decode(text, "")
        found[name] = (*found[name], words) if name in found else (words,)


def first(fields: Fields, name: str) -> str:
    """The first value of a field, "" where there is none."""
    values = fields.get(name)
    return values[0] if values else ""


_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?\r\n]*)\?=")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_ESCAPED = re.compile(rb"=([0-9A-Fa-f]{2})")


def words(value: str) -> str:
    """A field as people read it: encoded words (RFC 2047) decoded, one line, no control characters.

    What is malformed stays as it stands. Neighbouring words are joined as bytes, since many programs cut inside a
    character.
    """
    if "=?" not in value:
        return " ".join((value if value.isprintable() else _CONTROL.sub(" ", value)).split())
    out: list[str] = []
    held, held_charset, at = b"", "", 0
    for found in _WORD.finditer(value):
        between = value[at : found.start()]
        data = _word(found[2], found[3])
        if data is None:
            continue
        charset = found[1].partition("*")[0].lower()
        if held and (between.strip() or charset != held_charset):
            out.append(charsets.decode(held, held_charset))
            held = b""
        if at == 0 or between.strip():
            out.append(between)
        held, held_charset, at = held + data, charset, found.end()
    out.append(charsets.decode(held, held_charset))
    return " ".join(_CONTROL.sub(" ", "".join(out) + value[at:]).split())


def _word(kind: str, text: str) -> bytes | None:
    """The bytes of one encoded word; None when it is none."""
    if kind in "qQ":
        raw = text.replace("_", " ").encode("utf-8", "replace")
        return _ESCAPED.sub(_octet, raw)
    try:
        return binascii.a2b_base64(text.encode("ascii") + b"==", strict_mode=False)
    except (binascii.Error, UnicodeEncodeError):
        return None


def _octet(found: re.Match[bytes]) -> bytes:
    return bytes([int(found[1], 16)])


_ID = re.compile(r"<[!-;=?-~]{1,996}>")
_REFERENCES = 50


def message_id(fields: Fields) -> str | None:
    """The Message-ID with its brackets when it is sane: printable ASCII, no blank, at most 998 characters."""
    value = first(fields, "message-id")
    return value if _ID.fullmatch(value) else None


def ids(value: str) -> tuple[str, ...]:
    """The sane ids of In-Reply-To or References: at most 50, the first (the thread's root) and the last ones."""
    found = tuple(_ID.findall(value)) if "<" in value else ()
    return found if len(found) <= _REFERENCES else (found[0], *found[1 - _REFERENCES :])


_TOKEN = re.compile(
    r'(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<mark>[<>(),:;"])|(?P<text>[^"()<>,:;\\]+|\\.?)',
    re.DOTALL,
)
_ADDRESS = re.compile(
    r'(?:[^\s"(),:;<>@\[\\\]\x00-\x1f\x7f]+|"[^"\\\x00-\x1f\x7f]*")@[^\s"(),:;<>@\[\\\]\x00-\x1f\x7f]+'
)


_USUAL = re.compile(r"([A-Za-z0-9 ]*<)?([A-Za-z0-9._+-]+)@([A-Za-z0-9.-]+)(>)?")
"""What nearly all From fields look like: nothing in it that two readers could understand in two ways."""


def addresses(values: tuple[str, ...]) -> tuple[str, ...]:
    """The addresses of a From field (all of them, when there are several), domains in lower case.

    Empty when any part of it is not understood: two readers of one doubtful From see two different authors. Encoded
    words are never decoded here.
    """
    usual = _USUAL.fullmatch(values[0]) if len(values) == 1 else None
    if usual is not None and (usual[1] is None) is (usual[4] is None):
        return (f"{usual[2]}@{usual[3].lower()}",)
    found: list[str] = []
    try:
        for value in values:
            found.extend(_mailboxes(_uncommented(value)))
    except ValueError:
        return ()
    return tuple(found)


def _uncommented(value: str) -> Iterator[tuple[str, bool]]:
    """Tokens outside of comments, and whether each is a mark. Raises ValueError for unbalanced brackets."""
    depth = 0
    for token in _TOKEN.finditer(value):
        mark = token.lastgroup == "mark"
        if mark and token[0] in "()":
            depth += 1 if token[0] == "(" else -1
        elif not depth:
            yield token[0], mark
        if depth < 0 or (depth and token[0].startswith('"')):  # readers disagree whether it hides a bracket
            raise ValueError
    if depth:
        raise ValueError


def _mailboxes(tokens: Iterator[tuple[str, bool]]) -> list[str]:
    """The addresses of a list without groups. Raises ValueError for anything else."""
    found: list[str] = []
    outside, inside, opened = "", None, False
    for text, mark in chain(tokens, [(",", True)]):
        if mark and text == "," and not opened:
            if inside is not None or outside.strip():
                found.append(_address((outside if inside is None else inside).strip()))
            outside, inside = "", None
        elif mark and text == "<" and inside is None:
            opened, inside = True, ""
        elif mark and text == ">" and opened:
            opened = False
        elif mark or (inside is not None and not opened and text.strip()):
            raise ValueError
        elif inside is not None:
            inside += text
        else:
            outside += text
    return found


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise ValueError
    local, _, domain = text.rpartition("@")
    return f"{local}@{domain.lower()}"


_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)', re.DOTALL)
_PARAMETERS = 40
_NONE: Mapping[str, str] = MappingProxyType({})


@lru_cache(maxsize=64)  # nearly all have one of few; each may be 8 KiB long
def parameters(value: str) -> tuple[str, Mapping[str, str]]:
    """The first word of Content-Type or Content-Disposition in lower case, and at most 40 parameters.

    Continuations and percent-encoding (RFC 2231) are put together in the order in which they stand.
    """
    if ";" not in value:
        return value.strip().lower(), _NONE
    word = value[: value.index(";")].strip().lower()
    found: dict[str, str] = {}
    for match in islice(_PARAMETER.finditer(value), _PARAMETERS):
        name, star, rest = match[1].lower().partition("*")
        text = match[2].strip()
        if text.startswith('"'):
            text = re.sub(r"\\(.)", r"\1", text[1:].removesuffix('"'), flags=re.DOTALL)
        if star and (not rest or rest.endswith("*")):
            text = unquote(text.rpartition("'")[2], "latin-1")
        if star:
            found[name] = found.get(name, "") + text
        else:
            found.setdefault(name, text)
    return word, MappingProxyType(found)
