"""`smsbridge queue`: what waits, and what an operator does with it.

Changes are short transactions in the spool through the daemon's own code; a running daemon sees them within a second.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from bridge.cli.options import print_json, readable, say, utc, with_config, with_json
from bridge.cli.spool import with_spool
from bridge.message import Channel, Delivery, State
from bridge.spool import Arrival, Event, Spool, Step

Shown = list[tuple[Delivery, list[Event]]]

_BY = "by the operator"
_LIFE = {Channel.SMS: 86400.0, Channel.MAIL: 5 * 86400.0}
_ORIGIN = ("kind", "sender", "author", "proof", "peer")
_ALL = 100_000_000
_AT_ONCE = 1000
_NEEDS_YES = frozenset({State.UNKNOWN, State.FAILED})


@click.group()
def queue() -> None:
    """Show the queue; hold, release, retry or drop what is in it."""


@queue.command("list")
@click.option("--state", type=click.Choice([state.value for state in State]), help="Only deliveries in this state.")
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, help="At most so many.")
@with_config
@with_json
def list_(state: str | None, limit: int, config_path: Path, as_json: bool) -> None:
    """List deliveries that are not done, oldest first."""
    wanted = None if state is None else State(state)
    found = with_spool(config_path, lambda spool: spool.listing(wanted, limit))
    if as_json:
        print_json([_fields(delivery) for delivery in found])
        return
    for delivery in found:
        say(
            f"{delivery.id:<28} {delivery.state.value:<9} {delivery.channel.value:<4} {delivery.recipient:<24} "
            f"{delivery.attempts:>3}  {utc(delivery.next_at)}  {delivery.code} {delivery.reason}".rstrip()
        )
    click.echo(f"{len(found)} deliveries" if found else "nothing is queued", err=True)


@queue.command()
@click.argument("identifier", metavar="ID", callback=readable)
@with_config
@with_json
def show(identifier: str, config_path: Path, as_json: bool) -> int:
    """Show a delivery (M-1), or all of a mail (M), with its history, who sent it and what proved that.

    With --json, M-1 is one object and M an array of them.
    """
    found, arrival = with_spool(config_path, lambda spool: _found(spool, identifier))
    if not found:
        say(f"there is nothing with the id {identifier}", err=True)
        return 1
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


def _changing(name: str, text: str, step: Callable[[Delivery, float], Step]) -> None:
    """One command that moves deliveries."""

    @queue.command(name, help=text)
    @click.argument("identifiers", metavar="ID...", nargs=-1, required=name != "release", callback=readable)
    @with_config
    @with_json
    def change(
        identifiers: tuple[str, ...], config_path: Path, as_json: bool, yes: bool = False, restored: bool = False
    ) -> int:
        if restored:
            count = with_spool(config_path, _release_restored)
            click.echo(f"{count} released" if not as_json else f'{{"released": {count}}}')
            return 0
        if not identifiers:
            raise click.UsageError("Missing argument 'ID...'.")
        results = with_spool(config_path, lambda spool: _change(spool, identifiers, step, yes=yes))
        if as_json:
            print_json(results)
        else:
            for result in results:
                say(f"{result['id']}: {result['result']}", err=not result["done"])
        return 0 if all(result["done"] for result in results) else 1

    if name == "retry":
        click.option("--yes", is_flag=True, help="Yes, even where the phone may then get it twice.")(change)
    if name == "release":
        click.option("--restored", is_flag=True, help="All that were held since the spool is an older copy.")(change)


async def _change(
    spool: Spool, identifiers: Sequence[str], step: Callable[[Delivery, float], Step], *, yes: bool
) -> list[dict[str, Any]]:
    now = time.time()
    results: list[dict[str, Any]] = []
    for identifier in identifiers:
        found: Shown = await spool.show(identifier)
        if not found:
            results.append({"id": identifier, "done": False, "result": "there is nothing with this id"})
        for delivery, _ in found:
            wanted = step(delivery, now)
            if wanted.event == "retried" and delivery.state in _NEEDS_YES and not yes:
                why = f"it is {delivery.state.value}: the phone may have it already; add --yes to send it again"
                results.append({"id": delivery.id, "done": False, "result": why})
                continue
            if wanted.to is State.QUEUED and not delivery.payload:
                results.append({"id": delivery.id, "done": False, "result": "its text was erased after keep_text"})
                continue
            (done,) = await spool.move([wanted], now)
            result = wanted.event if done else f"not possible while it is {delivery.state.value}"
            results.append({"id": delivery.id, "done": done, "result": result})
    return results


async def _release_restored(spool: Spool) -> int:
    from bridge.spool.generation import HELD  # noqa: PLC0415  # the database: not for --help

    now, count = time.time(), 0
    held = [delivery for delivery in await spool.listing(State.HELD, _ALL) if delivery.code == HELD]
    for at in range(0, len(held), _AT_ONCE):
        count += sum(await spool.move([_release(delivery, now) for delivery in held[at : at + _AT_ONCE]], now))
    return count


def _hold(delivery: Delivery, _now: float) -> Step:
    return Step(id=delivery.id, to=State.HELD, event="held", only_from=_HOLDABLE, text=_BY)


def _release(delivery: Delivery, now: float) -> Step:
    return Step(
        id=delivery.id, to=State.QUEUED, event="released", only_from=frozenset({State.HELD}), text=_BY, next_at=now
    )


def _retry(delivery: Delivery, now: float) -> Step:
    # What is sent again by hand gets a lifetime of its own: a message past its life is not sent.
    renewed = now + _LIFE[delivery.channel] if delivery.state in _NEEDS_YES else None
    # Only from the state that was looked at: meanwhile it may have become unknown, and that needs a yes.
    seen = _RETRIED & {delivery.state}
    return Step(
        id=delivery.id, to=State.QUEUED, event="retried", only_from=seen, text=_BY, next_at=now, expires_at=renewed
    )


def _drop(delivery: Delivery, _now: float) -> Step:
    return Step(id=delivery.id, to=State.DROPPED, event="dropped", text=_BY)


_RETRIED = frozenset({State.QUEUED, State.UNKNOWN, State.FAILED, State.HELD})
# Not an unknown one: releasing it would send again what the phone may have.
_HOLDABLE = frozenset({State.QUEUED})

_changing("hold", "Keep deliveries from being sent.", _hold)
_changing("release", "Let held deliveries go on.", _release)
_changing("retry", "Try deliveries now; an unknown or failed one is sent again and needs --yes.", _retry)
_changing("drop", "End deliveries without sending and without a notice.", _drop)


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
