"""Turns at being checked: a share for everybody, and none that is not given back."""

from contextlib import ExitStack

import pytest

from bridge.smtpd.turns import OF_ONE_PLACE, TURNS, NoTurn, Turns


def test_one_place_gets_its_share_and_leaves_the_rest_to_others() -> None:
    turns = Turns()
    with ExitStack() as held:
        for _ in range(OF_ONE_PLACE):
            held.enter_context(turns.turn("192.0.2.1"))
        with pytest.raises(NoTurn), turns.turn("192.0.2.1"):
            pass
        held.enter_context(turns.turn("192.0.2.2"))
    with ExitStack() as held:  # they came back
        for _ in range(OF_ONE_PLACE):
            held.enter_context(turns.turn("192.0.2.1"))


def test_the_second_half_is_for_places_that_have_none() -> None:
    turns = Turns()
    with ExitStack() as held:
        for number in range(TURNS // 2):
            held.enter_context(turns.turn(f"192.0.2.{number // OF_ONE_PLACE}"))
        with pytest.raises(NoTurn), turns.turn("192.0.2.1"):
            pass
        for number in range(TURNS // 2):
            held.enter_context(turns.turn(f"198.51.100.{number}"))
        with pytest.raises(NoTurn), turns.turn("198.51.100.200"):
            pass


def test_a_check_that_breaks_gives_its_turn_back() -> None:
    turns = Turns()
    for _ in range(TURNS * 2):
        with pytest.raises(ValueError), turns.turn("192.0.2.1"):  # noqa: PT011 - it is raised here
            raise ValueError
