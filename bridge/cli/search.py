"""`smsbridge search`: messages by number, address, words, state and time; the console's search on the terminal.

The spool is asked page by page (`bridge.spool.window`), so that a million messages take no more memory than are shown.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from bridge.cli.completion import states
from bridge.cli.options import Moment, print_json, say, utc, with_config, with_json
from bridge.cli.spool import with_window
from bridge.cli.terminal import table, width
from bridge.message import Delivery, State

if TYPE_CHECKING:
    from bridge.console.sources import Store
    from bridge.spool.window import Search

F = TypeVar("F", bound=Callable[..., Any])

_PAGE: Final = 500
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{7,79}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the options say; what is None does not matter."""

    number: str | None = None
    address: str | None = None
    text: str | None = None
    state: str | None = None
    since: float | None = None
    until: float | None = None

    def __bool__(self) -> bool:
        """Whether anything but the state was said."""
        return any(one is not None for one in (self.number, self.address, self.text, self.since, self.until))


def with_filters(command: F) -> F:
    """The options by which messages are found; the command gets `wanted`, a `Wanted`."""
    options = (
        click.option("--number", help="SMS to this number, and mails made of SMS from it."),
        click.option("--address", help="Mails to this address, and SMS made of what it wrote."),
        click.option("--text", help="Words in the text, while it is kept."),
        click.option("--state", type=click.Choice(states()), help="Only deliveries in this state."),
        click.option("--since", type=Moment(), help="Not older: 2026-03-01, 2026-03-01T14:30:00Z, 90m or 3d ago."),
        click.option("--until", type=Moment(), help="Older than this; written likewise."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("query", metavar="[WORDS]", default="")
@with_filters
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@with_config
@with_json
def search(query: str, limit: int, config_path: Path, as_json: bool, **filters: Any) -> int:
    """Find messages, newest first: a number, an address, an id, or words of the text.

    The exit code is 1 when there are none. With --json: an array of {"id", "mail", "channel", "state", "recipient",
    "author", "route", "at", "changed_at", "attempts", "next_at", "code", "reason", "transfer_id"}.
    """
    from bridge import config  # noqa: PLC0415  # phone metadata: not for --help

    configuration = config.load(config_path)
    asked = Wanted(**filters)
    if query and (asked.number or asked.address or asked.text):
        raise click.UsageError("write either WORDS or --number, --address and --text")
    country = configuration.settings.country

    async def find(spool: "Store") -> list[Delivery]:
        if query and (_ID.fullmatch(query) or query.startswith("<")):
            named = [delivery for story in await spool.trace(query) for delivery, _ in story.deliveries]
            if named:
                return named[:limit]
        return await pages(spool, sought(_meant(query, asked, country), country), limit)

    found = with_window(configuration, find)
    if as_json:
        print_json([_fields(delivery) for delivery in found])
    else:
        rows = [
            (one.id, one.state.value, one.channel.value, one.recipient, utc(one.created_at), f"{one.code} {one.reason}")
            for one in found
        ]
        for line in table(rows, width()):
            say(line)
        click.echo(_summary(len(found), limit), err=True)
    return 0 if found else 1


def sought(wanted: Wanted, country: str) -> "Search":
    """What the spool is asked. Raises `click.UsageError` for what is no number or address."""
    from bridge import normalize  # noqa: PLC0415  # phone metadata: not for --help
    from bridge.spool.window import Search  # noqa: PLC0415  # the database: not for --help

    if wanted.number is not None and wanted.address is not None:
        raise click.UsageError("only one of --number and --address can be looked for")
    number = address = ""
    if wanted.number is not None:
        try:
            number = normalize.line(wanted.number, country)
        except normalize.NotANumber as error:
            raise click.UsageError(f"--number {wanted.number}: {error}") from error
    if wanted.address is not None:
        if "@" not in wanted.address:
            raise click.UsageError(f"--address {wanted.address}: write a mail address, for example anna@example.com")
        address = normalize.address(wanted.address)
    return Search(
        number=number,
        address=address,
        text=wanted.text or "",
        state=None if wanted.state is None else State(wanted.state),
        since=wanted.since,
        until=wanted.until,
    )


async def pages(spool: "Store", wanted: "Search", limit: int) -> list[Delivery]:
    """Up to `limit` deliveries, newest first, however far back they are. Raises `StoreUnavailable`."""
    found: list[Delivery] = []
    further: int | None = None
    while len(found) < limit:
        page = await spool.search(replace(wanted, before=further), min(_PAGE, limit - len(found)))
        found += page.deliveries
        if page.further is None or page.further == further:
            break
        further = page.further
    return found


def _meant(query: str, asked: Wanted, country: str) -> Wanted:
    """What one word means, as in the console: an address, a number, else words of the text."""
    from bridge import normalize  # noqa: PLC0415  # phone metadata: not for --help

    if not query:
        return asked
    if "@" in query and not query.startswith("<"):
        return replace(asked, address=query)
    try:
        normalize.line(query, country)
    except normalize.NotANumber:
        return replace(asked, text=query)
    return replace(asked, number=query)


def _summary(count: int, limit: int) -> str:
    if not count:
        return "nothing was found"
    more = f", and there may be more: --limit {2 * limit}" if count == limit else ""
    return f"{count} {'delivery' if count == 1 else 'deliveries'}{more}"


def _fields(one: Delivery) -> dict[str, Any]:
    return {
        "id": one.id,
        "mail": one.mail,
        "channel": one.channel.value,
        "state": one.state.value,
        "recipient": one.recipient,
        "author": one.author,
        "route": one.route,
        "at": utc(one.created_at),
        "changed_at": utc(one.changed_at or one.created_at),
        "attempts": one.attempts,
        "next_at": utc(one.next_at),
        "code": one.code,
        "reason": one.reason,
        "transfer_id": one.transfer_id,
    }
