"""The clock that nobody can set."""

import time

import pytest

from bridge.daemon.steady import STEP, Steady

DAY = 86400.0


class Machine:
    """Its time of day, which can be set, and how long it has been on, which cannot."""

    def __init__(self) -> None:
        self.day = 1_800_000_000.0
        self.on = 1000.0

    def passes(self, seconds: float) -> None:
        self.day += seconds
        self.on += seconds


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def clock(machine: Machine) -> Steady:
    return Steady(lambda: machine.day, lambda: machine.on)


def test_it_is_the_time_of_day(machine: Machine, clock: Steady) -> None:
    machine.passes(5.0)
    assert clock() == machine.day
    assert clock.step() == 0.0
    assert abs(Steady()() - time.time()) < 1.0


@pytest.mark.parametrize("step", [2 * DAY, -2 * DAY, STEP + 1, -STEP - 1])
def test_row_78_a_clock_that_is_set_moves_nothing_until_it_is_followed(
    machine: Machine, clock: Steady, step: float
) -> None:
    before = clock()
    machine.day += step
    machine.passes(3.0)
    assert clock() == before + 3.0
    assert clock.step() == clock.step() == step
    clock.follow(step)
    assert clock() == machine.day
    assert clock.step() == 0.0


@pytest.mark.parametrize("step", [STEP - 1, 1.0, -1.0, -STEP + 1])
def test_small_corrections_are_followed_at_once(machine: Machine, clock: Steady, step: float) -> None:
    machine.day += step
    assert clock.step() == 0.0
    assert clock() == machine.day
