"""A history as a story: everything in the order in which it happened, and what a payload is, read for people. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from typing import Final

from bridge import gsm, text
from bridge.message import Channel, Delivery, Sms, decode_sms
from bridge.spool import Event, History
from bridge.text import fields

RECEIVED: Final = "received"
"""The event with which a story begins; it stands in no table."""

MOST_SHOWN: Final = 64 * 1024
"""Octets of a mail that are looked at for its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsSent:
    """An SMS as it goes out, and what it costs."""

    sms: Sms
    encoding: str  # "gsm", "ucs2", or "binary"
    parts: int
    units: int  # septets or UTF-16 units; 0 for binary


def sms_sent(delivery: Delivery) -> SmsSent | None:
    """None for a mail, and for a text that was erased."""
    if delivery.channel is not Channel.SMS or not delivery.payload:
        return None
    sms = decode_sms(delivery.payload)
    if sms.segments:
        return SmsSent(sms=sms, encoding="binary", parts=len(sms.segments), units=0)
    counted = gsm.count(sms.text)
    return SmsSent(sms=sms, encoding=counted.encoding, parts=counted.parts, units=counted.units)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSent:
    """A mail as it goes out."""

    headers: tuple[tuple[str, str], ...]
    text: str


def mail_sent(delivery: Delivery) -> MailSent | None:
    """None for an SMS, and for a text that was erased."""
    if delivery.channel is not Channel.MAIL or not delivery.payload:
        return None
    return read_mail(delivery.payload)


def read_mail(content: bytes) -> MailSent:
    """Header and words of a mail, of its first `MOST_SHOWN` octets."""
    content = content[:MOST_SHOWN]
    try:
        found, _ = fields.split(content)
        headers = tuple((name.title(), fields.words(value)) for name, values in found.items() for value in values)
    except text.Refused:  # a stranger's, forwarded
        headers = ()
    return MailSent(headers=headers, text=mail_text(content))


def mail_text(payload: bytes) -> str:
    """All the words of a mail; "" where it cannot be read."""
    try:
        return text.read(payload[:MOST_SHOWN]).raw_text
    except text.Refused:
        return ""


def timeline(history: History, came: str = "") -> Iterator[tuple[str, Event]]:
    """(id, event) in the order in which it happened; `came` says how it came in.

    A clock that was set back does not change one delivery's order.
    """
    tracks: list[list[tuple[float, int, str, Event]]] = []
    arrival = history.arrival
    if arrival is not None:
        tracks.append([(arrival.at, 0, arrival.id, Event(at=arrival.at, event=RECEIVED, text=came))])
    for number, (delivery, events) in enumerate((*history.deliveries, *history.notices), start=1):
        latest, track = 0.0, []
        for event in events:
            latest = max(latest, event.at)
            track.append((latest, number, delivery.id, event))
        tracks.append(track)
    for _, _, name, event in merge(*tracks, key=lambda entry: entry[:2]):
        yield name, event
