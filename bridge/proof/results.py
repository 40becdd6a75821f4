"""Authentication-Results (RFC 8601): what a relay says it found out about a mail.

A strict reader: the field repeats what strangers wrote (addresses, selectors, reasons), and one that can be read in
two ways can be read in the stranger's way. What it does not wholly understand says nothing. Pure and linear.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

_VALUE: Final = r'(?:"(?:[^"\\]|\\.)*"|[^\s";])*'
_SERVER: Final = re.compile(rf"\s*({_VALUE})(?:\s+[0-9]+)?\s*\Z", re.DOTALL)
_PAIR: Final = re.compile(rf"\s*([A-Za-z][A-Za-z0-9_.-]*)(?:\s*/\s*[0-9]+)?\s*=\s*({_VALUE})(?=\s|\Z)", re.DOTALL)
_KEYWORD: Final = re.compile(r"[A-Za-z0-9-]+\Z", re.ASCII)
_PIECE: Final = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^";])*', re.DOTALL)
_FIELD: Final = re.compile(
    rb"[Aa][Uu][Tt][Hh][Ee][Nn][Tt][Ii][Cc][Aa][Tt][Ii][Oo][Nn]-[Rr][Ee][Ss][Uu][Ll][Tt][Ss][ \t]*:"
)
_ANY_FIELD: Final = re.compile(rb"[!-9;-~]+[ \t]*:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One method and its result, all in lower case but the values."""

    method: str  # "dkim", "spf", "dmarc" …
    result: str  # "pass", "fail", "temperror" …
    properties: Mapping[str, str]  # "header.d", "smtp.mailfrom" …; quotes removed


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """One field."""

    server: str  # the authserv-id in lower case
    findings: tuple[Finding, ...]


def read(value: str) -> Results | None:
    """An unfolded field; None when it breaks the grammar. A finding with a property twice is left out."""
    server, pieces = _opened(value)
    if not server:
        return None
    findings: list[Finding] = []
    for piece in pieces:
        if piece.strip().lower() in {"", "none"}:
            continue
        pairs = _pairs(piece)
        if not pairs or not _KEYWORD.match(pairs[0][1]):
            return None
        (method, result), *rest = pairs
        names = [name for name, _ in rest]
        if len(set(names)) == len(names):
            findings.append(Finding(method=method, result=result.lower(), properties=dict(rest)))
    return Results(server=server, findings=tuple(findings))


def _opened(value: str) -> tuple[str, Iterator[str]]:
    """The server of a field, "" when that cannot be read, and what follows it."""
    text = _uncommented(value)
    pieces = _pieces(text or "")
    found = _SERVER.match(next(pieces, ""))
    return _unquoted(found[1]).lower() if found else "", pieces


def _uncommented(value: str) -> str | None:
    """`value` with a blank for each comment; None where brackets or quotes are not closed, or readers may disagree.

    They do about blanks beyond ASCII, which a local part may hold (RFC 6532) and Python's `strip` and `\\s` take for
    white space, and about a quote in a comment: relays that repeat a quoted local part there forget that a bracket in
    it closes the comment all the same, and what follows is the stranger's.
    """
    if any(letter.isspace() and letter not in " \t\r\n" for letter in value):
        return None
    out: list[str] = []
    depth, quoted, at = 0, False, 0
    while at < len(value):
        letter = value[at]
        escapes = letter == "\\" and (depth > 0 or quoted)
        piece = value[at : at + 1 + escapes]
        if depth and '"' in piece:
            return None
        if escapes:
            out.append("" if depth else piece)
            at += 2
            continue
        if letter == '"' and not depth:
            quoted = not quoted
        elif letter == "(" and not quoted:
            depth += 1
        elif letter == ")" and not quoted:
            depth -= 1
            letter = " "
            if depth < 0:
                return None
        if not depth:
            out.append(letter)
        at += 1
    return None if depth or quoted else "".join(out)


def _pieces(text: str) -> Iterator[str]:
    """What stands between semicolons."""
    at = 0
    while at <= len(text):
        found = _PIECE.match(text, at)
        if found is None:  # it matches the empty text too
            return
        yield found[0]
        at = found.end() + 1


def _pairs(piece: str) -> list[tuple[str, str]] | None:
    """The `name=value` of a piece, names in lower case; None when there is anything else in it."""
    found: list[tuple[str, str]] = []
    at = 0
    while piece[at:].strip():
        pair = _PAIR.match(piece, at)
        if pair is None:
            return None
        found.append((pair[1].lower(), _unquoted(pair[2])))
        at = pair.end()
    return found


def _unquoted(value: str) -> str:
    """A value that is one quoted string without its quotes; a quoted local part keeps them."""
    if len(value) > 1 and value[0] == value[-1] == '"' and '"' not in value[1:-1].replace('\\"', ""):
        return re.sub(r"\\(.)", r"\1", value[1:-1], flags=re.DOTALL)
    return value


def without_foreign_results(content: bytes, authserv_id: str) -> bytes:
    """A mail without the fields that claim to be ours (RFC 8601 section 5): whoever wrote them, it was not a relay.

    A field whose server cannot be read goes too, since another reader may read it. Never raises.
    """
    out: list[bytes] = []
    at = 0
    while at < len(content):
        end = _end_of_field(content, at)
        if end is None:  # the body, or what readers take for it
            break
        field = content[at:end]
        found = _FIELD.match(field)
        if found is None or not _claims(field[found.end() :], authserv_id):
            out.append(field)
        at = end
    return b"".join([*out, content[at:]])


def _end_of_field(content: bytes, at: int) -> int | None:
    """Where the field at `at` ends; None when none begins there."""
    mailbox_line = at == 0 and content.startswith(b"From ")
    if not mailbox_line and _ANY_FIELD.match(content, at) is None:
        return None
    while True:
        end = content.find(b"\n", at)
        if end < 0:
            return len(content)
        at = end + 1
        if content[at : at + 1] not in {b" ", b"\t"}:
            return at


def _claims(value: bytes, authserv_id: str) -> bool:
    server, _ = _opened(value.decode("latin-1"))
    return server in {"", authserv_id.lower()}
