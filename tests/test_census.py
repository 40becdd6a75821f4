"""Connections by address, counted over processes."""

import os

import pytest

from bridge.census import Census, shared


def test_all_that_share_a_memory_count_together_and_each_its_own() -> None:
    descriptor = shared(2)
    try:
        first, second = (Census(descriptor, rows=2, row=row) for row in range(2))
    finally:
        os.close(descriptor)
    first.enter("192.0.2.1")
    second.enter("192.0.2.1")
    second.enter("192.0.2.1")
    assert (first.of("192.0.2.1"), second.of("192.0.2.1")) == (3, 3)
    second.leave("192.0.2.1")
    first.leave("192.0.2.1")
    assert (first.of("192.0.2.1"), second.of("192.0.2.1")) == (1, 1)


def test_one_that_is_alone_needs_nobody() -> None:
    census = Census()
    census.enter("192.0.2.1")
    assert census.of("192.0.2.1") == 1
    census.leave("192.0.2.1")
    assert census.of("192.0.2.1") == 0


@pytest.mark.parametrize(
    ("first", "second", "most", "leads"),
    [
        (0, 0, 9, (0, 0)),
        (1, 0, 9, (5, 0)),
        (1, 2, 9, (3, 0)),
        (1, 5, 9, (0, 0)),
        (1, 6, 9, (0, 1)),
        (4, 9, 9, (0, 5)),  # the other is full: now each has as much room as the other
        (9, 9, 9, (0, 0)),
    ],
)
def test_whoever_has_more_leads(first: int, second: int, most: int, leads: tuple[int, int]) -> None:
    descriptor = shared(2)
    both = [Census(descriptor, rows=2, row=row) for row in range(2)]
    os.close(descriptor)
    for census, count in zip(both, (first, second), strict=True):
        for _ in range(count):
            census.enter("clients")
    assert tuple(census.lead("clients", most) for census in both) == leads


def test_who_is_alone_never_leads() -> None:
    census = Census()
    census.enter("clients")
    assert census.lead("clients", 1) == 0
