"""Handset reports: what each means for its delivery, and where one waits whose delivery is not known yet."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import apsw

from bridge.message import Channel, Report, ReportState, State
from bridge.spool import Event, Step, deliveries

_SENT = Step(id="", to=State.SENT, event="sent", only_from=frozenset({State.UNKNOWN, State.QUEUED, State.HELD}))
_MEANING: dict[ReportState, Step] = {
    ReportState.DELIVERED: Step(id="", to=State.DELIVERED, event="delivered", status="2.1.5", told="delivered"),
    # Not final, but proof that the provider has the message: it settles a lost answer.
    ReportState.ACCEPTED: _SENT,
    ReportState.UNDELIVERED: _SENT,
    ReportState.EXPIRED: Step(id="", to=State.FAILED, event="bounced", status="4.4.7", told="failed"),
    ReportState.DELETED: Step(id="", to=State.FAILED, event="bounced", status="5.2.0", told="failed"),
    ReportState.REJECTED: Step(id="", to=State.FAILED, event="bounced", status="5.7.1", told="failed"),
}


def note(db: apsw.Connection, report: Report, now: float) -> bool:
    """Settle the delivery a report speaks of; an unknown one waits in `orphans` for the answer that names it.

    What comes again is not written again. Under the same id something else is another report: state only moves
    forward, so it can do no harm, and whether the provider's ids are unique among reports is not documented.
    """
    delivery_id = _find(db, report)
    if _came_before(db, report, delivery_id, now):
        return delivery_id is not None
    if delivery_id is None:
        db.execute(
            "INSERT INTO orphans (transfer_id, client_message_id, phone, state, text, at) VALUES (?, ?, ?, ?, ?, ?)",
            (report.transfer_id, report.client_message_id, report.phone, report.state.value, report.text, now),
        )
        return False
    settle(db, delivery_id, report.state, report.text, now)
    return True


def _came_before(db: apsw.Connection, report: Report, delivery_id: str | None, now: float) -> bool:
    said = (report.notification_id, report.state.value, report.client_message_id, report.transfer_id, report.text)
    key = hashlib.sha256("\x00".join(["report", *(part or "" for part in said)]).encode("utf-8", "replace")).digest()
    new = db.execute(
        "INSERT OR IGNORE INTO seen (key, delivery, at) VALUES (?, ?, ?) RETURNING 1", (key, delivery_id or "", now)
    ).fetchall()
    return not new


def settle(db: apsw.Connection, delivery_id: str, state: ReportState, text: str, now: float) -> None:
    """Write a report into the history of its delivery and make the move it means."""
    deliveries.note(db, delivery_id, Event(at=now, event="report", code=state.value, text=text))
    # "phone report" rather than a provider's code: what failed is the delivery, not the call.
    step = replace(_MEANING[state], id=delivery_id, code=f"report {state.value}", text=text)
    deliveries.move(db, step, now)
    db.execute(
        "UPDATE deliveries SET reported = 1, undelivered = ifnull(?, undelivered) WHERE id = ?",
        ({ReportState.UNDELIVERED: 1, ReportState.DELIVERED: 0}.get(state), delivery_id),
    )


def was_reported(db: apsw.Connection, delivery_id: str) -> bool:
    """Whether any report came: then the provider has the message, whatever became of its answer."""
    rows = db.execute("SELECT 1 FROM deliveries WHERE id = ? AND reported = 1", (delivery_id,)).fetchall()
    return bool(rows)


def sent_after_all(step: Step) -> Step:
    """Instead of UNKNOWN, where a report came: then the provider has the message."""
    return replace(step, to=State.SENT, event="sent", text=f"a report came; {step.text}", status="2.0.0")


def adopt(db: apsw.Connection, delivery_id: str, transfer_id: str, now: float) -> None:
    """Settle a delivery by the reports that came before the answer naming its transfer id."""
    rows: list[Any] = db.execute(
        "DELETE FROM orphans WHERE transfer_id = ? RETURNING state, text, at", (transfer_id,)
    ).fetchall()
    for state, text, _ in sorted(rows, key=lambda row: float(row[2])):
        settle(db, delivery_id, ReportState(state), text, now)


def _find(db: apsw.Connection, report: Report) -> str | None:
    for column, value in (("id", report.client_message_id), ("transfer_id", report.transfer_id)):
        if value is not None:
            row = db.execute(
                f"SELECT id FROM deliveries WHERE {column} = ? AND channel = 'sms' LIMIT 1",  # noqa: S608  # two literals
                (value,),
            ).fetchone()
            if row is not None:
                return str(row[0])
    return None


def move(db: apsw.Connection, steps: Sequence[Step], now: float) -> list[bool]:
    """Make moves, with what reports know of them already."""
    named = any(step.transfer_id is not None for step in steps)
    waiting = named and db.execute("SELECT 1 FROM orphans WHERE transfer_id IS NOT NULL LIMIT 1").fetchall()
    return [_move(db, step, now, adopting=bool(waiting)) for step in steps]


def _move(db: apsw.Connection, step: Step, now: float, *, adopting: bool) -> bool:
    step = _known(db, step)
    moved = deliveries.move(db, step, now)
    if not moved and deliveries.answers(step):
        deliveries.note_late(db, step, now)
    if adopting and step.transfer_id is not None:
        adopt(db, step.id, step.transfer_id, now)
    return moved


def recover(db: apsw.Connection, now: float) -> tuple[int, int]:
    """After a crash: SMS that were under way become UNKNOWN, mails QUEUED, leases fall back. Counts of both."""
    steps = [
        _known(db, Step(id=delivery.id, to=State.UNKNOWN, event="unknown", text=deliveries.STOPPED))
        if delivery.channel is Channel.SMS
        else deliveries.interrupted(db, delivery.id, now)
        for delivery in deliveries.select(db, f"{deliveries.OPEN_STATES} AND state = 'sending'", ())
    ]
    for step in steps:
        deliveries.move(db, step, now)
    db.execute("UPDATE deliveries SET lease = NULL WHERE lease IS NOT NULL")
    unknown = sum(step.to is State.UNKNOWN for step in steps)
    return unknown, sum(step.to is State.QUEUED for step in steps)


def _known(db: apsw.Connection, step: Step) -> Step:
    """An outcome that is lost and yet known, since a report of it came."""
    if step.to is State.UNKNOWN and was_reported(db, step.id):
        return sent_after_all(step)
    return step
