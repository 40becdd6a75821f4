"""`smsbridge queue`: what waits, and what an operator does with it.

Changes are short transactions in the spool through the daemon's own code; a running daemon sees them within a second.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bridge.cli.completion import ids
from bridge.cli.options import Failed, print_json, readable, say, utc, with_config, with_json
from bridge.cli.search import Wanted, pages, sought, with_filters
from bridge.cli.spool import with_spool, with_window
from bridge.cli.terminal import Told, counting, table, width
from bridge.message import Delivery
from bridge.spool import OPEN, Arrival, Event, operations
from bridge.spool.contract import Spool

if TYPE_CHECKING:
    from bridge.console.sources import Store

Shown = list[tuple[Delivery, list[Event]]]

_BY = "by the operator"
_MANY = 50  # ids with which it takes long enough to be watched
_SHAPE = (
    "ID is a delivery (M-1) or a mail (M). The exit code is 1 when not all of it could be done. With --json: an array "
    'of {"id", "done", "result"}'
)
_RESTORED_SHAPE = ', with --restored {"held"} or {"released"}: how many.'
_ORIGIN = ("kind", "sender", "author", "proof", "peer")


@click.group()
def queue() -> None:
    """Show the queue; hold, release, retry or drop what is in it."""


@queue.command("list")
@with_filters
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, help="At most so many.")
@with_config
@with_json
def list_(limit: int, config_path: Path, as_json: bool, **filters: Any) -> None:
    """List deliveries that are not done, oldest first; with --state those, done or not.

    With --number, --address, --text, --since or --until the newest that fit. With --json: an array of {"id", "mail",
    "channel", "state", "recipient", "attempts", "next_at", "code", "reason"}.
    """
    from bridge import config  # noqa: PLC0415  # phone metadata: not for --help

    configuration = config.load(config_path)
    wanted = Wanted(**filters)
    asked = sought(wanted, configuration.settings.country)

    async def look(spool: "Store") -> list[Delivery]:
        if wanted:
            several = [asked] if asked.state is not None else [replace(asked, state=state) for state in sorted(OPEN)]
            found = [delivery for one in several for delivery in await pages(spool, one, limit)]
            return sorted(found, key=lambda one: one.created_at)[-limit:]
        return list(await spool.listing(asked.state, limit))

    found = with_window(configuration, look)
    if as_json:
        print_json([_fields(delivery) for delivery in found])
        return
    rows = [
        (
            *(one.id, one.state.value, one.channel.value, one.recipient, one.attempts, utc(one.next_at)),
            f"{one.code} {one.reason}",
        )
        for one in found
    ]
    for line in table(rows, width()):
        say(line)
    click.echo(f"{len(found)} deliver{'y' if len(found) == 1 else 'ies'}" if found else "nothing is queued", err=True)


@queue.command()
@click.argument("identifier", metavar="ID", callback=readable, shell_complete=ids)
@with_config
@with_json
def show(identifier: str, config_path: Path, as_json: bool) -> int:
    """Show a delivery (M-1), or all of a mail (M), with its history, who sent it and what proved that.

    With --json M-1 is one object and M an array of them: as in `queue list`, and "kind", "sender", "author", "proof",
    "peer", "events": [{"at", "event", "code", "text"}].
    """
    found, arrival = with_spool(config_path, lambda spool: _found(spool, identifier))
    if not found:
        raise Failed(f"there is nothing with the id {identifier}")
    if as_json:
        came = {name: getattr(arrival, name) for name in _ORIGIN} if arrival is not None else {}
        shown = [
            {**_fields(delivery), **came, "events": [_event(event) for event in events]} for delivery, events in found
        ]
        print_json(shown[0] if identifier == found[0][0].id else shown)
        return 0
    for delivery, events in found:
        say(f"{delivery.id}  {delivery.state.value}  {delivery.channel.value} to {delivery.recipient}")
        if arrival is not None:
            say(f"  {_as_text(arrival)}")
        for event in events:
            say(f"  {utc(event.at)}  {event.event:<14} {event.code} {event.text}".rstrip())
    return 0


async def _found(spool: Spool, identifier: str) -> tuple[Shown, Arrival | None]:
    found = await spool.show(identifier)
    return found, await spool.arrival(found[0][0].mail) if found else None


def _as_text(arrival: Arrival) -> str:
    """``mail from a@example.org, peer 192.0.2.1, proof network``; the author where it is not the sender."""
    if arrival.kind in {"command", "notice"}:  # of our own making
        return arrival.kind
    author = arrival.author if arrival.author != arrival.sender else ""
    told = {"author": author, "peer": arrival.peer, "proof": arrival.proof}
    known = [f"{name} {word}" for name, word in told.items() if word]
    return ", ".join([f"{arrival.kind} from {arrival.sender or '<>'}", *known])


def _changing(verb: str, text: str) -> None:
    """One command that moves deliveries."""

    @queue.command(verb, help=f"{text}\n\n{_SHAPE}{_RESTORED_SHAPE if verb in _RESTORED else ''}")
    @click.argument(
        "identifiers",
        metavar="ID...",
        nargs=-1,
        required=verb not in _RESTORED,
        callback=readable,
        shell_complete=ids,
    )
    @with_config
    @with_json
    def change(
        identifiers: tuple[str, ...], config_path: Path, as_json: bool, yes: bool = False, restored: bool = False
    ) -> int:
        if restored:
            every, done = _RESTORED[verb]
            with counting(verb, shown=not as_json) as told:
                count = with_spool(config_path, lambda spool: every(spool, time.time(), by=_BY, told=told))
            if as_json:
                print_json({done: count})
            else:
                click.echo(f"{count} {done}")
            return 0
        if not identifiers:
            raise click.UsageError("Missing argument 'ID...'.")

        with counting(verb, shown=not as_json and len(identifiers) >= _MANY) as told:
            results = with_spool(config_path, lambda spool: _each(spool, identifiers, verb, yes, told))
        if as_json:
            print_json([asdict(result) for result in results])
        else:
            for result in results:
                say(f"{result.id}: {result.result}", err=not result.done)
        return 0 if all(result.done for result in results) else 1

    if verb == "retry":
        click.option("--yes", is_flag=True, help="Yes, even where the phone may then get it twice.")(change)
    if verb == "release":
        click.option("--restored", is_flag=True, help="All that were held since the spool is an older copy.")(change)
    if verb == "hold":
        click.option("--restored", is_flag=True, help="All SMS that wait, before a start on a restored server.")(change)


async def _each(spool: Spool, identifiers: Sequence[str], verb: str, yes: bool, told: Told) -> list[operations.Outcome]:
    outcomes: list[operations.Outcome] = []
    for number, identifier in enumerate(identifiers, start=1):
        outcomes += await operations.change(spool, [identifier], verb, time.time(), by=_BY, yes=yes)
        told(number, len(identifiers))
    return outcomes


_RESTORED = {"hold": (operations.hold_restored, "held"), "release": (operations.release_restored, "released")}


_changing("hold", "Keep deliveries from being sent.")
_changing("release", "Let held deliveries go on.")
_changing("retry", "Try deliveries now; an unknown or failed one is sent again and needs --yes.")
_changing("drop", "End deliveries without sending and without a notice.")


def _fields(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "mail": delivery.mail,
        "channel": delivery.channel.value,
        "state": delivery.state.value,
        "recipient": delivery.recipient,
        "attempts": delivery.attempts,
        "next_at": utc(delivery.next_at),
        "code": delivery.code,
        "reason": delivery.reason,
    }


def _event(event: Event) -> dict[str, Any]:
    return {"at": utc(event.at), "event": event.event, "code": event.code, "text": event.text}
