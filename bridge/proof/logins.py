"""Who a sender really is: logins and trusted networks. (Mail authentication, which asks DNS, will stand here too.)

Hashes are slow by design, so they run in threads, few at once; what was right is remembered for minutes as an HMAC
under a key of this process, never as a password.
"""

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from functools import cache
from ipaddress import IPv4Address, IPv6Address

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from bridge.access import Proof, inside
from bridge.config import User
from bridge.message import Clock
from bridge.routing import Network

HASHES_AT_ONCE = 2
MOST_WAITING = 8
REMEMBERED = 300.0
"""Seconds for which a right password is not hashed again."""

_MOST_REMEMBERED = 1000


@cache
def _decoy() -> str:
    """Hashed for names nobody has, so that a wrong name takes as long as a wrong password."""
    return PasswordHasher().hash(secrets.token_hex(16))


class Busy(Exception):
    """Too many logins wait for their hash: 454, try again."""


class Logins:
    """Checks passwords against the users file."""

    def __init__(self, *, users: Callable[[], Mapping[str, User]], clock: Clock) -> None:
        self._users = users
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._right: dict[bytes, float] = {}
        self._turns = asyncio.Semaphore(HASHES_AT_ONCE)
        self._waiting = 0

    async def check(self, name: str, password: bytes) -> bool:
        """Whether this is the user's password. Raises `Busy`."""
        user = self._users().get(name)
        now = self._clock()
        mark = self._mark(user, password)
        if mark is not None and self._right.get(mark, 0.0) > now:
            return True
        if self._waiting >= MOST_WAITING:
            raise Busy
        self._waiting += 1
        try:
            async with self._turns:
                right = await asyncio.to_thread(_right, user, password)
        finally:
            self._waiting -= 1
        if not right or mark is None:
            return False
        if len(self._right) >= _MOST_REMEMBERED:
            self._right.clear()
        self._right[mark] = now + REMEMBERED
        return True

    def _mark(self, user: User | None, password: bytes) -> bytes | None:
        if user is None:
            return None
        # The hash is part of it: a changed line in the users file ends what was remembered.
        return hmac.digest(self._key, user.name.encode() + b"\x00" + user.hash.encode() + b"\x00" + password, "sha256")


def _right(user: User | None, password: bytes) -> bool:
    right = verify(user.hash if user is not None else _decoy(), password)
    return right and user is not None


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


def prove(
    *,
    peer: IPv4Address | IPv6Address | None,
    user: User | None,
    sender: str,
    networks: tuple[Network, ...],
) -> Proof:
    """What is certain of a peer and the (normalised) envelope sender it gave."""
    if user is not None:
        owns = sender in user.addresses or sender.rpartition("@")[2] in user.domains
        return Proof(peer=peer, user=user.name, sender=sender if owns and sender else None, how=f"user:{user.name}")
    if sender and inside(peer, networks):
        return Proof(peer=peer, sender=sender, how="network")
    return Proof(peer=peer)


def _unbase64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))
