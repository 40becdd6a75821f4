"""The console's users file: who may look through the operator's window, and who may do something there.

One line a person, ``name:hash:role``, the role ``operator`` or ``viewer``. A file of its own, so that no device that
may send mail can open the window, and nobody who may look can send mail.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from bridge.config import users
from bridge.config.problems import Invalid, shown
from bridge.config.reading import Place
from bridge.config.settings import User

OPERATOR: Final = "operator"
VIEWER: Final = "viewer"
ROLES: Final = (OPERATOR, VIEWER)

_FIELDS: Final = 3
_MAKE_FILE: Final = "make it with: smsbridge user add --console NAME"
_FORM: Final = "write name:hash:operator or name:hash:viewer, or use: smsbridge user add --console NAME"


def read(path: Path, place: Place) -> Mapping[str, User] | None:
    """People by name, without those whose line is wrong; None after a Problem if the file cannot be read."""
    return users.read(path, place, line=parse, hint=_MAKE_FILE)


def parse(line: str, _place: Place, problem: Callable[[Invalid], None]) -> User | None:
    """The person of one line, or None after everything that is wrong with it was told to `problem`."""
    parts = line.split(":", _FIELDS - 1)
    if len(parts) < _FIELDS:
        problem(Invalid("this is no user", _FORM))
        return None
    name, hash_, role = (part.strip() for part in parts)
    good = users.check(name, hash_, problem)
    if hash_ == users.CERTIFICATE:
        problem(Invalid(f"{shown(name)} has a certificate, and the console takes passwords only", _FORM))
        good = False
    if role not in ROLES:
        problem(Invalid("the role is neither operator nor viewer", _FORM))
        good = False
    return User(name=name, hash=hash_, role=role) if good else None
