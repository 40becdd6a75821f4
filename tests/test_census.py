"""Connections by address, counted over processes."""

import os

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
