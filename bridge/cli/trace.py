"""`smsbridge trace`: all that is known of a mail or an SMS, as a timeline: in, text, attempts, reports, notices.

Everything comes from the spool's history, which is only added to; texts are shown until `keep_text` erases them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from bridge.cli.completion import ids
from bridge.cli.options import Failed, print_json, readable, say, utc, with_config, with_json
from bridge.cli.spool import with_spool
from bridge.message import Channel, Delivery
from bridge.spool import Arrival, Event, History

_WHY = {
    "conversation": "its author wrote to that phone last",
    "phone": "a row names that phone",
    "line": "a row owns that line",
    "postmaster": "no conversation is open and no row names it",
}


@click.command()
@click.argument("identifier", metavar="ID", callback=readable, shell_complete=ids)
@with_config
@with_json
def trace(identifier: str, config_path: Path, as_json: bool) -> int:
    """Show all that happened to a mail (M), a delivery (M-1), or what a provider's id or a Message-ID leads to.

    With --json: an array, one object for each mail or SMS: what came in, "deliveries", "notices", and its "timeline":
    [{"at", "id", "event", "code", "text"}].
    """
    found = with_spool(config_path, lambda spool: spool.trace(identifier))
    if not found:
        raise Failed(f"there is nothing with the id {identifier}")
    if as_json:
        print_json([_as_data(history) for history in found])
        return 0
    for number, history in enumerate(found):
        if number:
            click.echo()
        for line in _as_text(history):
            say(line)
    return 0


def _as_data(history: History) -> dict[str, Any]:
    arrival = history.arrival
    came = {} if arrival is None else {**asdict(arrival), "at": utc(arrival.at)}
    return {
        **came,
        "deliveries": [_delivery(delivery, events) for delivery, events in history.deliveries],
        "notices": [_delivery(delivery, events) for delivery, events in history.notices],
        "timeline": [
            {"at": utc(event.at), "id": name, "event": event.event, "code": event.code, "text": event.text}
            for name, event in _timeline(history)
        ],
    }


def _delivery(delivery: Delivery, events: Sequence[Event]) -> dict[str, Any]:
    plain = asdict(delivery)
    del plain["payload"]
    times = {name: utc(plain[name]) for name in ("created_at", "changed_at", "next_at", "expires_at", "warn_at")}
    told = [{"at": utc(event.at), "event": event.event, "code": event.code, "text": event.text} for event in events]
    return {**plain, **times, "sms": _sms(delivery), "events": told}


def _sms(delivery: Delivery) -> dict[str, Any] | None:
    """The text as it is sent and what it costs; None for a mail, and for a text that was erased."""
    from bridge.spool.stories import sms_sent  # noqa: PLC0415  # alphabets: not for --help

    sent = sms_sent(delivery)
    if sent is None:
        return None
    sms = sent.sms
    return {
        "text": sms.text,
        "encoding": sent.encoding,
        "parts": sent.parts,
        "originator": sms.originator,
        "max_parts": sms.max_parts,
        "flash": sms.flash,
        "voice": sms.voice,
        "priority": sms.priority,
        "category": sms.category,
    }


def _timeline(history: History) -> Iterator[tuple[str, Event]]:
    from bridge.spool.stories import timeline  # noqa: PLC0415  # alphabets: not for --help

    return timeline(history, _came(history.arrival) if history.arrival is not None else "")


def _as_text(history: History) -> Iterator[str]:
    arrival = history.arrival
    if arrival is not None:
        yield f"{arrival.id}  {arrival.kind}"
        if arrival.message_id:
            yield f"  Message-ID {arrival.message_id}"
    for delivery, _ in history.deliveries:
        yield from _head(delivery)
    for delivery, _ in history.notices:
        yield f"{delivery.id}  {delivery.state.value}  notice to {delivery.recipient}"
    for name, event in _timeline(history):
        yield f"{utc(event.at)}  {name:<14}  {event.event:<14} {event.code} {event.text}".rstrip()


def _head(delivery: Delivery) -> Iterator[str]:
    """What one delivery is, and the policy it goes by."""
    is_sms = delivery.channel is Channel.SMS
    to = f"+{delivery.recipient}" if is_sms and delivery.recipient.isdigit() else delivery.recipient
    yield f"{delivery.id}  {delivery.state.value}  {delivery.channel.value} to {to}"
    policy = {
        "route": delivery.route,
        "reports": delivery.notify or delivery.reports.value,
        "on_unknown": delivery.on_unknown.value if is_sms else "",
        "until": utc(delivery.expires_at),
        "transfer": delivery.transfer_id,
        "envelope sender": "" if is_sms else delivery.sender,
    }
    yield "  " + ", ".join(f"{name} {value}" for name, value in policy.items() if value) + ", urgent" * delivery.urgent
    sms = _sms(delivery)
    if sms is not None:
        over = f" as {sms['originator']}" if sms["originator"] else ""
        yield f"  {sms['encoding']}, {sms['parts']} SMS{over}: {sms['text']}"
    elif is_sms:
        yield "  the text was erased"


def _came(arrival: Arrival) -> str:
    """How it came in, in one line."""
    if arrival.kind == "sms":
        line = f" to +{arrival.line}" if arrival.line.isdigit() else ""
        why = f"; its mailbox: {_WHY.get(arrival.why, arrival.why)}" if arrival.why else ""
        return f"SMS from +{arrival.sender}{line} by {arrival.proof}{why}"
    if arrival.kind != "mail":
        return f"{arrival.kind}, made here"
    author = f", written by {arrival.author}" if arrival.author and arrival.author != arrival.sender else ""
    size = f", {arrival.size} octets" if arrival.size else ""
    wishes = {"ENVID": arrival.envid, "RET": arrival.ret}
    asked = "".join(f", {name}={value}" for name, value in wishes.items() if value)
    return (
        f"mail from <{arrival.sender}>{author} by {arrival.peer or 'this machine'}, proof {arrival.proof}{size}{asked}"
    )
