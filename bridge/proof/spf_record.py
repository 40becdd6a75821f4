"""An SPF record read into terms, and its macros written out. Pure: no question is asked here.

The whole record is read before anything in it counts, since a mistake anywhere makes it worthless (RFC 7208 section
4.6). Everything is linear in the record's length.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final
from urllib.parse import quote

_MODIFIER: Final = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)=(.*)\Z", re.DOTALL)
_DIRECTIVE: Final = re.compile(r"([+?~-]?)([A-Za-z0-9_.-]+)(?::(.+))?\Z", re.DOTALL)
_LENGTHS: Final = re.compile(r"(?:/(0|[1-9][0-9]?))?(?://(0|[1-9][0-9]{0,2}))?\Z")
_LENGTHS_AT_THE_END: Final = re.compile(r"(?:/[0-9]{1,9})?(?://[0-9]{1,9})?\Z")
_MACRO: Final = re.compile(r"%(?:\{([slodiphcrtvSLODIPHCRTV])([0-9]{0,3})([rR]?)([.+,/_=-]*)\}|([%_-]))")
_TOP_LABEL: Final = re.compile(r"(?![0-9]+\Z)(?!-)[A-Za-z0-9-]+(?<!-)\Z")
_ONLY_EXPLAINING: Final = frozenset("crt")
_LITERALS: Final = {"%": "%", "_": " ", "-": "%20"}
_LONGEST_NAME: Final = 253

RESULTS: Final = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}


class Malformed(ValueError):
    """The record breaks the grammar; the text says where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism:
    """One directive."""

    result: str  # of a match: "pass", "fail", "softfail", "neutral"
    name: str  # "all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"
    target: str = ""  # domain with macros; "" is the domain of the record
    prefix4: int = 32
    prefix6: int = 128
    network: IPv4Network | IPv6Network | None = None  # of ip4 and ip6


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What counts of a record. An explanation (`exp`) is checked and dropped: strangers write no replies of ours."""

    mechanisms: tuple[Mechanism, ...]
    redirect: str | None = None  # domain with macros


def is_record(text: str) -> bool:
    """Whether a TXT record claims to be SPF, version 1."""
    return text[:6].lower() == "v=spf1" and text[6:7] in {"", " "}


def read(text: str) -> Record:
    """The terms of a record that `is_record`. Raises Malformed."""
    if not text.isascii():
        raise Malformed("the record is not ASCII")
    mechanisms: list[Mechanism] = []
    once: dict[str, str] = {}
    for term in text[6:].split(" "):
        if not term:
            continue
        found = _MODIFIER.match(term)
        if found is None:
            mechanisms.append(_mechanism(term))
            continue
        name = found[1].lower()
        if name in {"redirect", "exp"}:
            if name in once:
                raise Malformed(f"{name} twice")
            once[name] = _target(found[2])
        else:
            _macros_of(found[2])
    return Record(mechanisms=tuple(mechanisms), redirect=once.get("redirect"))


def _mechanism(term: str) -> Mechanism:
    found = _DIRECTIVE.match(term.partition("/")[0] if ":" not in term else term)
    if found is None:
        raise Malformed(f"no term: {term[:40]}")
    result, name, rest = RESULTS[found[1] or "+"], found[2].lower(), found[3]
    if rest is None:
        rest = term[found.end() :]  # where a length may stand without a domain
        return _bare(result, name, rest)
    match name:
        case "include" | "exists" | "ptr":
            return Mechanism(result=result, name=name, target=_target(rest))
        case "a" | "mx":
            at = _LENGTHS_AT_THE_END.search(rest)  # a domain may hold slashes too
            end = at.start() if at else len(rest)
            prefix4, prefix6 = _lengths(rest[end:])
            return Mechanism(result=result, name=name, target=_target(rest[:end]), prefix4=prefix4, prefix6=prefix6)
        case "ip4" | "ip6":
            return Mechanism(result=result, name=name, network=_network(rest, version=int(name[2])))
    raise Malformed(f"no mechanism with an argument: {name[:40]}")


def _bare(result: str, name: str, lengths: str) -> Mechanism:
    """A directive without a colon."""
    if name in {"a", "mx"}:
        prefix4, prefix6 = _lengths(lengths)
        return Mechanism(result=result, name=name, prefix4=prefix4, prefix6=prefix6)
    if name in {"all", "ptr"} and not lengths:
        return Mechanism(result=result, name=name)
    raise Malformed(f"no mechanism without an argument: {name[:40]}")


def _lengths(text: str) -> tuple[int, int]:
    found = _LENGTHS.match(text)
    if found is None:
        raise Malformed(f"no prefix length: {text[:20]}")
    four, six = int(found[1] or 32), int(found[2] or 128)
    if four > 32 or six > 128:  # noqa: PLR2004 - bits of the two kinds of address
        raise Malformed(f"no prefix length: {text[:20]}")
    return four, six


def _network(text: str, *, version: int) -> IPv4Network | IPv6Network:
    if re.fullmatch(r"[0-9A-Fa-f.:]+(?:/(?:0|[1-9][0-9]{0,2}))?", text) is None:
        raise Malformed(f"no network: {text[:60]}")
    try:
        found = ip_network(text, strict=False)
    except ValueError as error:
        raise Malformed(f"no network: {text[:60]}") from error
    if found.version != version:
        raise Malformed(f"no network of IPv{version}: {text[:60]}")
    return found


def _target(text: str) -> str:
    """`text` if it is a domain-spec (RFC 7208 section 7.1)."""
    last = _macros_of(text)
    if any(uses(text, letter) for letter in _ONLY_EXPLAINING):
        raise Malformed("a macro that only explanations may use")
    if not text or last != len(text):  # does not end in a macro, so it has to end in a label that can stand there
        name = text.removesuffix(".")
        before, dot, label = name.rpartition(".")
        if not dot or not _TOP_LABEL.match(label) or last > len(before) + 1:
            raise Malformed(f"no domain: {text[:60]}")
    return text


def _macros_of(text: str) -> int:
    """Where the last macro of `text` ends. Raises Malformed when it is no macro-string."""
    at = last = 0
    while (at := text.find("%", at)) >= 0:
        found = _MACRO.match(text, at)
        if found is None or (found[2] and not int(found[2])):
            raise Malformed(f"no macro: {text[at : at + 20]}")
        at = last = found.end()
    if not all("!" <= letter <= "~" for letter in text):
        raise Malformed(f"a character that cannot stand there: {text[:60]!r}")
    return last


def uses(text: str, letter: str) -> bool:
    """Whether a domain with macros asks for `letter`."""
    return any((found[1] or "").lower() == letter for found in _MACRO.finditer(text))


def written_out(text: str, values: Mapping[str, str]) -> str:
    """A domain with its macros replaced; `values` by lower-case letter. Cut from the left to 253 characters."""

    def one(found: re.Match[str]) -> str:
        letter = found[1]
        if letter is None:
            return _LITERALS[found[5]]
        parts = re.split(f"[{re.escape(found[4] or '.')}]", values[letter.lower()])
        if found[3]:
            parts.reverse()
        value = ".".join(parts[-int(found[2]) :] if found[2] else parts)
        return quote(value, safe="-._~") if letter.isupper() else value

    full = _MACRO.sub(one, text).removesuffix(".")
    while len(full) > _LONGEST_NAME and "." in full:
        full = full.partition(".")[2]
    return full
