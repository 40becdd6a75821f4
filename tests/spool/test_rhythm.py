"""When a batch begins and how much goes into it; with a real disk in test_writer."""

import pytest

from bridge.spool.rhythm import MOST, MOST_QUICK, MOST_TURNS, SLOW, Rhythm


@pytest.fixture
def slow() -> Rhythm:
    rhythm = Rhythm()
    for _ in range(10):
        rhythm.note(4 * SLOW)
    return rhythm


def test_it_is_slow_once_it_was_so_for_a_while() -> None:
    rhythm = Rhythm()
    told = [rhythm.is_slow]
    for seconds in [2 * SLOW] * 10 + [SLOW / 10] * 10:
        rhythm.note(seconds)
        told.append(rhythm.is_slow)
    assert told[:2] == [False, False], "one that stalls is not enough"
    assert told[10]
    assert not told[20]


def test_on_a_fast_disk_a_batch_gathers_while_each_turn_brings_more() -> None:
    rhythm = Rhythm()
    assert rhythm.gathers(0, 1, 0)
    assert rhythm.gathers(5, 6, MOST_TURNS - 1)
    assert not rhythm.gathers(6, 6, 1), "nothing came"
    assert not rhythm.gathers(5, 6, MOST_TURNS)
    assert not rhythm.gathers(5, MOST_QUICK, 1), "it is full"


def test_on_a_slow_disk_nothing_gathers(slow: Rhythm) -> None:
    assert not slow.gathers(0, 1, 0)


@pytest.mark.parametrize(("quick", "most"), [(True, MOST_QUICK), (False, MOST)])
def test_on_a_fast_disk_all_that_waits_is_committed_up_to_a_bound(quick: bool, most: int) -> None:
    rhythm = Rhythm()
    assert [rhythm.share(waiting, quick=quick) for waiting in (1, 40, most, 2 * most)] == [1, 40, most, most]


def test_on_a_slow_disk_a_crowd_is_halved_and_stays_so(slow: Rhythm) -> None:
    waiting, shares = 50, []
    for _ in range(8):
        shares.append(slow.share(waiting, quick=True))
        waiting = 50 - shares[-1]  # who was answered comes again during the next commit
    assert shares == [25, 25, 25, 25, 25, 25, 25, 25]


def test_on_a_slow_disk_a_lone_one_does_not_wait(slow: Rhythm) -> None:
    assert [slow.share(1, quick=True) for _ in range(3)] == [1, 1, 1]


def test_on_a_slow_disk_a_burst_is_committed_soon(slow: Rhythm) -> None:
    waiting, commits = 1000, 0
    while waiting:
        waiting -= slow.share(waiting, quick=False)
        commits += 1
    assert commits <= 4
