"""`smsbridge conversation`: what was written to a phone and what it wrote, as the phone shows it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bridge.cli.options import Failed, Moment, print_json, say, utc, with_config, with_json
from bridge.cli.spool import with_window
from bridge.cli.terminal import paragraphs, width

if TYPE_CHECKING:
    from bridge.spool.window import Bubble

_SOON = 60.0  # seconds: nothing that comes in meanwhile is missed


@click.command()
@click.argument("number")
@click.option("--before", type=Moment(), help="Only what is older: 2026-03-01, 2026-03-01T14:30:00Z or 3d.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=60, show_default=True, help="At most so many.")
@with_config
@with_json
def conversation(number: str, before: float | None, limit: int, config_path: Path, as_json: bool) -> int:
    """Show the last SMS to and from NUMBER, oldest first.

    The exit code is 1 when there are none. With --json: an array of {"at", "direction" ("out": to the phone, "in": from
    it), "phone", "line", "mailbox", "id", "state", "text"}; an erased text is null.
    """
    from bridge import config, normalize  # noqa: PLC0415  # phone metadata: not for --help

    configuration = config.load(config_path)
    try:
        phone = normalize.line(number, configuration.settings.country)
    except normalize.NotANumber as error:
        raise click.UsageError(f"{number}: {error}") from error
    until = time.time() + _SOON if before is None else before
    found = with_window(configuration, lambda spool: spool.talk(phone, until, limit))[::-1]
    if as_json:
        print_json([_fields(one) for one in found])
        return 0 if found else 1
    if not found:
        raise Failed(f"no SMS to or from +{phone} is known")
    say(_title(phone, configuration.routes.name_of(phone)))
    for one in found:
        for line in _lines(one):
            say(line)
    return 0


def _title(phone: str, name: str | None) -> str:
    return f"+{phone}{f' ({name})' if name else ''}"


def _lines(one: "Bubble") -> Iterator[str]:
    who = f"{'→' if one.outgoing else '←'} {one.mailbox or 'nobody'}"
    over = f" over {one.line}" if one.line else ""
    yield f"{utc(one.at)}  {who}{over}  {one.delivery.state.value}  {one.delivery.id}"
    yield from paragraphs("(erased)" if one.text is None else one.text.strip(), width(), "    ")


def _fields(one: "Bubble") -> dict[str, Any]:
    return {
        "at": utc(one.at),
        "direction": "out" if one.outgoing else "in",
        "phone": one.phone,
        "line": one.line,
        "mailbox": one.mailbox,
        "id": one.delivery.id,
        "state": one.delivery.state.value,
        "text": one.text,
    }
