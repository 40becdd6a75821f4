"""How times, spans and numbers are written."""

import re

import pytest

from bridge.console.show import STATIC, phone, span, static_files, when

NOW = 1_800_000_000.0


def test_times_are_for_people_and_for_programs() -> None:
    shown = str(when("de", NOW))
    assert re.fullmatch(r'<time datetime="([\dT:-]+Z)" title="\1">\d\d\.\d\d\. \d\d:\d\d:\d\d</time>', shown)
    assert re.search(r">\d{1,2} Jan \d\d:\d\d:\d\d<", str(when("en", NOW)))
    assert when("en", None) == "–"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "0 s"), (0.4, "0 s"), (59, "59 s"), (3600, "1 h"), (3660, "1 h 1 min"), (90061, "1 d 1 h"), (86460, "1 d")],
)
def test_spans_in_two_units(seconds: float, said: str) -> None:
    assert span(seconds) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [("436600000001", "+43\xa0660\xa00000001"), ("4711", "4711"), ("anna@example.org", "anna@example.org"), ("", "")],
)
def test_numbers_are_never_broken_in_two(number: str, said: str) -> None:
    assert phone(number) == said


def test_what_is_served_as_it_is_comes_from_here() -> None:
    files = static_files()
    assert set(files) == set(STATIC)
    outside = re.compile(rb"(?:https?:)?//(?!www\.w3\.org/2000/svg)[a-z]", re.IGNORECASE)
    assert [name for name, (_, octets) in files.items() if outside.search(octets)] == []
    assert len(files["console.js"][1].splitlines()) < 100
