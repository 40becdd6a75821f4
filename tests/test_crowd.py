"""Who is let in to an HTTP listener, and whose turn the next one is where several processes stand behind it."""

import os
from dataclasses import replace
from ipaddress import ip_network

import pytest

from bridge.census import Census, shared
from bridge.crowd import Bounds, Crowd, place

FEW = Bounds(connections=4, per_address=3)
PROXY = "198.51.100.1"


def crowds(number: int, bounds: Bounds = FEW) -> list[Crowd]:
    """Those of so many processes that count together."""
    descriptor = shared(number)
    rows = [Census(descriptor, rows=number, row=row) for row in range(number)]
    os.close(descriptor)
    return [Crowd(bounds, lambda: (ip_network(PROXY),), census) for census in rows]


def test_the_bounds_of_the_contract() -> None:
    assert Bounds() == Bounds(header_within=10.0, connections=100, per_address=10, spare_loopback=True)


def test_one_address_of_ipv6_is_a_whole_network() -> None:
    assert place("2001:db8:0:1::1") == place("2001:db8:0:1:ffff::2%eth0") != place("2001:db8:0:2::1")
    assert place("192.0.2.1") != place("192.0.2.2")
    assert place("::ffff:192.0.2.1") != place("::ffff:192.0.2.2")


async def test_one_address_is_counted_over_all_processes_and_the_whole_by_each() -> None:
    first, second = crowds(2)
    assert [first.enter("192.0.2.1"), second.enter("192.0.2.1"), second.enter("192.0.2.1")] == [True] * 3
    assert [first.enter("192.0.2.1"), second.enter("192.0.2.1")] == [False] * 2
    assert [second.enter(f"192.0.2.{number}") for number in (2, 3, 4)] == [True, True, False]
    second.leave("192.0.2.1", counted=True)
    assert first.enter("192.0.2.1")


@pytest.mark.parametrize("peer", [PROXY, "127.0.0.1", "::1", "", f"::ffff:{PROXY}"])
async def test_who_is_spared_is_let_in_beyond_all_bounds(peer: str) -> None:
    (crowd,) = crowds(1)
    assert [crowd.enter(peer) for _ in range(9)] == [None] * 9
    for _ in range(9):
        crowd.leave(peer, counted=False)
    assert crowd.enter("192.0.2.1")


def test_who_is_spared_has_his_turn_at_the_process_with_fewer() -> None:
    both = first, second = crowds(2)
    assert [crowd.lead() > 0 for crowd in both] == [False, False]
    second.enter(PROXY)
    assert [crowd.lead() > 0 for crowd in both] == [False, True]
    first.enter(PROXY)
    assert [crowd.lead() > 0 for crowd in both] == [True, False]
    taken = [1, 1]
    for _ in range(40):  # far more than strangers may be, and the first goes on having fewer
        which = int(first.lead() > 0)
        both[which].enter(PROXY)
        taken[which] += 1
    assert taken[0] < taken[1] / 2


async def test_strangers_find_every_place() -> None:
    both = crowds(2, replace(FEW, per_address=1))
    came = 0
    for number in range(2 * FEW.connections):
        (taker, *_) = [crowd for crowd in both if not crowd.lead()]
        came += taker.enter(f"192.0.2.{number + 1}") is True
    assert came == 2 * FEW.connections
    assert [crowd.lead() > 0 for crowd in both] == [False, False]
    assert [crowd.enter("203.0.113.1") for crowd in both] == [False, False]
