"""How many notices one addressee gets, by the clock."""

from bridge.config import Rate
from bridge.notices.allowance import EVERY, Allowance
from tests.make import NOW

TWO = Rate(count=2, seconds=3600)


def test_what_is_more_than_the_limit_waits_for_one_list() -> None:
    allowance = Allowance()
    assert [allowance.until("a@example.org", TWO, NOW + second) for second in range(4)] == [
        *(None, None),
        *(NOW + 2 + EVERY, NOW + 2 + EVERY),
    ]
    assert allowance.until("b@example.org", TWO, NOW + 4) is None, "others have their own"
    assert allowance.lists(NOW + 1 + EVERY) == []
    assert allowance.lists(NOW + 2 + EVERY) == ["a@example.org"]


def test_after_a_list_of_few_all_is_as_before() -> None:
    allowance = Allowance()
    for _ in range(3):
        allowance.until("a", TWO, NOW)
    allowance.listed("a", 2, TWO, NOW + EVERY)
    assert allowance.lists(NOW + 9 * EVERY) == []
    assert allowance.until("a", TWO, NOW + EVERY + 1800) is None
    assert allowance.until("a", TWO, NOW + EVERY + 1800) is not None


def test_as_long_as_a_storm_lasts_there_is_a_list_an_hour() -> None:
    allowance = Allowance()
    for _ in range(3):
        allowance.until("a", TWO, NOW)
    allowance.listed("a", 3, TWO, NOW + EVERY)
    assert allowance.until("a", TWO, NOW + 2 * EVERY - 1) == NOW + 2 * EVERY
    assert allowance.lists(NOW + 2 * EVERY) == ["a"]


def test_no_limit_is_no_limit() -> None:
    allowance = Allowance()
    assert {allowance.until("a", Rate(), NOW) for _ in range(1000)} == {None}


def test_a_clock_set_back_gives_and_takes_nothing() -> None:
    allowance = Allowance()
    assert allowance.until("a", TWO, NOW) is None
    assert allowance.until("a", TWO, NOW - 10**6) is None
    assert allowance.until("a", TWO, NOW - 10**6) is not None


def test_memory_is_bounded() -> None:
    allowance = Allowance()
    for number in range(30_000):
        allowance.until(f"{number}@example.org", TWO, NOW + number)
    assert len(allowance._accounts) <= 20_000


def test_a_clock_set_back_puts_no_list_off() -> None:
    allowance = Allowance()
    for _ in range(3):
        allowance.until("a", TWO, NOW)
    back = NOW - 10 * EVERY
    assert allowance.until("a", TWO, back) == back + EVERY
    assert allowance.lists(back + EVERY) == ["a"]
