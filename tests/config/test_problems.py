"""How a problem is said: where, what, what would be right; in which order; and what is never repeated."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.config.problems import Collector, ConfigError, Problem, did_you_mean, printable, shown


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (Problem(file="a.toml", message="is empty"), "a.toml: is empty"),
        (Problem(file="a.toml", line=3, message="is empty"), "a.toml:3: is empty"),
        (Problem(file="a.toml", key="x.y", message="is missing"), "a.toml: x.y: is missing"),
        (
            Problem(file="a.toml", line=3, key="x", message="is no number", hint="write 5"),
            "a.toml:3: x: is no number; write 5",
        ),
    ],
)
def test_a_problem_in_one_line(problem: Problem, said: str) -> None:
    assert str(problem) == said


def test_a_problem_does_not_change() -> None:
    problem = Problem(file="a.toml", message="is empty")
    with pytest.raises(dataclasses.FrozenInstanceError):
        problem.line = 4  # type: ignore[misc] # that is the test
    assert not hasattr(problem, "__dict__")
    assert problem == Problem(file="a.toml", message="is empty")


def test_an_error_holds_all_problems_and_says_one_a_line() -> None:
    problems = [Problem(file="a.toml", line=n, message="no") for n in (1, 2)]
    error = ConfigError(iter(problems))
    assert error.problems == tuple(problems)
    assert str(error) == "a.toml:1: no\na.toml:2: no"


def test_problems_come_file_by_file_in_the_order_of_reading_and_line_by_line() -> None:
    collector = Collector()
    collector.read("bridge.toml")
    collector.read("routes.toml")
    for file, line, message in (
        ("routes.toml", 1, "e"),
        ("users", 1, "g"),
        ("bridge.toml", 12, "c"),
        ("bridge.toml", 2, "b"),
        ("routes.toml", None, "d"),
        ("bridge.toml", None, "a"),
        ("routes.toml", 9, "f"),
    ):
        collector.problem(Problem(file=file, line=line, message=message))
    assert [problem.message for problem in collector.problems] == list("abcdefg")


def test_the_same_is_said_once_and_warnings_are_kept_apart() -> None:
    collector = Collector()
    for _ in range(2):
        collector.problem(Problem(file="a", line=1, message="wrong"))
        collector.warning(Problem(file="a", line=1, message="doubtful"))
    assert [one.message for one in collector.problems] == ["wrong"]
    assert [one.message for one in collector.warnings] == ["doubtful"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("x", "«x»"),
        (5, "«5»"),
        (True, "«True»"),
        (None, "«None»"),
        ("anna@example.com", "«anna@example.com»"),
        ("user:anna@example.com", "«user:anna@example.com»"),
        ("a\x1b[2Jb\n\u202e", "«a\ufffd[2Jb\ufffd\ufffd»"),
        ("x" * 60, "«" + "x" * 60 + "»"),
        ("x" * 61, "«" + "x" * 59 + "…»"),
        (["made-up"], "this"),
        ({"made-up": 1}, "this"),
        ("https://example.com/made-up", "this"),
        ("anna:made-up@example.com", "this"),
        ("$argon2id$made-up", "this"),
    ],
)
def test_how_a_value_is_quoted(value: object, said: str) -> None:
    assert shown(value) == said


def test_a_number_python_does_not_write_is_not_quoted() -> None:
    assert shown(10**5000) == "this number"


@settings(deadline=None)
@given(st.text() | st.integers() | st.floats() | st.dates())
def test_a_quoted_value_is_short_and_does_nothing_to_a_terminal(value: object) -> None:
    found = shown(value)
    assert found.isprintable()
    assert len(found) <= 62


@settings(deadline=None)
@given(st.text(max_size=100))
def test_printable_keeps_what_can_be_shown(text: str) -> None:
    found = printable(text)
    assert found.isprintable()
    if text.isprintable() and len(text) <= 60:
        assert found == text


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("lissten", 'did you mean "listen"?'),
        ("LISTEN", 'did you mean "listen"?'),
        ("rates", 'did you mean "rate"?'),
        ("colour", "known are listen, rate"),
        ("", "known are listen, rate"),
        ("x" * 100_000, "known are listen, rate"),
    ],
)
def test_near_misses(name: str, hint: str) -> None:
    assert did_you_mean(name, iter(["listen", "rate"])) == hint
