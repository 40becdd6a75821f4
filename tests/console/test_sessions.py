"""Sessions end by themselves, with their user, and when there are too many."""

from dataclasses import dataclass, field

import pytest

from bridge.config import User
from bridge.console.sessions import IDLE, LONGEST, MOST, Sessions, fresh

OLGA = User(name="olga", hash="x", role="operator")


@dataclass
class Office:
    now: float = 1_800_000_000.0
    users: dict[str, User] = field(default_factory=lambda: {"olga": OLGA})

    def sessions(self) -> Sessions:
        return Sessions(users=lambda: self.users, clock=lambda: self.now)


def test_a_session_is_its_user_until_logout() -> None:
    sessions = Office().sessions()
    token = sessions.begin(OLGA)
    assert (sessions.find(token), sessions.find(fresh()), sessions.find("")) == (OLGA, None, None)
    sessions.end(token)
    assert sessions.find(token) is None


def test_it_ends_unused_and_after_a_day_of_work() -> None:
    office = Office()
    sessions = office.sessions()
    idle, busy = sessions.begin(OLGA), sessions.begin(OLGA)
    begun = office.now
    while office.now < begun + LONGEST:
        assert sessions.find(busy) == OLGA
        office.now += IDLE / 2
    assert (sessions.find(busy), sessions.find(idle)) == (None, None)


@pytest.mark.parametrize("users", [{}, {"olga": User(name="olga", hash="y", role="operator")}])
def test_it_ends_when_the_line_of_its_user_changes(users: dict[str, User]) -> None:
    office = Office()
    sessions = office.sessions()
    token = sessions.begin(OLGA)
    office.users = users
    assert sessions.find(token) is None
    office.users = {"olga": OLGA}
    assert sessions.find(token) is None


def test_a_clock_that_was_set_back_ends_it() -> None:
    office = Office()
    sessions = office.sessions()
    token = sessions.begin(OLGA)
    office.now -= 3600
    assert sessions.find(token) is None


def test_the_one_used_longest_ago_makes_room() -> None:
    office = Office()
    sessions = office.sessions()
    tokens = []
    for _ in range(MOST + 1):
        office.now += 1
        tokens.append(sessions.begin(OLGA))
    assert sessions.find(tokens[0]) is None
    assert all(sessions.find(token) == OLGA for token in tokens[1:])


def test_a_seal_is_for_one_token() -> None:
    sessions = Office().sessions()
    one, other = fresh(), fresh()
    assert sessions.is_sealed(one, sessions.seal(one))
    assert not sessions.is_sealed(other, sessions.seal(one))
    assert not sessions.is_sealed(one, "ü")
