"""Who is logged in to the console: random tokens, kept here as their hashes, and lost with the process.

A session ends when nobody used it for a while, after a working day, on logout, and when the person's line in the users
file is changed or gone. The token against forged requests belongs to the cookie, so that the login form has one too.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from bridge.config import User
from bridge.message import Clock

IDLE: Final = 30 * 60.0
"""Seconds without a request after which a session is over."""

LONGEST: Final = 12 * 3600.0
"""Seconds after which it is over in any case."""

MOST: Final = 200
"""Sessions at once; beyond them the one used longest ago ends."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(slots=True)
class Session:
    """One login."""

    user: User
    begun: float
    used: float


class Sessions:
    """All logins of one process."""

    def __init__(self, *, users: Callable[[], Mapping[str, User]], clock: Clock) -> None:
        self._users = users
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._sessions: dict[bytes, Session] = {}

    def begin(self, user: User) -> str:
        """A fresh token for somebody who proved to be `user`."""
        token, now = fresh(), self._clock()
        if len(self._sessions) >= MOST:
            del self._sessions[min(self._sessions, key=lambda one: self._sessions[one].used)]
        self._sessions[_hashed(token)] = Session(user=user, begun=now, used=now)
        return token

    def find(self, token: str) -> User | None:
        """Whose token it is; using it keeps the session alive."""
        key, now = _hashed(token), self._clock()
        session = self._sessions.get(key)
        if session is None:
            return None
        # A clock that was set back ends it as well: nobody knows how old it is.
        is_fresh = 0.0 <= now - session.used < IDLE and 0.0 <= now - session.begun < LONGEST
        if not is_fresh or self._users().get(session.user.name) != session.user:
            del self._sessions[key]
            return None
        session.used = now
        return session.user

    def end(self, token: str) -> None:
        """Log out."""
        self._sessions.pop(_hashed(token), None)

    def seal(self, token: str) -> str:
        """What a form must hold that was shown to the holder of `token`."""
        return hmac.new(self._key, token.encode(), "sha256").hexdigest()

    def is_sealed(self, token: str, seal: str) -> bool:
        """Whether `seal` is what `seal` gave for this token."""
        return hmac.compare_digest(self.seal(token).encode(), seal.encode())


def fresh() -> str:
    """A token that nobody can guess."""
    return secrets.token_urlsafe(32)


def is_token(written: str) -> bool:
    """Whether it looks like one: a header can hold octets that are no text at all."""
    return _TOKEN.fullmatch(written) is not None


def _hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
