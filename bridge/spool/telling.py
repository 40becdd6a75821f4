"""What authors are to be told, and what notices give back of their mails, in SQL."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import apsw

from bridge.message import State
from bridge.spool import OPEN, Intake, Original, Telling
from bridge.spool.deliveries import COLUMNS, from_row

PATIENCE = 30.0
"""After so many times what outcomes wait for each other they are told, though others of their mail still come."""

_COLUMNS = ", ".join(f"d.{name}" for name in COLUMNS)
_ATTEMPTED = "(SELECT max(e.at) FROM events e WHERE e.delivery = d.id AND e.event = 'sending')"
_FROM = "FROM deliveries d JOIN mails m ON m.id = d.mail"
_TOLD_TO = "CASE d.channel WHEN 'sms' THEN d.sender ELSE '' END"

# Whole mails, and only once nothing more was noted of them for a while: many recipients, one notice.
# What is postponed lies in the future.
_IS_NOTED = "d.tell_at IS NOT NULL AND d.tell_at <= :now"
_NOTED = f"""{_IS_NOTED} {{to}} AND d.mail IN (
    SELECT d.mail FROM deliveries d WHERE {_IS_NOTED} {{to}} GROUP BY d.mail
    HAVING max(d.tell_at) <= :before OR min(d.tell_at) <= :patience LIMIT :limit)"""  # noqa: S608  # own SQL
_IS_LATE = """d.warn_at IS NOT NULL AND d.warn_at <= :now
    AND ((d.state IN ('queued', 'sending', 'unknown', 'held') AND d.expires_at > :now)
        OR (d.state = 'sent' AND d.undelivered = 0))"""
_LATE = f"""{_IS_LATE} {{to}} AND d.mail IN (
    SELECT DISTINCT d.mail FROM deliveries d WHERE {_IS_LATE} {{to}} LIMIT :limit)"""  # noqa: S608  # own SQL
_OUTCOME = {
    "delayed": "UPDATE deliveries SET warn_at = :at WHERE id = :id AND warn_at IS NOT NULL AND state <> 'sent'",
    "relayed": "UPDATE deliveries SET warn_at = :at WHERE id = :id AND warn_at IS NOT NULL AND state = 'sent'",
    "expanded": "UPDATE expansions SET tell_at = :at WHERE delivery = :id",
}
_OTHERS = "UPDATE deliveries SET tell_at = :at WHERE id = :id AND tell_at IS NOT NULL AND told = :told"

OWED = "id, state, undelivered, told, tell_at, warn_at"
"""What `is_owed` wants to know of a delivery."""


def due(db: apsw.Connection, before: float, now: float, limit: int, told_to: str | None) -> list[Telling]:
    """See `bridge.spool.contract.Spool.telling`."""
    collect = now - before
    values = {
        "before": before,
        "patience": before - (PATIENCE - 1) * collect,
        "now": now,
        "limit": limit,
        "told_to": told_to,
    }
    to = "" if told_to is None else f"AND {_TOLD_TO} = :told_to"
    noted = _select(db, f"{_NOTED.format(to=to)} ORDER BY d.mail, d.seq", values, "d.told")
    not_over = "CASE d.state WHEN 'sent' THEN 'relayed' ELSE 'delayed' END"
    late = _select(db, f"{_LATE.format(to=to)} ORDER BY d.mail, d.seq", values, not_over)
    return [*noted, *late, *_expanded(db, to, values)]


def all_owed(db: apsw.Connection, told: Sequence[tuple[str, str]]) -> bool:
    """Whether what a notice tells is still the case, and nobody told it meanwhile: it was written before this."""
    for delivery_id, outcome in told:
        row = db.execute(f"SELECT {OWED} FROM deliveries WHERE id = ?", (delivery_id,)).fetchone()  # noqa: S608  # our names
        split = db.execute("SELECT 1 FROM expansions WHERE delivery = ?", (delivery_id,)).fetchone() is not None
        if row is None or not is_owed(row, outcome, split=split):
            return False
    return True


def is_owed(row: Sequence[Any], outcome: str, *, split: bool) -> bool:
    """Whether one outcome is still to be told; `row` is the delivery's `OWED`, `split` that its group is to be told."""
    _, state, undelivered, told, tell_at, warn_at = row
    match outcome:
        case "expanded":
            return split
        case "delayed":
            return warn_at is not None and State(state) in OPEN
        case "relayed":
            return warn_at is not None and State(state) is State.SENT and not undelivered
        case _:
            return tell_at is not None and told == outcome


