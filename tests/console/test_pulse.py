"""What happened by the minute, read piece by piece."""

from collections.abc import Sequence
from typing import cast

from bridge.console.pulse import DAY, Pulse, spans
from bridge.spool.window import Window

MINUTE = 60.0
NOW = 1_800_000_000.0  # a full minute


class Store:
    """Answers `pulse` from a list of (time, event), and remembers what it was asked."""

    def __init__(self, *events: tuple[float, str]) -> None:
        self.events = list(events)
        self.asked: list[tuple[float, float]] = []

    async def pulse(self, since: float, until: float) -> Sequence[tuple[int, str, int]]:
        self.asked.append((since, until))
        return [(int(at // 60), event, 1) for at, event in self.events if since <= at < until]


async def felt(pulse: Pulse, store: Store, now: float) -> Sequence[int]:
    await pulse.feel(cast("Window", store), now)
    return pulse.series("in", now, minutes=5, bar=1)


async def test_the_first_look_goes_back_a_day_an_hour_at_a_time() -> None:
    pulse, store = Pulse(), Store((NOW - 2 * MINUTE, "queued"), (NOW, "queued"), (NOW, "report"))
    assert list(await felt(pulse, store, NOW)) == [0, 0, 1, 0, 1]
    assert store.asked[0][0] == NOW - DAY * MINUTE
    assert max(until - since for since, until in store.asked) == 3600.0


async def test_later_looks_read_what_is_new_and_what_came_late() -> None:
    pulse, store = Pulse(), Store((NOW, "queued"))
    await felt(pulse, store, NOW)
    store.asked.clear()
    store.events += [(NOW + 1, "queued"), (NOW - MINUTE, "queued")]
    assert list(await felt(pulse, store, NOW + MINUTE)) == [0, 0, 1, 2, 0]
    assert len(store.asked) == 1
    assert store.asked[0][1] - store.asked[0][0] <= 6 * MINUTE


async def test_a_clock_that_was_set_back_starts_over() -> None:
    pulse, store = Pulse(), Store((NOW, "queued"))
    await felt(pulse, store, NOW + 9000)
    assert list(await felt(pulse, store, NOW)) == [0, 0, 0, 0, 1]


async def test_after_a_pause_of_days_only_a_day_is_read() -> None:
    pulse, store = Pulse(), Store()
    await felt(pulse, store, NOW)
    store.asked.clear()
    await felt(pulse, store, NOW + 9 * DAY * MINUTE)
    assert len(store.asked) <= 25


def test_bars_begin_at_round_times_and_end_with_the_present() -> None:
    bars = list(spans(NOW + 7 * MINUTE, 60, 15))
    assert len(bars) == 4
    assert all(bar.start % 15 == 0 for bar in bars)
    assert (NOW + 7 * MINUTE) // 60 in bars[-1]
