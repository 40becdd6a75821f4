"""What one acknowledgement covers: the mail, its deliveries, what is recognised when it comes again."""

from dataclasses import fields
from operator import attrgetter, itemgetter
from typing import Any

import apsw

from bridge.message import State
from bridge.spool import SEEN_FOR, Accepted, Arrival, Conversation, Event, Intake, deliveries, telling

_KEPT = tuple(field.name for field in fields(Arrival))
_INSERT = f"INSERT INTO mails ({', '.join(_KEPT)}) VALUES ({', '.join('?' * len(_KEPT))})"  # noqa: S608  # our names
_values = attrgetter(*_KEPT)
_AGAIN = frozenset({State.FAILED, State.DROPPED})
"""A first that ended so does not keep a second away."""


def accept(db: apsw.Connection, intake: Intake) -> Accepted:
    """Keep an intake, or answer with the id of the first when all of it was here before."""
    if intake.told and not telling.all_owed(db, intake.told):
        return Accepted(id=intake.id, repeated=True)
    if intake.notification_id is not None:
        first = _first_notification(db, intake.notification_id, intake)
        if first is not None:
            return first
    kept, repeated = _insert(db, intake)
    if kept == 0 and repeated is not None:
        return Accepted(id=repeated, repeated=True)
    if kept:
        _keep(db, intake)
        telling.keep(db, intake)
    converse(db, intake)
    for delivery_id, outcome in intake.told:
        note_told(db, delivery_id, outcome, intake)
    for alert in intake.alerts_told:
        db.execute("UPDATE alerts SET told = 1 WHERE id = ?", (alert,))
    return Accepted(id=intake.id)


def _insert(db: apsw.Connection, intake: Intake) -> tuple[int, str | None]:
    """Put in what was not here before; how many that are, and the id of the first mail that was."""
    repeated: str | None = None
    kept = 0
    keys = intake.seen or (None,) * len(intake.deliveries)
    for delivery, key in zip(intake.deliveries, keys, strict=True):
        first = _first_mail(db, key, delivery.id, intake.at) if key is not None else None
        if first is not None:
            repeated = repeated or first
            continue
        deliveries.insert(db, delivery)
        kept += 1
    return kept, repeated


def _keep(db: apsw.Connection, intake: Intake) -> None:
    db.execute(_INSERT, _values(intake))


def arrival(db: apsw.Connection, mail: str) -> Arrival | None:
    """All that `_keep` kept of an intake."""
    row = db.execute(f"SELECT {', '.join(_KEPT)} FROM mails WHERE id = ?", (mail,)).fetchone()  # noqa: S608  # our names
    return None if row is None else Arrival(**dict(zip(_KEPT, row, strict=True)))


def _first_notification(db: apsw.Connection, notification_id: str, intake: Intake) -> Accepted | None:
    db.execute(
        "INSERT INTO notifications (id, mail, at, digest) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        (notification_id, intake.id, intake.at, intake.digest),
    )
    if db.changes():
        return None
    rows: list[Any] = db.execute("SELECT mail, digest FROM notifications WHERE id = ?", (notification_id,)).fetchall()
    mail, digest = rows[0]
    return Accepted(id=str(mail), repeated=True, differs=bytes(digest) != intake.digest)


def _first_mail(db: apsw.Connection, key: bytes, delivery_id: str, now: float) -> str | None:
    db.execute(
        "INSERT INTO seen (key, delivery, at) VALUES (?, ?, ?) ON CONFLICT (key) DO NOTHING", (key, delivery_id, now)
    )
    if db.changes():
        return None
    row = db.execute(
        "SELECT d.mail, d.state FROM seen s JOIN deliveries d ON d.id = s.delivery WHERE s.key = ? AND s.at > ?",
        (key, now - SEEN_FOR),
    ).fetchone()
    if row is not None and State(row[1]) not in _AGAIN:
        return str(row[0])
    db.execute("UPDATE seen SET delivery = ?, at = ? WHERE key = ?", (delivery_id, now, key))
    return None


def converse(db: apsw.Connection, intake: Intake) -> None:
    """Conversations that a mail opens, or that an SMS keeps open."""
    for conversation in intake.conversations:
        if intake.kind == "sms":
            _slide(db, conversation)
        else:
            _open(db, conversation, intake.at)


def _open(db: apsw.Connection, conversation: Conversation, now: float) -> None:
    db.execute(
        "INSERT INTO conversations (phone, line, author, message_id, subject, at, expires_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (phone, line) DO UPDATE SET author = excluded.author, message_id = excluded.message_id, "
        "subject = excluded.subject, at = excluded.at, expires_at = excluded.expires_at",
        (
            conversation.phone,
            conversation.line,
            conversation.author,
            conversation.message_id,
            conversation.subject,
            now,
            conversation.expires_at,
        ),
    )


def _slide(db: apsw.Connection, conversation: Conversation) -> None:
    """An SMS keeps its conversation open; it gives it to nobody, since somebody may have written meanwhile."""
    db.execute(
        "UPDATE conversations SET expires_at = max(expires_at, ?) WHERE phone = ? AND line = ? AND author = ?",
        (conversation.expires_at, conversation.phone, conversation.line, conversation.author),
    )


def find_conversation(db: apsw.Connection, phone: str, line: str | None, now: float) -> Conversation | None:
    """The open conversation of whoever wrote last: over this line or over none known; over any where none is told."""
    found: list[Any] = db.execute(
        "SELECT at, line, author, message_id, subject, expires_at FROM conversations "
        "WHERE phone = ? AND expires_at > ?",
        (phone, now),
    ).fetchall()  # a few at most: sorting them in SQL costs more than all the rest
    rows = [row for row in found if line is None or row[1] in (line, "")]
    if not rows:
        return None
    _, known, author, message_id, subject, expires_at = max(rows, key=itemgetter(0))
    return Conversation(
        phone=phone, line=known, author=author, message_id=message_id, subject=subject, expires_at=expires_at
    )


def note_told(db: apsw.Connection, delivery_id: str, outcome: str, notice: Intake) -> None:
    """It was told by this notice, and its history says so."""
    telling.settled(db, delivery_id, outcome)
    mail = next(iter(notice.deliveries), None)
    code, text = (mail.id, f"to {mail.recipient}") if mail is not None else ("", "nobody")
    deliveries.note(db, delivery_id, Event(at=notice.at, event=f"told {outcome}", code=code, text=text))
