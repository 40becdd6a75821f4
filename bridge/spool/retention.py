"""What is kept for how long, and letters nobody could read."""

from typing import Any

import apsw

from bridge.spool import SEEN_FOR, Alert, telling
from bridge.spool.deliveries import FINAL_STATES

BURIED = (
    "A notification of the SMS provider could not be relayed and was kept: {reason}\n"
    "It may be somebody's SMS. Its octets are in the table dead_letters of the spool."
)
"""What the operator is told of a dead letter."""


def bury(db: apsw.Connection, notification_id: str, body: bytes, reason: str, at: float) -> None:
    """Keep a notification that is authentic but cannot be relayed, and tell the operator, once."""
    new = db.execute(
        "INSERT OR IGNORE INTO dead_letters (notification, at, reason, body) VALUES (?, ?, ?, ?) RETURNING 1",
        (notification_id, at, reason, body),
    ).fetchall()
    if new:
        alert(db, BURIED.format(reason=reason), at)


def alert(db: apsw.Connection, text: str, at: float) -> None:
    """Keep a sentence for the operator until it was mailed."""
    db.execute("INSERT INTO alerts (at, text) VALUES (?, ?)", (at, text))


def alerts(db: apsw.Connection, limit: int) -> list[Alert]:
    """What the operator was not told yet, oldest first."""
    rows = db.execute("SELECT id, at, text FROM alerts WHERE told = 0 ORDER BY id LIMIT ?", (limit,))
    return [Alert(id=row[0], at=row[1], text=row[2]) for row in rows]


def purge(db: apsw.Connection, now: float, keep_text: float, keep_history: float, limit: int) -> int:
    """Blank the texts and drop the history of finished deliveries that are old enough, `limit` at a time.

    Gives the number of rows touched; fewer than `limit` means that nothing is left to do.
    """
    blanked: list[Any] = db.execute(
        f"UPDATE deliveries SET payload = x'' WHERE seq IN (SELECT seq FROM deliveries WHERE {FINAL_STATES} "  # noqa: S608
        "AND payload <> x'' AND changed_at < ? LIMIT ?) RETURNING mail",
        (now - keep_text, limit),
    ).fetchall()
    for (mail,) in set(blanked):
        telling.forget(db, mail)
    old = db.execute(
        f"DELETE FROM deliveries WHERE seq IN (SELECT seq FROM deliveries WHERE {FINAL_STATES} AND changed_at < ? "  # noqa: S608
        "ORDER BY changed_at LIMIT ?) RETURNING id, mail",
        (now - keep_history, limit),
    ).fetchall()
    for delivery, mail in old:
        db.execute("DELETE FROM events WHERE delivery = ?", (delivery,))
        db.execute("DELETE FROM expansions WHERE delivery = ?", (delivery,))
        db.execute(
            "DELETE FROM mails WHERE id = ? AND NOT EXISTS (SELECT 1 FROM deliveries WHERE mail = ?)",
            (mail, mail),
        )
    for table in ("seen", "notifications", "orphans"):
        db.execute(f"DELETE FROM {table} WHERE at < ?", (now - SEEN_FOR,))  # noqa: S608  # three literals
    db.execute("DELETE FROM conversations WHERE expires_at < ?", (now,))
    for table in ("dead_letters", "alerts"):
        db.execute(f"DELETE FROM {table} WHERE at < ?", (now - keep_history,))  # noqa: S608  # two literals
    return max(len(blanked), len(old))
