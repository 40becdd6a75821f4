"""What one acknowledgement covers: the mail, its deliveries, what is recognised when it comes again."""

from typing import Any

import apsw

from bridge.message import State
from bridge.spool import SEEN_FOR, Accepted, Conversation, Event, Intake, deliveries

_AGAIN = frozenset({State.FAILED, State.DROPPED})
"""A first that ended so does not keep a second away."""


def accept(db: apsw.Connection, intake: Intake) -> Accepted:
    """Keep an intake, or answer with the id of the first when all of it was here before."""
    if intake.notification_id is not None:
        first = _first_notification(db, intake.notification_id, intake)
        if first is not None:
            return first
    kept, repeated = _insert(db, intake)
    if kept == 0 and repeated is not None:
        return Accepted(id=repeated, repeated=True)
    if kept:
        _keep(db, intake)
    _converse(db, intake)
    for delivery_id, outcome in intake.told:
        _told(db, delivery_id, outcome, intake.at)
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
    db.execute(
        "INSERT INTO mails (id, kind, at, sender, author, proof, peer, message_id, envid, ret) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            intake.id,
            intake.kind,
            intake.at,
            intake.sender,
            intake.author,
            intake.proof,
            intake.peer,
            intake.message_id,
            intake.envid,
            intake.ret,
        ),
    )


def _first_notification(db: apsw.Connection, notification_id: str, intake: Intake) -> Accepted | None:
    row = db.execute("SELECT mail, digest FROM notifications WHERE id = ?", (notification_id,)).fetchone()
    if row is not None:
        return Accepted(id=str(row[0]), repeated=True, differs=bytes(row[1]) != intake.digest)
    db.execute(
        "INSERT INTO notifications (id, mail, at, digest) VALUES (?, ?, ?, ?)",
        (notification_id, intake.id, intake.at, intake.digest),
    )
    return None


def _first_mail(db: apsw.Connection, key: bytes, delivery_id: str, now: float) -> str | None:
    row = db.execute(
        "SELECT d.mail, d.state FROM seen s JOIN deliveries d ON d.id = s.delivery WHERE s.key = ? AND s.at > ?",
        (key, now - SEEN_FOR),
    ).fetchone()
    if row is not None and State(row[1]) not in _AGAIN:
        return str(row[0])
    db.execute("INSERT OR REPLACE INTO seen (key, delivery, at) VALUES (?, ?, ?)", (key, delivery_id, now))
    return None


def _converse(db: apsw.Connection, intake: Intake) -> None:
    for conversation in intake.conversations:
        if intake.kind == "sms":
            _slide(db, conversation)
        else:
            _open(db, conversation, intake.at)


def _open(db: apsw.Connection, conversation: Conversation, now: float) -> None:
    db.execute(
        "INSERT INTO conversations (phone, line, author, message_id, at, expires_at) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (phone, line) DO UPDATE SET author = excluded.author, message_id = excluded.message_id, "
        "at = excluded.at, expires_at = excluded.expires_at",
        (
            conversation.phone,
            conversation.line,
            conversation.author,
            conversation.message_id,
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
        "SELECT phone, line, author, message_id, expires_at FROM conversations "
        "WHERE phone = ? AND expires_at > ? AND (? IS NULL OR line IN (?, '')) ORDER BY at DESC LIMIT 1",
        (phone, now, line, line),
    ).fetchall()
    for row in found:
        return Conversation(phone=row[0], line=row[1], author=row[2], message_id=row[3], expires_at=row[4])
    return None


def _told(db: apsw.Connection, delivery_id: str, outcome: str, now: float) -> None:
    column = "warn_at" if outcome == "delayed" else "tell_at"
    db.execute(f"UPDATE deliveries SET {column} = NULL WHERE id = ?", (delivery_id,))  # noqa: S608  # two literals
    deliveries.note(db, delivery_id, Event(at=now, event=f"told {outcome}"))
