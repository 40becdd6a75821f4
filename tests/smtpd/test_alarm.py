"""One timer whose deadline moves: it rings once, never early, and winding it costs nothing."""

import asyncio
import weakref
from collections.abc import Callable
from typing import Any, cast

import pytest

from bridge.smtpd.alarm import FOREVER, Alarm


class Handle:
    """A timer of `Loop`."""

    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """The two methods of an event loop that an alarm uses, with a clock that the test turns."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.wound = 0
        self._timers: list[tuple[float, Callable[[], None], Handle]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, call: Callable[[], None]) -> Handle:
        self.wound += 1
        handle = Handle()
        self._timers.append((when, call, handle))
        return handle

    def turn(self, seconds: float) -> None:
        """Time passes, and what falls due meanwhile is called at its own time."""
        end = self.now + seconds
        while due := [timer for timer in self._timers if timer[0] <= end and not timer[2].cancelled]:
            first = min(due, key=lambda timer: timer[0])
            self._timers.remove(first)
            self.now = max(self.now, first[0])
            first[1]()
        self.now = end


class Rig:
    def __init__(self) -> None:
        self.loop = Loop()
        self.rang: list[float] = []
        self.extra = 0.0
        self.alarm = Alarm(
            cast("asyncio.AbstractEventLoop", self.loop), lambda: self.rang.append(self.loop.now), lambda: self.extra
        )


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_it_rings_once_at_its_deadline(rig: Rig) -> None:
    rig.alarm.set(5)
    rig.loop.turn(4.9)
    assert rig.rang == []
    rig.loop.turn(100)
    assert rig.rang == [1005.0]
    assert rig.alarm.deadline == FOREVER


def test_a_later_deadline_is_only_noted(rig: Rig) -> None:
    rig.alarm.set(5)
    for _ in range(100):
        rig.loop.turn(1)
        rig.alarm.set(5)
    assert rig.rang == []
    assert rig.loop.wound <= 1 + 100 / 4  # a hundred commands, but no timer for each
    rig.loop.turn(10)
    assert rig.rang == [1105.0]


def test_an_earlier_deadline_counts_at_once(rig: Rig) -> None:
    rig.alarm.set(300)
    rig.alarm.set(2)
    rig.loop.turn(300)
    assert rig.rang == [1002.0]


def test_what_is_to_be_added_is_asked_when_it_matters(rig: Rig) -> None:
    rig.alarm.set(5)
    rig.loop.turn(4)
    rig.extra = 10
    rig.loop.turn(6)
    assert rig.rang == []
    rig.loop.turn(6)
    assert rig.rang == [1015.0]


def test_it_need_not_ring(rig: Rig) -> None:
    rig.alarm.set(5)
    rig.alarm.set_at(FOREVER)
    rig.loop.turn(1e6)
    assert rig.rang == []
    rig.alarm.set(1)
    rig.loop.turn(1)
    assert len(rig.rang) == 1


def test_once_stopped_it_never_rings_again(rig: Rig) -> None:
    rig.alarm.set(5)
    rig.alarm.stop()
    rig.alarm.stop()  # twice is no error
    rig.loop.turn(1e6)
    rig.alarm.set(1)
    rig.loop.turn(1)
    assert rig.rang == []


def test_stopped_it_keeps_nobody(rig: Rig) -> None:
    """A session and its alarm must not be a circle, which only the collector of garbage would find."""
    owner = Handle()
    kept = weakref.ref(owner)
    alarm = Alarm(cast("asyncio.AbstractEventLoop", rig.loop), owner.cancel, lambda: 0.0)
    alarm.set(5)
    alarm.stop()
    del owner
    assert kept() is None


async def test_it_rings_on_a_real_loop() -> None:
    rang: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    alarm = Alarm(asyncio.get_running_loop(), lambda: rang.set_result(None), lambda: 0.0)
    alarm.set(0.01)
    await asyncio.wait_for(rang, 20)
