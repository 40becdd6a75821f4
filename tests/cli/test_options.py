"""What every command uses: the configuration's place, JSON, times, the loop."""

import asyncio
import json

import click
import pytest

from bridge.cli.options import DEFAULT_CONFIG, print_json, run, utc, with_config, with_json


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
