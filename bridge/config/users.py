"""The users file: who may log in, and which envelope senders a login proves.

One line a user, ``name:hash:address,address,*@domain``; ``#`` begins a comment line. The word ``certificate`` in the
hash's place means that the user has no password and is proven by a client certificate made out to the name. A hash in
a form that the door cannot verify would only be noticed when somebody fails to log in, so its form is checked here.
Lines are never quoted.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import argon2

from bridge.config import secrets
from bridge.config.addresses import address_or_domain
from bridge.config.problems import Invalid, Problem, shown
from bridge.config.reading import Place
from bridge.config.settings import User

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
_SCRYPT: Final = re.compile(
    r"\$scrypt\$ln=([0-9]{1,2}),r=([0-9]{1,2}),p=([0-9]{1,2})\$([A-Za-z0-9+/]{11,128})\$([A-Za-z0-9+/]{22,128})"
)
_FIELDS: Final = 3
_SCRYPT_COST: Final = ((10, 20), (1, 32), (1, 16))  # ln, r, p: from too weak up to what a login may take
_ARGON2_MEMORY: Final = 1024 * 1024  # KiB; one login may not take more than 1 GiB
_MAKE_FILE: Final = "make it with: smsbridge user add NAME ADDRESS"
_MAKE_HASH: Final = "make one with: smsbridge user add --replace NAME"
_FORM: Final = "write name:hash:address,address,*@domain, or use: smsbridge user add NAME ADDRESS"
CERTIFICATE: Final = "certificate"
"""In the place of the hash: no password, a client certificate."""


def read(
    path: Path, place: Place, *, line: Callable[..., User | None] | None = None, hint: str = _MAKE_FILE
) -> Mapping[str, User] | None:
    """The users by name, without those whose line is wrong; None after a Problem if the file cannot be
    read. `line` reads one line, as `parse` does; `hint` says how to make the file.
    """
    one = line or parse
    file = place.files.name(path)
    place.collector.read(file)
    found = secrets.lines(path, place, hint)
    if found is None:
        return None
    users: dict[str, User] = {}
    lines: dict[str, int] = {}
    for number, written in found:
        if written.startswith("#"):
            continue

        def problem(error: Invalid, number: int = number) -> None:
            place.collector.problem(Problem(file=file, line=number, message=error.message, hint=error.hint))

        name, colon, _ = written.partition(":")
        if colon and name in lines:
            problem(Invalid(f"the user {shown(name)} stands on line {lines[name]} already", "keep one of the two"))
            continue
        if colon and _NAME.fullmatch(name):
            lines[name] = number
        user = one(written, place, problem)
        if user is not None:
            users[user.name] = user
    return users


def parse(line: str, place: Place, problem: Callable[[Invalid], None]) -> User | None:
    """The user of one line, or None after everything that is wrong with it was told to `problem`."""
    parts = line.split(":", _FIELDS - 1)
    if len(parts) < _FIELDS:
        problem(Invalid("this is no user", _FORM))
        return None
    name, hash_, written = parts
    good = check(name, hash_, problem)
    entries: list[str] = []
    for index, entry in enumerate(filter(None, (one.strip() for one in written.split(","))), 1):
        try:
            entries.append(address_or_domain(entry, place))
        except Invalid as error:
            # In a line with its fields in the wrong order this could be the password: it is not quoted.
            problem(Invalid(f"entry {index} of the addresses cannot be used", error.hint))
            good = False
    if good and not entries:
        problem(Invalid(f"the user {shown(name)} has no addresses", _FORM))
        return None
    return User(name=name, hash=hash_, addresses=_addresses(entries), domains=_domains(entries)) if good else None


def check(name: str, hash_: str, problem: Callable[[Invalid], None]) -> bool:
    """Whether both can be used; what is wrong with them is told to `problem`."""
    good = True
    for check_one in (_check_name, _check_hash):
        try:
            check_one(name, hash_)
        except Invalid as error:
            problem(error)
            good = False
    return good


def _addresses(entries: list[str]) -> frozenset[str]:
    return frozenset(entry for entry in entries if not entry.startswith("*@"))


def _domains(entries: list[str]) -> frozenset[str]:
    return frozenset(entry[2:] for entry in entries if entry.startswith("*@"))


def _check_name(name: str, _hash: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise Invalid("the name cannot be used", "write up to 64 letters, digits and . _ @ + -")


def _check_hash(name: str, hash_: str) -> None:
    """Raises Invalid unless the hash is one of the two forms the door verifies, at a cost a login may have."""
    whose = f"the hash of {shown(name)}" if _NAME.fullmatch(name) else "the hash"
    if hash_.startswith("$argon2"):
        try:
            parameters = argon2.extract_parameters(hash_)
            fields = hash_.split("$")
            sizes = [len(base64.b64decode(field + "=" * (-len(field) % 4), validate=True)) for field in fields[-2:]]
        except (argon2.exceptions.InvalidHash, binascii.Error, ValueError):
            raise Invalid(f"{whose} is not a complete argon2 hash", _MAKE_HASH) from None
        if sizes[0] < 8 or sizes[1] < 16:  # noqa: PLR2004 - octets, the least RFC 9106 knows and twice a guess
            raise Invalid(f"{whose} is not a complete argon2 hash", _MAKE_HASH)
        if parameters.memory_cost > _ARGON2_MEMORY:
            raise Invalid(f"{whose} needs more than 1 GiB of memory at each login", _MAKE_HASH)
    elif hash_ == CERTIFICATE:
        return
    elif hash_.startswith("$scrypt$"):
        found = _SCRYPT.fullmatch(hash_)
        if found is None:
            raise Invalid(
                f"{whose} is not a complete scrypt hash", f"write $scrypt$ln=14,r=8,p=1$SALT$HASH, or {_MAKE_HASH}"
            )
        for text, (low, high) in zip(found.groups(), _SCRYPT_COST, strict=False):
            if not low <= int(text) <= high:
                raise Invalid(f"{whose} has a cost out of range", "use ln 10 to 20, r 1 to 32, p 1 to 16")
    else:
        raise Invalid(f"{whose} is neither argon2 nor scrypt nor the word certificate", _MAKE_HASH)
