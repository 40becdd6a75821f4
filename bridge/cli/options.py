"""What every command uses: `--config`, `--json`, the event loop, how times are shown and read."""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

# Controls that JSON may hold as they are, and what turns the direction of a line. All below U+10000.
_ESCAPED = re.compile("[\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff]")

DEFAULT_CONFIG = Path("/etc/smsbridge/bridge.toml")


def with_config(command: F) -> F:
    """The option every command takes."""
    return click.option(
        "--config",
        "-c",
        "config_path",
        type=click.Path(path_type=Path),
        is_eager=True,  # known when ids are completed
        default=DEFAULT_CONFIG,
        show_default=True,
        help="The configuration file.",
    )(command)


def with_json(command: F) -> F:
    """The option of every command that prints."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs instead of text for people.")(
        command
    )


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run on uvloop where it is installed, else on asyncio's own loop."""
    try:
        import uvloop  # noqa: PLC0415  # optional, and only a running command needs it
    except ImportError:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def print_json(value: object, *, err: bool = False) -> None:
    """JSON for programs: UTF-8, indented. What could do something to a terminal is escaped, which JSON leaves free."""
    shown = json.dumps(value, ensure_ascii=False, indent=2)
    click.echo(_ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", shown), err=err)


class Failed(click.ClickException):
    """What was asked for could not be done: a sentence, which may quote a stranger; the exit code is 1."""

    def show(self, file: Any = None) -> None:
        say(self.message, err=True)


def say(line: str, *, err: bool = False) -> None:
    """One line for people, whatever a phone or a stranger's server wrote into it."""
    click.echo("".join(character if character.isprintable() else " " for character in line), err=err)


def readable(_context: click.Context, _parameter: click.Parameter, value: Any) -> Any:
    """The callback of an argument with ids: octets that are no UTF-8 lead nowhere, and stop nothing."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return tuple(each.encode("utf-8", "replace").decode() for each in value)


def utc(at: float | None) -> str | None:
    """A time as RFC 3339 UTC."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


if TYPE_CHECKING:
    _Type = click.ParamType[float]
else:
    _Type = click.ParamType  # generic only since click 8.5


class Moment(_Type):
    """A time: RFC 3339, a date or a date with a time of this machine's zone, or so long ago (``90m``, ``3d``)."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Unix seconds."""
        if isinstance(value, float):
            return value
        try:
            if ago := _AGO.fullmatch(value.strip()):
                unit = _UNITS[ago[2]]
                return (datetime.now(UTC) - timedelta(**{unit: int(ago[1])})).timestamp()
            return datetime.fromisoformat(value.strip()).timestamp()
        except (ValueError, OverflowError, OSError):
            self.fail(
                f"{value!r} is no time: write 2026-03-01, 2026-03-01T14:30, 2026-03-01T14:30:00Z, 90m or 3d", param, ctx
            )


_AGO = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
