"""The whole story of what came through a door, put together for `smsbridge trace`. Reads only."""

from typing import Any

import apsw

from bridge.spool import History, deliveries, intakes

_MOST = 50
"""Mails that one Message-ID may find."""


def trace(db: apsw.Connection, identifier: str) -> list[History]:
    """The stories an id leads to, oldest first: of a mail, a delivery, a provider's transfer or notification, or a
    Message-ID, with or without its brackets. A delivery's id and a transfer id find that delivery alone.
    """
    for condition in ("id = ?", "transfer_id = ?"):
        rows: list[Any] = db.execute(
            f"SELECT id, mail FROM deliveries WHERE {condition} ORDER BY seq LIMIT ?",  # noqa: S608  # two literals
            (identifier, _MOST),
        ).fetchall()
        if rows:
            return [_history(db, mail, delivery) for delivery, mail in rows]
    return [_history(db, mail) for mail in _mails(db, identifier)]


def _mails(db: apsw.Connection, identifier: str) -> list[str]:
    asked = [("SELECT id FROM mails WHERE id = ?", (identifier,))]
    asked += [("SELECT mail FROM notifications WHERE id = ?", (identifier,))]
    if "@" in identifier:  # no index: it is asked for by hand, and would cost every mail something
        wanted = f"<{identifier.strip('<>')}>"
        asked += [("SELECT id FROM mails WHERE message_id = ? ORDER BY at", (wanted,))]
    for sql, parameters in asked:
        rows: list[Any] = db.execute(f"{sql} LIMIT {_MOST}", parameters).fetchall()
        if rows:
            return [str(row[0]) for row in rows]
    return []


def _history(db: apsw.Connection, mail: str, delivery_id: str | None = None) -> History:
    condition, value = ("mail = ?", mail) if delivery_id is None else ("id = ?", delivery_id)
    found = [
        (delivery, deliveries.events(db, delivery.id))
        for delivery in deliveries.select(db, f"{condition} ORDER BY seq", (value,))
    ]
    told = dict.fromkeys(event.code for _, events in found for event in events if event.event.startswith("told "))
    notices = [
        (delivery, deliveries.events(db, delivery.id))
        for notice in told
        for delivery in deliveries.select(db, "id = ?", (notice,))
    ]
    return History(arrival=intakes.arrival(db, mail), deliveries=found, notices=notices)