def settled(db: apsw.Connection, delivery_id: str, outcome: str) -> None:
    """It was told; nothing to tell of it any more."""
    postpone(db, [(delivery_id, outcome)], None)
    if outcome == "expanded":
        db.execute("DELETE FROM expansions WHERE delivery = ?", (delivery_id,))


def postpone(db: apsw.Connection, told: Sequence[tuple[str, str]], until: float | None) -> None:
    """Tell these no earlier than `until`, if they are still to be told; None is never."""
    for delivery_id, outcome in told:
        if until is not None or outcome != "expanded":
            db.execute(_OUTCOME.get(outcome, _OTHERS), {"at": until, "id": delivery_id, "told": outcome})


def keep(db: apsw.Connection, intake: Intake) -> None:
    """What notices about a mail will need of it."""
    if intake.original:
        db.execute(
            "INSERT INTO originals (mail, content, whole) VALUES (?, ?, ?)",
            (intake.id, intake.original, int(intake.whole)),
        )
    for delivery_id, address in intake.expanded:
        db.execute(
            # Not where its mail came before: there is nothing to tell of.
            "INSERT INTO expansions (delivery, address, tell_at) SELECT id, ?, ? FROM deliveries WHERE id = ?",
            (address, intake.at, delivery_id),
        )


def original(db: apsw.Connection, mail: str) -> Original | None:
    """What notices about a mail give back of it."""
    row = db.execute(
        "SELECT m.at, m.envid, m.ret, ifnull(o.content, x''), ifnull(o.whole, 0) FROM mails m "
        "LEFT JOIN originals o ON o.mail = m.id WHERE m.id = ?",
        (mail,),
    ).fetchone()
    if row is None:
        return None
    return Original(at=row[0], envid=row[1], ret=row[2], original=bytes(row[3]), whole=bool(row[4]))


def forget(db: apsw.Connection, mail: str) -> None:
    """With the last text of a mail goes what was kept of the mail itself."""
    db.execute(
        "DELETE FROM originals WHERE mail = ? AND NOT EXISTS "
        "(SELECT 1 FROM deliveries WHERE mail = ? AND payload <> x'' AND channel = 'sms')",
        (mail, mail),
    )


def _expanded(db: apsw.Connection, to: str, values: dict[str, Any]) -> list[Telling]:
    rows: list[Any] = db.execute(
        "SELECT delivery, address FROM expansions WHERE tell_at <= :before ORDER BY delivery LIMIT :limit", values
    ).fetchall()
    found = []
    for delivery_id, address in rows:
        told = _select(db, f"d.id = :id {to}", {**values, "id": delivery_id}, "'expanded'")
        found += [replace(item, delivery=replace(item.delivery, address=address)) for item in told]
    return found


def _select(db: apsw.Connection, condition: str, values: dict[str, Any], told: str) -> list[Telling]:
    rows: list[Any] = db.execute(
        f"SELECT {_COLUMNS}, {told}, m.kind, m.message_id, {_ATTEMPTED} {_FROM} WHERE {condition}",  # own SQL
        values,
    ).fetchall()
    return [
        Telling(delivery=from_row(row), told=row[-4], kind=row[-3], message_id=row[-2], attempted=row[-1])
        for row in rows
    ]
