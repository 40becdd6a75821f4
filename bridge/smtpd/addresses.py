"""Reads the argument of MAIL FROM and RCPT TO: a path and its parameters, after RFC 5321 4.1.2 and RFC 6531 3.3.

A parser of our own because the library's is a parser for *headers*: it decodes encoded words, drops comments and
source routes and lets CR LF pass. Here nothing is decoded, unquoted, folded or repaired: an address is taken as it
stands or refused. Two sloppy spellings are so common among devices that they are read, since they can mean only one
thing: a space before the ``<``, and no angle brackets at all.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

MAX_LOCAL = 64  # octets, RFC 5321 4.5.3.1.1
MAX_DOMAIN = 255  # octets, RFC 5321 4.5.3.1.2

_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\-"
_QUOTED = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'
_LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
_WIDE_LABEL = r"(?!-)[A-Za-z0-9\x80-\U0010ffff-]{1,63}(?<!-)"
_DOT_ATOM = rf"[{_ATEXT}]+(?:\.[{_ATEXT}]+)*"
_WIDE_DOT_ATOM = rf"[{_ATEXT}\x80-\U0010ffff]+(?:\.[{_ATEXT}\x80-\U0010ffff]+)*"
_WIDE_QUOTED = r'"(?:[ !#-\[\]-~\x80-\U0010ffff]|\\[ -~])*"'

_MAILBOX = re.compile(rf"({_DOT_ATOM}|{_QUOTED})@({_LABEL}(?:\.{_LABEL})*)")
_WIDE_MAILBOX = re.compile(rf"({_WIDE_DOT_ATOM}|{_WIDE_QUOTED})@({_WIDE_LABEL}(?:\.{_WIDE_LABEL})*)")
_LITERAL_MAILBOX = re.compile(rf"({_DOT_ATOM}|{_QUOTED})@\[(IPv6:)?([0-9A-Fa-f:.]+)\]", re.IGNORECASE)
_ANGLE = re.compile(r'<((?:"(?:[^"\\]|\\.)*"|[^"<> ])*)>')
_BARE = re.compile(r'[^"<>() ]+')
_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_VALUE = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A path as it was written. `address` is "" for the null sender, "postmaster" (own case) without a domain."""

    address: str
    params: Mapping[str, str]  # keywords in upper case, values in their own case, "" where there was none


class BadPath(Exception):
    """The argument cannot be taken; carries the reply."""

    def __init__(self, code: int, status: str, text: str) -> None:
        super().__init__(f"{code} {status} {text}")
        self.code = code
        self.status = status
        self.text = text


def parse_path(arg: bytes | str, smtputf8: bool = False, *, recipient: bool = False) -> Path:
    """Reads what stands behind ``FROM:`` or ``TO:``.

    `smtputf8` says whether the mail may have non-ASCII addresses; at MAIL FROM the parameter of that name in the same
    line says so too. A str may hold surrogate escapes, as aiosmtpd decodes commands. Raises `BadPath`.
    """
    return _parsed(_decoded(arg).strip(" "), smtputf8, recipient)


@lru_cache(maxsize=1024)  # the same few write to the same few, and a Path does not change
def _parsed(text: str, smtputf8: bool, recipient: bool) -> Path:
    match = _ANGLE.match(text) if text.startswith("<") else _BARE.match(text)
    if match is None or text[match.end() : match.end() + 1] not in {"", " "}:
        raise _malformed(recipient)
    path = match[1] if match.re is _ANGLE else match[0]
    if not _acceptable(path, recipient=recipient):
        raise _malformed(recipient)
    params = _params(text[match.end() :], smtputf8)
    if not (path.isascii() or smtputf8 or (not recipient and "SMTPUTF8" in params)):
        raise BadPath(553, "5.6.7", "non-ASCII address needs SMTPUTF8")
    return Path(address=path, params=MappingProxyType(params))


def _malformed(recipient: bool) -> BadPath:
    if recipient:
        return BadPath(553, "5.1.3", "malformed recipient address")
    return BadPath(553, "5.1.7", "malformed sender address")


def _decoded(arg: bytes | str) -> str:
    try:
        if isinstance(arg, bytes):
            return arg.decode()
        if not arg.isascii():
            arg.encode()  # surrogates stand for octets that were no UTF-8
    except UnicodeError:
        raise BadPath(553, "5.1.3", "address is not UTF-8") from None
    return arg


def _params(text: str, smtputf8: bool) -> dict[str, str]:
    params: dict[str, str] = {}
    for word in text.split(" ") if text else ():
        if not word:
            continue
        keyword, equals, value = word.partition("=")
        key = keyword.upper()
        # RFC 6533, 3: an address that somebody wrote in UTF-8 comes so, too.
        fits = _VALUE.fullmatch(value) or (smtputf8 and key == "ORCPT" and value.isprintable())
        if not _KEYWORD.fullmatch(keyword) or (equals and not fits) or key in params:
            raise BadPath(501, "5.5.4", "malformed parameter")
        params[key] = value
    return params


def _acceptable(path: str, *, recipient: bool) -> bool:
    if not path:
        return not recipient
    if recipient and "@" not in path:
        return path.lower() == "postmaster"  # RFC 5321 4.1.1.3: the one name without a domain
    if "=?" in path:  # an encoded word is a legal atom; somebody behind us might decode it
        return False
    if path.isascii():
        match = _MAILBOX.fullmatch(path)
    elif _tame(path):
        match = _WIDE_MAILBOX.fullmatch(path)
    else:
        return False
    if match is not None:
        local, domain = (match[1], match[2]) if path.isascii() else (match[1].encode(), match[2].encode())
        return len(local) <= MAX_LOCAL and len(domain) <= MAX_DOMAIN
    match = _LITERAL_MAILBOX.fullmatch(path)
    return match is not None and len(match[1]) <= MAX_LOCAL and _is_literal(match[3], six=match[2] is not None)


def _is_literal(text: str, *, six: bool) -> bool:
    try:
        return ipaddress.ip_address(text).version == (6 if six else 4)
    except ValueError:
        return False


def _tame(path: str) -> bool:
    """Whether a non-ASCII path holds nothing that hides: controls, format characters, odd spaces, look-alike dots."""
    if any(unicodedata.category(c)[0] in "CZ" for c in path if not c.isascii()):
        return False
    domain = path.rpartition("@")[2]
    return unicodedata.is_normalized("NFKC", domain) and all(
        c.isascii() or unicodedata.category(c)[0] in "LMN" for c in domain
    )
