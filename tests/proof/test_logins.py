"""Logins: what is right, what is remembered, how many hashes run at once, and who is locked out."""

import asyncio
import base64
import hashlib
import secrets
import threading
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address

import argon2
import pytest

from bridge.config import User
from bridge.config.users import CERTIFICATE
from bridge.proof.lockout import FAILURES, GUESSES, WINDOW
from bridge.proof.logins import HASHES_AT_ONCE, MOST_WAITING, REMEMBERED, Busy, Locked, Logins, verify
from tests.make import NOW
from tests.smtpd.login import Hashing
from tests.wait import until

Peer = IPv4Address | IPv6Address | None

PASSWORD = secrets.token_urlsafe(12).encode()
HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


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


PEER, OTHER_PEER = ip_address("192.0.2.7"), ip_address("2001:db8::7")


class Desk:
    """Logins over users and a clock that the test turns, and a count of the hashes that were made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.users: Mapping[str, User] = {"anna": ANNA}
        self.now = NOW
        self.hashing = Hashing(monkeypatch)
        self.logins = Logins(users=lambda: self.users, clock=lambda: self.now)

    @property
    def hashed(self) -> int:
        return len(self.hashing.worked_on)

    async def check(self, name: str, password: bytes, peer: Peer = PEER, *, trusted: bool = False) -> bool:
        return (await self.logins.check(name, password, peer, trusted=trusted)).right

    async def fail(self, times: int, name: str = "nobody", peer: Peer = PEER, *, trusted: bool = False) -> None:
        for number in range(times):
            assert not await self.check(name, b"guess %d" % number, peer, trusted=trusted)

    async def is_locked(self, name: str, password: bytes = PASSWORD, peer: Peer = PEER, **rest: bool) -> bool:
        """Whether the password is not looked at."""
        before = self.hashed
        try:
            await self.check(name, password, peer, **rest)
        except Locked:
            assert self.hashed == before
            return True
        return False


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(monkeypatch)


async def test_right_and_wrong(desk: Desk) -> None:
    assert await desk.check("anna", PASSWORD)
    assert not await desk.check("anna", b"wrong")
    assert not await desk.check("Anna", PASSWORD)
    assert not await desk.check("nobody", PASSWORD)
    assert not await desk.check("", b"")
    assert desk.hashed == 5  # a name nobody has costs the same work


async def test_a_right_password_is_remembered_for_minutes(desk: Desk) -> None:
    for _ in range(5):
        assert await desk.check("anna", PASSWORD)
    assert desk.hashed == 1
    desk.now += REMEMBERED + 1
    assert await desk.check("anna", PASSWORD)
    assert desk.hashed == 2


async def test_a_wrong_one_is_never_remembered(desk: Desk) -> None:
    await desk.check("anna", b"wrong")
    await desk.check("anna", b"wrong")
    assert desk.hashed == 2
    assert await desk.check("anna", PASSWORD)


async def test_a_changed_or_removed_line_ends_what_was_remembered(desk: Desk) -> None:
    assert await desk.check("anna", PASSWORD)
    desk.users = {"anna": replace(ANNA, hash=HASHER.hash(b"another"))}
    assert not await desk.check("anna", PASSWORD)
    desk.users = {}
    assert not await desk.check("anna", PASSWORD)
    desk.users = {"bernd": replace(ANNA, name="bernd", hash=HASHER.hash(b"x"))}
    assert not await desk.check("bernd", PASSWORD)


async def test_a_user_who_is_changed_while_his_password_is_hashed_is_not_logged_in(desk: Desk) -> None:
    desk.hashing.gate = threading.Event()
    under_way = asyncio.create_task(desk.check("anna", PASSWORD))
    await until(lambda: desk.hashing.at_once)
    desk.users = {"anna": replace(ANNA, hash=HASHER.hash(b"another"))}
    desk.hashing.gate.set()
    assert not await under_way


def test_nothing_that_is_remembered_holds_the_password(desk: Desk) -> None:
    asyncio.run(desk.check("anna", PASSWORD))
    asyncio.run(desk.fail(1, PASSWORD.decode(), trusted=True))  # typed into the wrong field
    kept = repr((desk.logins._right, desk.logins._known._places, desk.logins._failures._sources, desk.users))
    assert PASSWORD.decode() not in kept


async def test_row_37_few_hashes_at_once_and_few_that_wait(desk: Desk) -> None:
    desk.hashing.gate = threading.Event()
    places = HASHES_AT_ONCE + MOST_WAITING
    tasks = [
        asyncio.create_task(desk.check("anna", b"wrong", ip_address(f"198.51.100.{number}")))
        for number in range(places)
    ]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await desk.check("anna", b"one too many")
    desk.hashing.gate.set()
    assert await asyncio.gather(*tasks) == [False] * places
    assert desk.hashing.most <= HASHES_AT_ONCE
    assert await desk.check("anna", PASSWORD)  # the places are free again


async def test_who_hangs_up_while_waiting_frees_the_place(desk: Desk) -> None:
    desk.hashing.gate = threading.Event()
    tasks = [asyncio.create_task(desk.check("anna", b"wrong")) for _ in range(HASHES_AT_ONCE + MOST_WAITING)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    desk.hashing.gate.set()
    assert await desk.check("anna", PASSWORD)


async def test_row_34_no_more_than_ten_are_tried_even_at_once(desk: Desk) -> None:
    await desk.fail(FAILURES - 3)
    found = await asyncio.gather(*(desk.check("anna", b"wrong") for _ in range(8)), return_exceptions=True)
    assert found.count(False) == 3
    assert sum(isinstance(one, Busy) for one in found) == 5
    assert desk.hashed == FAILURES
    assert await desk.is_locked("anna")


async def test_row_34_a_locked_place_is_not_looked_at_for_ten_minutes(desk: Desk) -> None:
    await desk.fail(FAILURES)
    for name in ("anna", "nobody"):
        assert await desk.is_locked(name)
    assert await desk.check("anna", PASSWORD, OTHER_PEER)
    desk.now += WINDOW
    assert await desk.check("anna", PASSWORD)


async def test_row_34_the_last_one_says_that_it_locks(desk: Desk) -> None:
    await desk.fail(FAILURES - 1)
    last = await desk.logins.check("nobody", b"guess", PEER)
    assert (last.right, last.locks, last.doublings) == (False, True, FAILURES - 1)


async def test_row_34_a_right_login_does_not_wipe_the_failures_out(desk: Desk) -> None:
    for _ in range(FAILURES):
        assert await desk.check("anna", PASSWORD)
        await desk.fail(1)
    assert await desk.is_locked("nobody")


async def test_row_34_one_customers_addresses_are_one_place(desk: Desk) -> None:
    for number in range(FAILURES):
        await desk.fail(1, peer=ip_address(f"2001:db8::{number:x}"))
    assert await desk.is_locked("anna", peer=OTHER_PEER)
    assert await desk.check("anna", PASSWORD, ip_address("2001:db8:0:1::7"))


async def test_row_34_a_known_user_gets_in_while_the_place_is_locked(desk: Desk) -> None:
    assert await desk.check("anna", PASSWORD)
    desk.now += 5 * 86400.0
    await desk.fail(FAILURES, "anna")
    made = desk.hashed
    for _ in range(3):
        assert await desk.check("anna", PASSWORD)
        assert await desk.is_locked("anna", b"wrong")
    assert desk.hashed == made


async def test_row_34_what_is_remembered_is_no_oracle(desk: Desk) -> None:
    assert await desk.check("anna", PASSWORD)
    await desk.fail(FAILURES)
    for number in range(GUESSES):
        assert await desk.is_locked("anna", b"guess %d" % number)
    assert await desk.is_locked("anna")
    assert await desk.check("anna", PASSWORD, OTHER_PEER)
    desk.now += WINDOW
    assert await desk.check("anna", PASSWORD)


async def test_row_34_a_known_user_with_another_password_is_unknown(desk: Desk) -> None:
    assert await desk.check("anna", PASSWORD)
    await desk.fail(FAILURES)
    desk.users = {"anna": replace(ANNA, hash=HASHER.hash(b"another"))}
    assert await desk.is_locked("anna", PASSWORD)
    desk.users = {}
    assert await desk.is_locked("anna", PASSWORD)


async def test_row_34_in_a_trusted_network_each_name_counts_for_itself(desk: Desk) -> None:
    await desk.fail(FAILURES, "bernd", trusted=True)
    await desk.fail(FAILURES, "carla", trusted=True)
    assert await desk.is_locked("bernd", trusted=True)
    assert await desk.check("anna", PASSWORD, trusted=True)
    neighbour = ip_address("2001:db8::8")  # of the same /64
    await desk.fail(FAILURES, "anna", OTHER_PEER, trusted=True)
    assert await desk.check("anna", PASSWORD, neighbour, trusted=True)


async def test_a_unix_socket_is_counted_by_name(desk: Desk) -> None:
    await desk.fail(FAILURES, "bernd", None)
    assert await desk.check("anna", PASSWORD, None)


@pytest.mark.parametrize("name", ["nobody", "relay", "", "grö\ufffd", "a\0b"])
async def test_row_38_a_name_nobody_has_is_worked_on_like_some_user(desk: Desk, name: str) -> None:
    relay = User(name="relay", hash=CERTIFICATE, addresses=ANNA.addresses)
    dear = replace(ANNA, name="bernd", hash=scrypt(PASSWORD))
    desk.users = {"anna": ANNA, "relay": relay, "bernd": dear}
    for _ in range(3):
        assert not await desk.check(name, PASSWORD)  # the right one of the others
    assert set(desk.hashing.worked_on) < {ANNA.hash, dear.hash}
    assert len(set(desk.hashing.worked_on)) == 1  # the same each time, as a user's own would be


async def test_row_38_both_costs_are_taken_for_names_nobody_has(desk: Desk) -> None:
    dear = replace(ANNA, name="bernd", hash=scrypt(PASSWORD))
    desk.users = {"anna": ANNA, "bernd": dear}
    for number in range(64):
        await desk.fail(1, f"nobody {number}", ip_address(f"198.51.100.{number}"))
    assert set(desk.hashing.worked_on) == {ANNA.hash, dear.hash}


async def test_row_38_without_any_password_there_is_work_all_the_same(desk: Desk) -> None:
    desk.users = {}
    assert not await desk.check("anna", PASSWORD)
    assert desk.hashed == 1


async def test_a_user_of_a_certificate_has_no_password(desk: Desk) -> None:
    desk.users = {"relay": User(name="relay", hash=CERTIFICATE, addresses=ANNA.addresses)}
    for password in (CERTIFICATE.encode(), b"", PASSWORD):
        assert not await desk.check("relay", password)
    assert desk.hashed == 3


def test_an_exposed_password_is_news_once_in_a_while(desk: Desk) -> None:
    desk.users = {"anna": ANNA, "relay": User(name="relay", hash=CERTIFICATE, addresses=ANNA.addresses)}
    assert [desk.logins.exposes(name) for name in ("anna", "anna", "nobody", "relay")] == [True, False, False, False]
    desk.now += WINDOW
    assert desk.logins.exposes("anna")
