"""How fast calls may start: halved at a complaint, a tenth more for each quiet minute, never slower than it must be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.delivery.pace import QUIET, RISE, SLOWEST, Pace


def running(pace: Pace, now: float, seconds: float, *, bears: float | None = None) -> tuple[int, int, float]:
    """Calls as fast as the pace lets them for `seconds`: how many, complaints among them, and the time then.

    `bears`: calls a second that the provider bears, counted over the last second.
    """
    end, starts, complaints = now + seconds, [], 0
    while now < end:
        now += max(pace.wait(now), 0.01)
        pace.started(now)
        starts.append(now)
        if bears is not None and sum(at > now - 1.0 for at in starts) > bears:
            complaints += 1
            pace.complained(now)
    return len(starts), complaints, now


def test_without_a_complaint_there_is_no_limit() -> None:
    pace = Pace()
    assert pace.limit == 0
    assert all(pace.wait(now / 100) == 0 for now in range(100))


def test_what_is_configured_is_kept() -> None:
    pace = Pace(10.0)
    calls, _, _ = running(pace, 0.0, 10.0)
    assert 95 <= calls <= 105


def test_a_complaint_halves_what_went() -> None:
    pace = Pace()
    for number in range(40):
        pace.started(100.0 + number * 0.025)
    pace.complained(101.0)
    assert pace.limit == pytest.approx(20.0, abs=1)
    pace.complained(101.5)
    assert pace.limit == pytest.approx(20.0, abs=1), "calls that were under way say nothing new"
    pace.complained(103.0)
    assert pace.limit == pytest.approx(10.0, abs=1)


def test_it_rises_by_a_tenth_for_each_quiet_minute_until_it_is_no_limit() -> None:
    pace = Pace()
    for number in range(10):
        pace.started(number * 0.1)
    pace.complained(1.0)
    first = pace.limit
    assert pace.wait(1.0 + QUIET) >= 0
    assert pace.limit == pytest.approx(first * RISE)
    pace.wait(1.0 + 3 * QUIET)
    assert pace.limit == pytest.approx(first * RISE**3)
    pace.wait(1.0 + 60 * QUIET)
    assert pace.limit == 0


def test_it_settles_below_what_the_provider_bears() -> None:
    pace = Pace()
    calls, complaints, now = running(pace, 0.0, 3600.0, bears=5)
    assert complaints <= 40, "a few an hour, while it feels for the limit"
    assert calls > 3600 * 5 * 0.5, "and it is used to more than half"
    calls, complaints, _ = running(pace, now, 600.0, bears=5)
    assert complaints <= 7


def test_a_provider_that_always_complains_is_still_tried() -> None:
    pace = Pace()
    now = 0.0
    for _ in range(50):
        now += pace.wait(now) + 0.001
        pace.started(now)
        pace.complained(now)
        now += 1.0
    assert pace.limit == SLOWEST
    assert pace.wait(now) <= 1 / SLOWEST


@given(st.lists(st.tuples(st.sampled_from(["start", "complain"]), st.floats(0, 100)), max_size=60), st.floats(0, 50))
def test_nobody_ever_waits_longer_than_the_slowest_pace_asks(
    events: list[tuple[str, float]], configured: float
) -> None:
    pace = Pace(configured)
    now = 0.0
    for what, later in events:
        now += later
        wait = pace.wait(now)
        slowest = min([limit for limit in (configured, SLOWEST) if limit > 0])
        assert 0 <= wait <= 1 / slowest + 1e-6
        if what == "complain":
            pace.complained(now)
        elif wait == 0:
            pace.started(now)
