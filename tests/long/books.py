"""What the senders were told, held against what became of it: spool, provider and Maildir must say the same.

A mail answered 250 has its deliveries in the spool, one for each phone and no other; what the spool calls sent the
provider has accepted once; what nobody was told of is nowhere, but for mails whose sender did not wait for the answer.
"""

import asyncio
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from tests.long.doors import DENIED, Doors

_FORWARDED = re.compile(rb"^\tid ([A-Za-z0-9-]+);", re.MULTILINE)
_SENT = {"sent", "delivered"}
_WAITING = {"queued", "sending", "unknown", "held"}
_HEAD = 4096  # octets in which the id of a forwarded mail stands


@dataclass(slots=True)
class Books:
    """Written by the senders."""

    queued: dict[str, frozenset[str] | None] = field(default_factory=dict)  # id: who gets it; None: nobody knows
    again: set[str] = field(default_factory=set)  # ids named in "already queued as"
    unanswered: int = 0  # whole mails sent by those who did not wait for an answer

    def note(self, text: str, recipients: frozenset[str] | None) -> None:
        """A 250 said `text` to a mail for these numbers and addresses."""
        what, _, identifier = text.rpartition(" ")
        if what == "already queued as":
            self.again.add(identifier)
        else:
            assert what == "queued as", text
            assert identifier not in self.queued, f"the id {identifier} was given twice"
            self.queued[identifier] = recipients


@dataclass(slots=True, kw_only=True)
class Found:
    """What became of them."""

    delivered: int = 0  # SMS the provider accepted
    forwarded: int = 0
    waiting: int = 0
    failed: int = 0
    unanswered: int = 0  # mails kept whose sender did not wait
    wrong: list[str] = field(default_factory=list)


async def compare(books: Books, doors: Doors, *, within: float) -> Found:
    """Wait until nothing is left to deliver, then compare."""
    await doors.bridge.drained(within)
    await doors.simulator.idle()
    return await asyncio.to_thread(_compare, books, doors.bridge.place)


def _compare(books: Books, place: Path) -> Found:
    found = Found()
    accepted = Counter[str]()
    for line in (place / "accepted").read_text(encoding="utf-8").splitlines() if (place / "accepted").exists() else ():
        message = json.loads(line)
        accepted[message["client_message_id"]] += 1
        if DENIED in message["recipients"]:
            found.wrong.append("a phone got an SMS that nobody may send to it")
    forwarded = Counter[str]()
    for file in (place / "Maildir" / "new").glob("*"):
        with file.open("rb") as opened:
            forwarded.update(match.decode() for match in _FORWARDED.findall(opened.read(_HEAD))[:1])
    kept: dict[str, set[str]] = {}
    for delivery, mail, channel, recipient, state in _rows(place):
        kept.setdefault(mail, set()).add(recipient)
        there = accepted.pop(delivery, 0) if channel == "sms" else forwarded.pop(mail, 0)
        if there != 1 if state in _SENT else there > 1:
            found.wrong.append(f"{delivery} is {state} and arrived {there} times")
        found.delivered += channel == "sms" and there > 0
        found.forwarded += channel == "mail" and there > 0
        found.waiting += state in _WAITING
        found.failed += state not in _WAITING | _SENT
    found.wrong += [f"{identifier} arrived, and nobody sent it" for identifier in (*accepted, *forwarded)]
    _match(found, books, kept)
    return found


def _match(found: Found, books: Books, kept: dict[str, set[str]]) -> None:
    for identifier, recipients in books.queued.items():
        there = kept.pop(identifier, None)
        if there is None:
            found.wrong.append(f"{identifier} was acknowledged and is gone")
        elif recipients is not None and there != recipients:
            found.wrong.append(f"{identifier} goes to {sorted(there)}, accepted were {sorted(recipients)}")
    found.unanswered = len(kept)
    unknown = books.again - set(books.queued) - set(kept)
    if unknown:
        found.wrong.append(f"{len(unknown)} mails are said to be queued and are not")
    if len(kept) > books.unanswered:
        found.wrong.append(f"{len(kept) - books.unanswered} mails were kept that nobody was told of")


def _rows(place: Path) -> list[tuple[str, str, str, str, str]]:
    """Deliveries of mails that came in by the door: id, mail, channel, recipient, state."""
    with apsw.Connection(str(place / "smsbridge.db"), flags=apsw.SQLITE_OPEN_READONLY) as db:
        query = "SELECT d.id, d.mail, d.channel, d.recipient, d.state FROM deliveries d JOIN mails m ON m.id = d.mail"
        rows = db.execute(query + " WHERE m.kind = 'mail'").fetchall()
    return [(str(one), str(mail), str(channel), str(to), str(state)) for one, mail, channel, to, state in rows]
