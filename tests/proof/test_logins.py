"""Logins and trusted networks: what proves a sender, what is remembered, and how many hashes run at once."""

import asyncio
import base64
import hashlib
import secrets
import threading
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address, ip_network

import argon2
import pytest

from bridge import proof
from bridge.access import Proof
from bridge.config import User
from bridge.proof import HASHES_AT_ONCE, MOST_WAITING, REMEMBERED, Busy, Logins, prove, verify
from tests.make import NOW

PASSWORD = secrets.token_urlsafe(12).encode()
HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
NETWORKS = (ip_network("192.0.2.0/24"),)
INSIDE, OUTSIDE = ip_address("192.0.2.7"), ip_address("198.51.100.7")


def scrypt(password: bytes) -> str:
    salt = secrets.token_bytes(16)
    derived = hashlib.scrypt(password, salt=salt, n=2**10, r=8, p=1)
    salted, hashed = (base64.b64encode(raw).decode().rstrip("=") for raw in (salt, derived))
    return f"$scrypt$ln=10,r=8,p=1${salted}${hashed}"


ANNA = User(
    name="anna",
    hash=HASHER.hash(PASSWORD),
    addresses=frozenset({"anna@example.org"}),
    domains=frozenset({"team.example.org"}),
)


@pytest.mark.parametrize("stored", [HASHER.hash(PASSWORD), scrypt(PASSWORD)], ids=["argon2", "scrypt"])
def test_both_kinds_of_hash(stored: str) -> None:
    assert verify(stored, PASSWORD)
    for wrong in (b"", PASSWORD[:-1], PASSWORD + b"x", PASSWORD.swapcase(), b"\xff\xfe"):
        assert not verify(stored, wrong)


@pytest.mark.parametrize(
    ("user", "sender", "found"),
    [
        ("anna", "anna@example.org", "anna@example.org"),
        ("anna", "x@team.example.org", "x@team.example.org"),
        ("anna", "x@sub.team.example.org", None),
        ("anna", "chief@example.org", None),
        ("anna", "", None),
        (None, "anna@example.org", None),
    ],
)
@pytest.mark.parametrize("peer", [INSIDE, OUTSIDE, None])
def test_what_is_proven(peer: object, user: str | None, sender: str, found: str | None) -> None:
    trusted = peer is INSIDE and user is None and bool(sender)
    made = prove(peer=peer, user=ANNA if user else None, sender=sender, networks=NETWORKS)  # type: ignore[arg-type] # both
    # A login is never widened by the network it comes from: who logs in is bound to its own addresses.
    assert made.sender == (sender if trusted else found)
    assert made.user == user
    assert made.how == ("network" if trusted else f"user:{user}" if user else "")
    assert made.peer is peer


def test_a_trusted_peer_with_the_null_sender_proves_nobody() -> None:
    assert prove(peer=INSIDE, user=None, sender="", networks=NETWORKS) == Proof(peer=INSIDE)


class Desk:
    """Logins over users and a clock that the test turns, and a count of the hashes that were made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.users: Mapping[str, User] = {"anna": ANNA}
        self.now = NOW
        self.hashed = 0
        self.at_once = 0
        self.most = 0
        self.gate: threading.Event | None = None
        self._lock = threading.Lock()
        self._right = proof._right
        monkeypatch.setattr(proof, "_right", self._counted)  # only counts, then does the real thing
        self.logins = Logins(users=lambda: self.users, clock=lambda: self.now)

    def _counted(self, user: User | None, password: bytes) -> bool:
        with self._lock:
            self.hashed += 1
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        if self.gate is not None:
            assert self.gate.wait(10)
        try:
            return self._right(user, password)
        finally:
            with self._lock:
                self.at_once -= 1


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(monkeypatch)


async def test_right_and_wrong(desk: Desk) -> None:
    assert await desk.logins.check("anna", PASSWORD)
    assert not await desk.logins.check("anna", b"wrong")
    assert not await desk.logins.check("Anna", PASSWORD)
    assert not await desk.logins.check("nobody", PASSWORD)
    assert not await desk.logins.check("", b"")
    assert desk.hashed == 5  # a name nobody has costs the same work


async def test_a_right_password_is_remembered_for_minutes(desk: Desk) -> None:
    for _ in range(5):
        assert await desk.logins.check("anna", PASSWORD)
    assert desk.hashed == 1
    desk.now += REMEMBERED + 1
    assert await desk.logins.check("anna", PASSWORD)
    assert desk.hashed == 2


async def test_a_wrong_one_is_never_remembered(desk: Desk) -> None:
    await desk.logins.check("anna", b"wrong")
    await desk.logins.check("anna", b"wrong")
    assert desk.hashed == 2
    assert await desk.logins.check("anna", PASSWORD)


async def test_a_changed_or_removed_line_ends_what_was_remembered(desk: Desk) -> None:
    assert await desk.logins.check("anna", PASSWORD)
    desk.users = {"anna": replace(ANNA, hash=HASHER.hash(b"another"))}
    assert not await desk.logins.check("anna", PASSWORD)
    desk.users = {}
    assert not await desk.logins.check("anna", PASSWORD)
    desk.users = {"bernd": replace(ANNA, name="bernd", hash=HASHER.hash(b"x"))}
    assert not await desk.logins.check("bernd", PASSWORD)


def test_nothing_that_is_remembered_holds_the_password(desk: Desk) -> None:
    asyncio.run(desk.logins.check("anna", PASSWORD))
    assert PASSWORD not in b"".join(desk.logins._right)
    assert PASSWORD.decode() not in repr(desk.users)


async def test_few_hashes_at_once_and_few_that_wait(desk: Desk) -> None:
    desk.gate = threading.Event()
    tasks = [asyncio.create_task(desk.logins.check("anna", f"{number}".encode())) for number in range(MOST_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await desk.logins.check("anna", b"one too many")
    desk.gate.set()
    assert await asyncio.gather(*tasks) == [False] * MOST_WAITING
    assert desk.most <= HASHES_AT_ONCE
    assert await desk.logins.check("anna", PASSWORD)  # the places are free again


async def test_who_hangs_up_while_waiting_frees_the_place(desk: Desk) -> None:
    desk.gate = threading.Event()
    tasks = [asyncio.create_task(desk.logins.check("anna", f"{number}".encode())) for number in range(MOST_WAITING)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    desk.gate.set()
    assert await desk.logins.check("anna", PASSWORD)
