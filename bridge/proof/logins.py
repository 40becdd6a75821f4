"""Logins: passwords against the users file.

Hashes are slow by design, so they run in threads, few at once; what was right is remembered for minutes as an HMAC
under a key of this process, never as a password. Who guesses is slowed down and locked out (`bridge.proof.lockout`).
A name that nobody has costs the same work as one with a wrong password, so that time does not tell them apart.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Protocol

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from bridge.config import User
from bridge.config.users import CERTIFICATE
from bridge.message import Clock
from bridge.proof.lockout import WINDOW, Acquaintances, Failures, place_of

HASHES_AT_ONCE: Final = 2
MOST_WAITING: Final = 8
"""Logins that wait while others are hashed; as many again from places where somebody logged in rightly before."""

REMEMBERED: Final = 300.0
"""Seconds for which a right password is not hashed again."""

_MOST_REMEMBERED: Final = 1000


class Busy(Exception):
    """Too many logins wait for their hash: 454, try again."""


class Locked(Exception):
    """Too many wrong logins came from there: 421, and the password was not looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a login."""

    right: bool
    doublings: int = 0  # of the wait before a wrong one is answered
    locks: bool = False  # it was the last that its place may try for now


class Login(Protocol):
    """What the mail door asks of `Logins`."""

    async def check(
        self, name: str, password: bytes, peer: IPv4Address | IPv6Address | None, *, trusted: bool = False
    ) -> Outcome:
        """See `Logins`."""
        ...

    def exposes(self, name: str) -> bool:
        """See `Logins`."""
        ...


class Logins:
    """Checks passwords against the users file."""

    def __init__(self, *, users: Callable[[], Mapping[str, User]], clock: Clock) -> None:
        self._users = users
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._right: dict[bytes, float] = {}
        self._turns = asyncio.Semaphore(HASHES_AT_ONCE)
        self._inside: Counter[bool] = Counter()  # hashed or waiting for it, by whether their place is familiar
        self._failures = Failures()
        self._known = Acquaintances()
        self._exposed: dict[str, float] = {}

    async def check(
        self, name: str, password: bytes, peer: IPv4Address | IPv6Address | None, *, trusted: bool = False
    ) -> Outcome:
        """Whether this is the user's password. `trusted` peers are not locked by what others do at their address.

        Raises `Busy` and `Locked`.
        """
        users, now = self._users(), self._clock()
        user = users.get(name)
        mark = self._mark(name, user, password)
        place = str(peer) if trusted else place_of(peer)
        source = self._of_name(place, name) if trusted or peer is None else place
        if self._failures.is_locked(source, now):
            if user is None or not self._known.recognises(name, place, mark, now):
                raise Locked
        elif self._right.get(mark, 0.0) <= now:
            spared = trusted or self._known.is_familiar(place)
            stored, is_own = self._hash(name, user, users)
            fits = await self._try(stored, password, source, spared=spared) and is_own
            if not fits or self._users().get(name) != user:  # a reload may have changed it meanwhile
                doublings, locks = self._failures.note(source, self._clock())
                return Outcome(right=False, doublings=doublings, locks=locks)
            self._remember(mark)
        self._known.note(name, place, mark, now)
        return Outcome(right=True)

    def exposes(self, name: str) -> bool:
        """Whether a password that came for this name in plain text endangers a user, and that is news."""
        user, now = self._users().get(name), self._clock()
        if user is None or user.hash == CERTIFICATE or 0.0 <= now - self._exposed.get(name, 0.0) < WINDOW:
            return False
        self._exposed[name] = now
        return True

    async def _try(self, stored: str, password: bytes, source: str, *, spared: bool) -> bool:
        crowd = self._inside[spared] >= HASHES_AT_ONCE + MOST_WAITING
        if crowd or not self._failures.has_room(source, self._clock()):
            raise Busy
        self._inside[spared] += 1
        try:
            with self._failures.trial(source):
                async with self._turns:
                    return await asyncio.to_thread(_fits, stored, password)
        finally:
            self._inside[spared] -= 1

    def _hash(self, name: str, user: User | None, users: Mapping[str, User]) -> tuple[str, bool]:
        """What to work on: the user's own hash, else somebody's, always the same for one name; "" if there is none.

        Hashes differ in cost, so a name nobody has must cost what some user's costs.
        """
        hashes = [other.hash for other in users.values() if other.hash != CERTIFICATE]
        chosen = int.from_bytes(self._digest(b"decoy", name.encode())) % max(1, len(hashes))
        if user is not None and user.hash != CERTIFICATE:
            return user.hash, True
        return (hashes[chosen] if hashes else ""), False

    def _remember(self, mark: bytes) -> None:
        if len(self._right) >= _MOST_REMEMBERED:
            self._right.clear()
        self._right[mark] = self._clock() + REMEMBERED

    def _mark(self, name: str, user: User | None, password: bytes) -> bytes:
        # The hash is part of it: a changed line in the users file ends what was remembered.
        return self._digest(name.encode(), (user.hash if user is not None else "").encode(), password)

    def _of_name(self, place: str, name: str) -> str:
        # People do type their password where the name belongs: it is not kept.
        return f"{place} {self._digest(b'name', name.encode()).hex()}"

    def _digest(self, *parts: bytes) -> bytes:
        return hmac.digest(self._key, b"".join(len(part).to_bytes(4) + part for part in parts), "sha256")


def _fits(stored: str, password: bytes) -> bool:
    return verify(stored or _decoy(), password)


@cache
def _decoy() -> str:
    """Worked on where no user has a password."""
    return PasswordHasher().hash(secrets.token_hex(16))


def verify(stored: str, password: bytes) -> bool:
    """Whether `password` fits a PHC string of argon2 or scrypt. Slow: call it in a thread."""
    if stored.startswith("$scrypt$"):
        _, _, parameters, salt, expected = stored.split("$")
        costs = dict(part.split("=") for part in parameters.split(","))
        log_n, block, parallel = int(costs["ln"]), int(costs["r"]), int(costs["p"])
        wanted = _unbase64(expected)
        found = hashlib.scrypt(
            password,
            salt=_unbase64(salt),
            n=2**log_n,
            r=block,
            p=parallel,
            maxmem=256 * 2**log_n * block,
            dklen=len(wanted),
        )
        return hmac.compare_digest(found, wanted)
    try:
        return PasswordHasher().verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def _unbase64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))
