"""Texts, numbers, durations, sizes, rates, files: what is read, and what is said of what cannot be."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.config import Rate, values
from tests.config import setup

FOREVER = values.duration("0s", "999999999d")
ANY_SIZE = values.size(0, 2**70)
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@pytest.mark.parametrize(
    ("written", "seconds"), [("0s", 0.0), ("90s", 90.0), ("15m", 900.0), ("72h", 259_200.0), ("007d", 604_800.0)]
)
def test_durations(written: str, seconds: float) -> None:
    assert FOREVER(written, setup.place()) == seconds


@settings(deadline=None)
@given(st.integers(0, 999_999_999), st.sampled_from(sorted(UNITS)))
def test_every_duration_is_its_number_of_units(count: int, unit: str) -> None:
    assert FOREVER(f"{count}{unit}", setup.place()) == timedelta(**{UNITS[unit]: count}).total_seconds()


@pytest.mark.parametrize(
    "value",
    [
        "",
        "90",
        "s",
        "1.5h",
        "-1s",
        "1 h",
        "1H",
        "1w",
        "1h30m",
        "１s",
        "1s\n",
        "9999999999s",
        90,
        1.5,
        True,
        None,
        ["1s"],
    ],
)
def test_what_is_no_duration(value: object) -> None:
    assert setup.refusal(FOREVER, value).message.endswith("is not a duration")


def test_the_bounds_of_a_duration_are_inside_and_are_named() -> None:
    reader = values.duration("1m", "72h")
    assert [reader(value, setup.place()) for value in ("60s", "1m", "3d")] == [60.0, 60.0, 259_200.0]
    for value in ("59s", "0s", "259201s", "4d"):
        error = setup.refusal(reader, value)
        assert error.message == f"«{value}» is out of range"
        assert error.hint == 'write something from "1m" to "72h"'


@settings(deadline=None)
@given(st.integers(0, 999_999_999), st.sampled_from(["KiB", "MiB", "GiB"]))
def test_every_size_is_its_number_of_units(count: int, unit: str) -> None:
    power = {"KiB": 10, "MiB": 20, "GiB": 30}[unit]
    assert ANY_SIZE(f"{count}{unit}", setup.place()) == count << power


@pytest.mark.parametrize(
    "value", ["", "1", "1MB", "1M", "1 MiB", "1mib", "1.5MiB", "-1KiB", "1KiB\n", 1024, True, None]
)
def test_what_is_no_size(value: object) -> None:
    assert setup.refusal(ANY_SIZE, value).message.endswith("is not a size")


def test_the_bounds_of_a_size_are_inside_and_are_named_in_their_largest_unit() -> None:
    reader = values.size(16 * 1024, 64 * 1024**2)
    assert [reader(value, setup.place()) for value in ("16KiB", "64MiB")] == [16_384, 67_108_864]
    for value in ("15KiB", "65MiB", "1GiB"):
        assert setup.refusal(reader, value).hint == 'write something from "16KiB" to "64MiB"'


def test_rates_of_a_configuration(tmp_path: Path) -> None:
    from bridge import config

    text = '[limits]\nsender = "0"\nrecipient = 0\nroute = "5/h"\ntotal = "1000/d"\n'
    limits = config.load(setup.edited(tmp_path, bridge=text), {}).settings.limits
    assert limits.sender.count == limits.recipient.count == 0
    assert (limits.route, limits.total) == (Rate(count=5, seconds=3600.0), Rate(count=1000, seconds=86400.0))


@settings(deadline=None)
@given(st.integers(1, 999_999_999), st.sampled_from(sorted(UNITS)))
def test_every_rate_is_its_count_in_one_unit(count: int, unit: str) -> None:
    expected = Rate(count=count, seconds=timedelta(**{UNITS[unit]: 1}).total_seconds())
    assert values.rate(f"{count}/{unit}", setup.place()) == expected


@pytest.mark.parametrize(
    "value",
    ["", "60", "0/s", "000/m", "60/w", "60/", "/m", "-1/s", "1.5/s", "60/m\n", "60 /m", "00", 60, 0.0, False, None],
)
def test_what_is_no_rate(value: object) -> None:
    assert setup.refusal(values.rate, value).message.endswith("is not a rate")


@pytest.mark.parametrize(("value", "calls"), [(0, 0.0), (10, 10.0), (0.5, 0.5), (10_000, 10_000.0)])
def test_calls_a_second(value: object, calls: float) -> None:
    found = values.calls_a_second(value, setup.place())
    assert (found, type(found)) == (calls, float)


@pytest.mark.parametrize("value", [True, "10", None, -0.1, 10_000.5, float("nan"), float("inf"), 10**400])
def test_what_is_no_number_of_calls(value: object) -> None:
    setup.refusal(values.calls_a_second, value)


def test_integers() -> None:
    reader = values.integer(1, 9)
    assert [reader(value, setup.place()) for value in (1, 9)] == [1, 9]
    for value in (True, False, "5", 5.0, None, [5]):
        assert setup.refusal(reader, value).message == "this must be a whole number"
    for number in (0, 10, -1, 10**5000):
        assert setup.refusal(reader, number).hint == "write a number from 1 to 9"


def test_a_number_too_long_to_be_written_is_not_repeated() -> None:
    assert setup.refusal(values.integer(1, 9), 10**5000).message == "this number is out of range"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (5, "must be text"),
        (None, "must be text"),
        (True, "must be text"),
        ("", "empty"),
        (" \t", "empty"),
        ("\u00a0", "empty"),
        ("a\nb", "control"),
        ("a\x00", "control"),
        ("a\x1b[31m", "control"),
        ("a\u2028b", "control"),
        ("a\u202eb", "control"),
    ],
)
def test_what_is_no_text(value: object, says: str) -> None:
    error = setup.refusal(values.text, value)
    assert says in error.message
    assert "\x1b" not in error.message + error.hint


@pytest.mark.parametrize("value", ["a", " a ", "größe", "😀", "$HOME", "a\\b"])
def test_texts_stay_as_they_are(value: str) -> None:
    assert values.text(value, setup.place()) == value


@pytest.mark.parametrize("value", [0, 1, "true", "yes", None, []])
def test_only_true_and_false_are_either(value: object) -> None:
    assert (values.boolean(True, setup.place()), values.boolean(False, setup.place())) == (True, False)
    assert setup.refusal(values.boolean, value).message == "this must be true or false"


def test_paths_start_at_the_configuration(tmp_path: Path) -> None:
    here = setup.place(tmp_path)
    assert values.path("sub/x.pem", here) == tmp_path / "sub" / "x.pem"
    assert values.path("/srv/x.pem", here) == Path("/srv/x.pem")
    assert values.secret_path("token", here) == tmp_path / "token"
    setup.refusal(values.path, "a\nb")
    setup.refusal(values.secret_path, "")
