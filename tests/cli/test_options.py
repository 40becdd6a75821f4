"""What every command uses: the configuration's place, JSON, times, the loop."""

import asyncio
import json
import time

import click
import pytest

from bridge.cli.options import DEFAULT_CONFIG, Moment, print_json, run, utc, with_config, with_json


@click.command()
@with_config
@with_json
def command(config_path: object, as_json: bool) -> None:
    """A command that says what it was given."""
    click.echo(f"{config_path} {as_json}")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], f"{DEFAULT_CONFIG} False"),
        (["--config", "x.toml"], "x.toml False"),
        (["-c", "x.toml", "--json"], "x.toml True"),
    ],
)
def test_the_options(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    command.main(arguments, standalone_mode=False)
    assert capsys.readouterr().out == said + "\n"


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (0.0, "1970-01-01T00:00:00Z"),
        (1_800_000_000.9, "2027-01-15T08:00:00Z"),
        (None, None),
    ],
)
def test_times_are_rfc_3339_in_utc(at: float | None, shown: str | None) -> None:
    assert utc(at) == shown


def test_json_is_utf_8_and_comes_back(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"text": "Grüße 🐢", "none": None, "list": [1, "a"]}
    print_json(value)
    said = capsys.readouterr().out
    assert json.loads(said) == value
    assert "Grüße 🐢" in said


def test_a_coroutine_is_run_to_its_end_and_its_error_comes_out() -> None:
    async def answer() -> int:
        await asyncio.sleep(0)
        return 7

    async def broken() -> int:
        raise ZeroDivisionError

    assert run(answer()) == 7
    with pytest.raises(ZeroDivisionError):
        run(broken())


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2027-01-15T08:00:00Z", 1_800_000_000.0),
        ("2027-01-15T09:00:00+01:00", 1_800_000_000.0),
        ("20270115T080000Z", 1_800_000_000.0),
    ],
)
def test_a_time_that_is_written_whole(written: str, at: float) -> None:
    assert Moment().convert(written, None, None) == at


def test_a_time_of_this_machines_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Etc/GMT-1")
    time.tzset()
    try:
        assert Moment().convert("2027-01-15 09:00", None, None) == 1_800_000_000.0
        assert Moment().convert("2027-01-15", None, None) == 1_800_000_000.0 - 9 * 3600
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_time_that_is_past() -> None:
    before = time.time()
    found = Moment().convert("90m", None, None)
    assert before - 5400 <= found <= time.time() - 5400


@pytest.mark.parametrize("written", ["", "x", "90", "90x", "-3d", "999999d", "2027-13-01", "0000-01-01"])
def test_what_is_no_time(written: str) -> None:
    with pytest.raises(click.UsageError, match="write 2026-03-01"):
        Moment().convert(written, None, None)
