"""Who is locked, for how long, what is forgotten first; and who is known where."""

from ipaddress import ip_address

import pytest

from bridge.proof import lockout
from bridge.proof.lockout import (
    FAILURES,
    GUESSES,
    KNOWN_FOR,
    MOST_PLACES,
    WINDOW,
    Acquaintances,
    Failures,
    place_of,
)
from tests.make import NOW

HERE, ELSEWHERE = "192.0.2.7", "198.51.100.7"


def locked(where: str = HERE, now: float = NOW) -> Failures:
    failures = Failures()
    for _ in range(FAILURES):
        failures.note(where, now)
    return failures


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.7", "192.0.2.8", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),  # one customer's /64
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("2001:db8::1", "192.0.2.7", False),
        ("::1", "0.0.0.1", False),
    ],
)
def test_a_place(one: str, other: str, same: bool) -> None:
    assert (place_of(ip_address(one)) == place_of(ip_address(other))) is same
    assert place_of(None) == ""


def test_the_tenth_locks_and_no_other() -> None:
    failures = Failures()
    assert [failures.note(HERE, NOW + number)[1] for number in range(FAILURES)] == [False] * (FAILURES - 1) + [True]
    assert failures.is_locked(HERE, NOW + WINDOW)
    assert not failures.is_locked(ELSEWHERE, NOW)
    assert not failures.is_locked(HERE, NOW + FAILURES - 1 + WINDOW)


def test_only_the_last_ten_minutes_count() -> None:
    failures = Failures()
    for number in range(5 * FAILURES):
        failures.note(HERE, NOW + number * WINDOW / (FAILURES - 1))
        assert not failures.is_locked(HERE, NOW + number * WINDOW / (FAILURES - 1))


def test_a_clock_that_is_set_back_locks_nobody_for_longer() -> None:
    failures = locked()
    assert not failures.is_locked(HERE, NOW - 3600.0)
    assert failures.has_room(HERE, NOW - 3600.0)


def test_what_is_under_way_counts() -> None:
    failures = Failures()
    for _ in range(FAILURES - 2):
        failures.note(HERE, NOW)
    with failures.trial(HERE):
        assert failures.has_room(HERE, NOW)
        with failures.trial(HERE):
            assert not failures.has_room(HERE, NOW)
            assert failures.has_room(ELSEWHERE, NOW)
    assert failures.has_room(HERE, NOW)
    assert not failures._trying


def test_the_wait_grows_with_the_failures_of_one_and_slower_with_those_of_all() -> None:
    failures = Failures()
    assert [failures.note(HERE, NOW)[0] for _ in range(5)] == [0, 1, 2, 3, 4]
    assert failures.note(HERE, NOW + WINDOW)[0] == 0
    everybody = Failures()
    doublings = [everybody.note(f"192.0.2.{number}", NOW)[0] for number in range(200)]
    assert doublings == sorted(doublings)
    assert (doublings[9], doublings[10], doublings[40], doublings[199]) == (0, 1, 3, 4)
    assert everybody.note(HERE, NOW + WINDOW)[0] == 0


def test_many_addresses_neither_grow_the_table_nor_free_who_is_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockout, "MOST_SOURCES", 100)
    failures = locked()
    nearly = "203.0.113.1"
    for _ in range(FAILURES - 1):
        failures.note(nearly, NOW)
    for number in range(5000):
        failures.note(f"stranger {number}", NOW + number / 100)
        assert len(failures._sources) <= 100
    assert failures.is_locked(HERE, NOW + 50)
    assert failures.note(nearly, NOW + 50)[1]  # who has done more is forgotten later
    failures.note("later", NOW + 3 * WINDOW)
    for number in range(100):
        failures.note(f"stranger {number}", NOW + 3 * WINDOW)
    assert HERE not in failures._sources  # what is over goes first


def test_a_table_full_of_locked_ones_still_takes_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockout, "MOST_SOURCES", 20)
    failures = Failures()
    for number in range(100):
        for _ in range(FAILURES):
            failures.note(f"stranger {number}", NOW + number)
    assert len(failures._sources) <= 20
    assert failures.is_locked("stranger 99", NOW + 100)


def test_a_known_user_is_recognised_for_days_at_that_place() -> None:
    known = Acquaintances()
    known.note("anna", HERE, b"mark", NOW)
    assert known.recognises("anna", HERE, b"mark", NOW + KNOWN_FOR - 1)
    assert not known.recognises("anna", HERE, b"mark", NOW + KNOWN_FOR)
    assert not known.recognises("anna", HERE, b"other", NOW)
    assert not known.recognises("anna", ELSEWHERE, b"mark", NOW)
    assert not known.recognises("bernd", HERE, b"mark", NOW)
    assert (known.is_familiar(HERE), known.is_familiar(ELSEWHERE)) == (True, False)


def test_a_known_user_is_no_oracle() -> None:
    known = Acquaintances()
    known.note("anna", HERE, b"mark", NOW)
    for number in range(GUESSES):
        assert known.recognises("anna", HERE, b"mark", NOW + number)
        assert not known.recognises("anna", HERE, b"guess", NOW + number)
    assert not known.recognises("anna", HERE, b"mark", NOW + GUESSES)
    known.note("anna", ELSEWHERE, b"mark", NOW)
    assert known.recognises("anna", ELSEWHERE, b"mark", NOW + GUESSES)
    assert known.recognises("anna", HERE, b"mark", NOW + WINDOW)


def test_a_new_password_takes_the_place_of_the_old() -> None:
    known = Acquaintances()
    known.note("anna", HERE, b"old", NOW)
    known.note("anna", HERE, b"new", NOW)
    assert known.recognises("anna", HERE, b"new", NOW)
    assert not known.recognises("anna", HERE, b"old", NOW)


def test_a_user_with_many_addresses_makes_forget_only_his_own() -> None:
    known = Acquaintances()
    known.note("bernd", HERE, b"mark", NOW)
    known.note("anna", HERE, b"mark", NOW)
    for number in range(3 * MOST_PLACES):
        known.note("anna", f"place {number}", b"mark", NOW)
    assert known.recognises("bernd", HERE, b"mark", NOW)
    assert not known.recognises("anna", HERE, b"mark", NOW)
    assert known.recognises("anna", f"place {3 * MOST_PLACES - 1}", b"mark", NOW)
    assert len(known._users_at) == MOST_PLACES + 1
    assert not known.is_familiar("place 0")
