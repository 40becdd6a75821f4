"""Quick exchanges: machines that answer each other are seen, people are not, however much they write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import exchanges
from bridge.exchanges import MOST, QUICK, WITHIN, Exchanges
from tests.make import NOW, PHONE

AUTHOR = "tickets@example.org"


class Talk:
    """One author and one phone, with a clock."""

    def __init__(self) -> None:
        self.now = NOW
        self.exchanges = Exchanges()

    def mail(self, after: float, author: str = AUTHOR, phone: str = PHONE) -> bool:
        """A mail to the phone; whether its SMS goes out."""
        self.now += after
        held = self.exchanges.are_too_many(author, phone, self.now)
        self.exchanges.wrote(author, phone, self.now, held=held)
        return not held

    def sms(self, after: float, phone: str = PHONE) -> None:
        self.now += after
        self.exchanges.heard(phone, self.now)

    def quick(self, times: int = 1) -> list[bool]:
        """The phone answers within a second, and the author within another; which SMS went out."""
        went = []
        for _ in range(times):
            self.sms(1)
            went.append(self.mail(1))
        return went


def test_row_120_ten_quick_exchanges_pass_and_the_next_is_held() -> None:
    talk = Talk()
    assert talk.mail(0)
    assert talk.quick(MOST + 1) == [True] * MOST + [False]
    assert not talk.mail(1), "and so is all that follows"
    assert not talk.mail(WITHIN / 2)
    assert talk.mail(WITHIN), "until it is over"


def test_row_120_a_loop_that_goes_on_is_held_again() -> None:
    talk = Talk()
    talk.mail(0)
    talk.quick(MOST + 1)
    talk.now += WITHIN
    assert talk.mail(0)
    assert talk.quick(MOST + 1) == [True] * MOST + [False]


@pytest.mark.parametrize(("phone_after", "author_after"), [(QUICK + 1, 1), (1, QUICK + 1), (QUICK + 1, QUICK + 1)])
def test_row_120_people_chatting_slower_are_never_held(phone_after: float, author_after: float) -> None:
    talk = Talk()
    talk.mail(0)
    for _ in range(200):
        talk.sms(phone_after)
        assert talk.mail(author_after)


def test_row_120_at_just_a_minute_it_is_still_quick() -> None:
    talk = Talk()
    talk.mail(0)
    went = []
    for _ in range(MOST + 1):
        talk.sms(QUICK)
        went.append(talk.mail(QUICK))
    assert went == [True] * MOST + [False]


def test_row_120_a_person_who_is_now_and_then_quick_is_not_held() -> None:
    talk = Talk()
    talk.mail(0)
    for _ in range(50):
        assert all(talk.quick(3))
        assert talk.mail(WITHIN / 3)


@pytest.mark.parametrize("one_sided", ["mails", "texts"])
def test_row_120_one_side_alone_is_no_exchange(one_sided: str) -> None:
    """A storm of alarms that nobody answers, and somebody who writes a hundred SMS in a row."""
    talk = Talk()
    talk.mail(0)
    for _ in range(100):
        if one_sided == "mails":
            assert talk.mail(1)
        else:
            talk.sms(0.5)
    assert talk.mail(QUICK + 1)


def test_row_120_a_phone_that_writes_first_begins_no_exchange() -> None:
    talk = Talk()
    for _ in range(50):
        talk.sms(QUICK + 1)
        assert talk.mail(1)


def test_row_120_each_pair_is_counted_alone() -> None:
    talk = Talk()
    talk.mail(0)
    talk.quick(MOST + 1)
    assert not talk.mail(1)
    assert talk.mail(0, phone="436600000002")
    assert talk.mail(0, author="anna@example.org")


def test_row_120_a_machine_that_writes_from_a_new_detail_each_time_is_one_author() -> None:
    talk = Talk()
    talk.mail(0, "bounce+M0-1@sms.example.org")
    went = []
    for number in range(MOST + 1):
        talk.sms(1)
        went.append(talk.mail(1, f"bounce+M{number}-1@sms.example.org"))
    assert went == [True] * MOST + [False]


def test_row_120_many_loops_at_once_between_two_are_seen_as_fast() -> None:
    """After an outage fifty SMS go at once, and all are answered at once."""
    talk = Talk()
    for _ in range(50):
        talk.mail(0.01)
    for _ in range(50):
        talk.sms(0.01)
    assert [talk.mail(0.01) for _ in range(50)].count(True) == MOST


def test_row_120_what_is_held_was_not_sent() -> None:
    """After it was held the phone has nothing to answer: an SMS of its owner is his own."""
    talk = Talk()
    talk.mail(0)
    talk.quick(MOST + 1)
    talk.now += WITHIN - 20
    talk.sms(1)
    talk.now += 30
    assert talk.mail(0)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchanges, "_MOST_PAIRS", 100)
    monkeypatch.setattr(exchanges, "_MOST_AUTHORS", 5)
    talk = Talk()
    for number in range(1000):
        talk.mail(0.001, author=f"{number}@example.org", phone=str(number % 50))
    sizes = [len(authors) for authors in talk.exchanges._phones.values()]
    assert sum(sizes) == talk.exchanges._pairs <= 100
    assert max(sizes) <= 5
    talk.quick(MOST + 1)
    for number in range(1000):
        talk.mail(0, author="a@example.org", phone=str(number))
    assert talk.mail(0), "what is forgotten passes"


@given(st.lists(st.tuples(st.booleans(), st.floats(-5000, 5000)), max_size=80))
def test_whatever_the_clock_does_there_is_an_answer(steps: list[tuple[bool, float]]) -> None:
    talk = Talk()
    for is_mail, after in steps:
        talk.mail(after) if is_mail else talk.sms(after)
    talk.now += 10 * WITHIN + 5000 * len(steps)
    assert talk.mail(0)
