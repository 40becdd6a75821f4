"""`smsbridge forget`: everything about a phone number leaves the spool."""

import time
from dataclasses import dataclass
from pathlib import Path

import click

from bridge.cli.options import print_json, say, with_config, with_json
from bridge.cli.spool import with_spool
from bridge.cli.terminal import ticking
from bridge.message import StoreUnavailable
from bridge.spool.contract import Spool
from bridge.spool.forgetting import Forgotten, Moved, Number
from bridge.spool.forgetting import number as number_of

_TEMPORARY = 75
_SHOWN = 20
_TOO_LARGE = (
    "gone from the spool's tables; traces of it may stay on the disk until those places are written again "
    '(docs/operate.md, "What is kept, and erased")'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    forgotten: Forgotten
    thorough: bool = False


@click.command()
@click.argument("number")
@click.option("--yes", is_flag=True, help="Yes, even what still waits: it is not sent, and nobody is told.")
@with_config
@with_json
def forget(number: str, yes: bool, config_path: Path, as_json: bool) -> int:
    """Erase all that the spool knows of NUMBER: SMS to and from it, their history, what was told of them.

    Not while something for it is under way, unless --yes. Backups, mailboxes and the provider are not reached.
    With --json: {"number", "done", "erased": {table: rows}, "under_way": [{"id", "state"}], "thorough"}.
    """
    wanted, row = _wanted(number, config_path)
    try:
        done = with_spool(
            config_path, lambda spool: ticking("erasing", _forget(spool, wanted, yes=yes), shown=not as_json)
        )
    except Moved:
        raise StoreUnavailable("something for that number went on meanwhile, nothing was erased: try again") from None
    found = done.forgotten
    if as_json:
        under_way = [{"id": name, "state": state.value} for name, state in found.under_way]
        print_json(
            {
                "number": wanted.phone,
                "done": not under_way,
                "erased": dict(found.counts),
                "under_way": under_way,
                "thorough": done.thorough,
            }
        )
    elif not found.under_way:
        told = ", ".join(f"{count} {name}" for name, count in found.counts.items())
        click.echo(f"{wanted.phone}: {told or 'nothing was known of it'}{' erased' if told else ''}")
    if found.under_way:
        _say_what_waits(found)
        return _TEMPORARY if found.calling else 1
    if not done.thorough:
        say(_TOO_LARGE, err=True)
    if row:
        say(f"{row} still names it", err=True)
    return 0


async def _forget(spool: Spool, wanted: Number, *, yes: bool) -> _Done:
    from bridge.spool.sql import SqlSpool  # noqa: PLC0415  # the database: not for --help

    assert isinstance(spool, SqlSpool)  # noqa: S101  # both stores are
    forgotten = await spool.forget(wanted, time.time(), yes=yes)
    if forgotten.under_way:
        return _Done(forgotten=forgotten)
    return _Done(forgotten=forgotten, thorough=await spool.scrub())


def _wanted(given: str, config_path: Path) -> tuple[Number, str]:
    """The number as it is kept and with its other spellings, and the row of the table that names it."""
    from bridge import config, normalize  # noqa: PLC0415  # phone metadata: not for --help

    configuration = config.load(config_path)
    country = configuration.settings.country
    try:
        phone = normalize.line(given, country)  # an SMS may have come from a short code, too
    except normalize.NotANumber as error:
        raise click.UsageError(f"{given}: {error}") from error

    def reads_as(national: str) -> bool:
        try:
            return normalize.number(national, country) == phone
        except normalize.NotANumber:
            return False

    national = [spelt for digits in (1, 2, 3) if reads_as(spelt := f"0{phone[digits:]}")]
    row = configuration.routes.by_number(phone)
    return number_of(phone, national), "" if row is None else f"row {row.row} of the routing table"


def _say_what_waits(found: Forgotten) -> None:
    for name, state in found.under_way[:_SHOWN]:
        say(f"{name}: {state.value}", err=True)
    if len(found.under_way) > _SHOWN:
        say(f"and {len(found.under_way) - _SHOWN} more", err=True)
    if found.calling:
        say("nothing was erased: a call is under way; try again in a minute", err=True)
    else:
        say("nothing was erased: these wait to be sent, reported or told; --yes erases them, too", err=True)
