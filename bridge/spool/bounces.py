"""What came back about a mail of ours: written into its history once, and a failure ends it.

In one transaction with the mark that the operator is to be told, so that a bounce is acknowledged when all that it
changes is kept, and a crash in between costs nothing: it comes again, and is known.
"""

import hashlib
from typing import Any

import apsw

from bridge.message import Bounce, Fate, State
from bridge.spool import Event, Returned, Step, deliveries

_BEFORE = frozenset({State.SENDING, State.SENT})
"""Not QUEUED: it goes again, after a lost answer or since the operator wants it, and that bounces for itself."""

_MOST = 20
"""Lines of one history that bounces write: a machine that replies to each reply must not fill the disk."""


def note(db: apsw.Connection, delivery_id: str, bounce: Bounce, now: float) -> Returned:
    """Settle a mail by a bounce, or add it to its history."""
    rows: list[Any] = db.execute(
        # Ours are in lower case, and a mail server may have changed that.
        "SELECT id FROM deliveries WHERE id IN (?1, lower(?1)) AND channel = 'mail' LIMIT 1",
        (delivery_id,),
    ).fetchall()
    if not rows:
        return Returned.GONE
    delivery_id = str(rows[0][0])
    key = hashlib.sha256(b"\x00".join([b"bounce", delivery_id.encode(), bounce.digest])).digest()
    if db.execute("SELECT 1 FROM seen WHERE key = ?", (key,)).fetchall():
        return Returned.REPEATED
    if bounce.fate is Fate.FAILED and deliveries.move(db, _failed(delivery_id, bounce), now):
        _seen(db, key, delivery_id, now)
        return Returned.FAILED
    noted: list[Any] = db.execute(
        "SELECT count(*) FROM events WHERE delivery = ? AND event LIKE 'remote %'", (delivery_id,)
    ).fetchall()
    if int(noted[0][0]) < _MOST:
        _seen(db, key, delivery_id, now)
        deliveries.note(
            db, delivery_id, Event(at=now, event=f"remote {bounce.fate.value}", code=bounce.status, text=bounce.text)
        )
    return Returned.NOTED


def _failed(delivery_id: str, bounce: Bounce) -> Step:
    return Step(
        id=delivery_id,
        to=State.FAILED,
        event="bounced",
        only_from=_BEFORE,
        # Like "report rejected": what failed is the delivery, not our handing it over.
        code="bounce",
        text=bounce.text,
        status=bounce.status,
        told="failed",
    )


def _seen(db: apsw.Connection, key: bytes, delivery_id: str, now: float) -> None:
    db.execute("INSERT OR IGNORE INTO seen (key, delivery, at) VALUES (?, ?, ?)", (key, delivery_id, now))
