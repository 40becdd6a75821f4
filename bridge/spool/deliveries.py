"""Deliveries in SQL: insert, claim, and the one function that moves them."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import fields
from typing import Any

import apsw

from bridge.message import Channel, Delivery, OnUnknown, Reports, State
from bridge.spool import COMES_FROM, Event, Step

COLUMNS = tuple(field.name for field in fields(Delivery))
_LIST = ", ".join(COLUMNS)
_INSERT = f"INSERT INTO deliveries ({_LIST}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608  # our names
_EVENT = "INSERT INTO events (delivery, at, event, code, text) VALUES (?, ?, ?, ?, ?)"
_KINDS = {"channel": Channel, "state": State, "reports": Reports, "on_unknown": OnUnknown, "urgent": bool}
_READERS = tuple(_KINDS.get(name) for name in COLUMNS)

_FAILURES = "(CASE notify WHEN '' THEN reports <> 'none' ELSE instr(notify, 'failure') > 0 END)"
_SUCCESS = "(CASE notify WHEN '' THEN reports = 'all' ELSE instr(notify, 'success') > 0 END)"

STOPPED = "the bridge stopped during the call"
"""What an event says of a delivery that a crash found under way."""

MOST_STOPS = 3
"""Crashes during one mail's delivery after which it waits for a person: it may be what stops the bridge."""

_POISON = f"the bridge stopped {MOST_STOPS} times while it delivered this"

MAX_TEXT = 500
"""Characters of a carrier's words that are kept."""


def from_row(row: Sequence[Any]) -> Delivery:
    """A row in the order of `COLUMNS`."""
    return Delivery(
        **{
            name: value if kind is None else kind(value)
            for name, kind, value in zip(COLUMNS, _READERS, row, strict=False)
        }
    )


def insert(db: apsw.Connection, delivery: Delivery) -> None:
    """Put a new delivery in, with the first line of its history."""
    db.execute(_INSERT, tuple(getattr(delivery, name) for name in COLUMNS))
    db.execute(_EVENT, (delivery.id, delivery.created_at, delivery.state.value, delivery.code, delivery.reason))


def note(db: apsw.Connection, delivery_id: str, event: Event) -> None:
    """Add a line to a delivery's history."""
    db.execute(_EVENT, (delivery_id, event.at, event.event, event.code, event.text[:MAX_TEXT]))


def answers(step: Step) -> bool:
    """Whether a step says what a call brought, so that it is worth a line even when nothing moves."""
    return bool(step.code or step.transfer_id) and (step.only_from is None or State.SENDING in step.only_from)


def note_late(db: apsw.Connection, step: Step, now: float) -> None:
    """Keep an answer that came when its delivery was settled by other news: no move any more, but what happened."""
    if db.execute("SELECT 1 FROM deliveries WHERE id = ?", (step.id,)).fetchall():
        note(db, step.id, Event(at=now, event="answered", code=step.code, text=step.text))


def move_sql(origins: frozenset[State]) -> str:
    """The move itself, with the fields of a step as named values; the columns it reads are the row's before it."""
    states = ", ".join(f"'{state.value}'" for state in sorted(origins))
    # Which outcomes an author is told is the client's choice, else the route's, kept with the delivery: decided here.
    return f"""
    UPDATE deliveries SET state = :to, changed_at = :now, lease = NULL, attempts = attempts + :attempts,
        code = CASE WHEN :code = '' THEN code ELSE :code END,
        reason = CASE WHEN :text = '' AND :code = '' THEN reason ELSE :text END,
        status = CASE WHEN :status = '' THEN status ELSE :status END,
        next_at = ifnull(:next_at, next_at), expires_at = ifnull(:expires_at, expires_at),
        transfer_id = ifnull(:transfer_id, transfer_id),
        -- who asked for success and never hears of a report is told at the end that it went out
        warn_at = CASE WHEN :to = 'sent' AND channel = 'sms' AND {_SUCCESS} THEN expires_at
                       WHEN :to IN ('sent', 'delivered', 'failed', 'dropped') THEN NULL ELSE warn_at END,
        tell_at = CASE WHEN (:told = 'failed' AND {_FAILURES}) OR (:told = 'delivered' AND {_SUCCESS})
                       -- who was told that it failed is told that it did not
                       OR (:told = 'delivered' AND told = 'failed' AND tell_at IS NULL AND {_FAILURES})
                       THEN :now WHEN :to IN ('delivered', 'queued', 'dropped') THEN NULL ELSE tell_at END,
        told = CASE WHEN :told = 'delivered' AND told = 'failed' AND tell_at IS NULL AND {_FAILURES} THEN 'corrected'
                    WHEN :told <> '' THEN :told
                    -- nobody had heard of it yet
                    WHEN :to = 'queued' AND tell_at IS NOT NULL THEN '' ELSE told END
    WHERE id = :id AND state IN ({states}) RETURNING seq
    """  # noqa: S608  # only our own state words are put in


_MOVES: dict[frozenset[State], str] = {}


def move(db: apsw.Connection, step: Step, now: float) -> bool:
    """Make one move, if `MOVES` and the step's own condition allow it; every change of state passes here."""
    origins = COMES_FROM[step.to]
    if step.only_from is not None:
        origins &= step.only_from
    sql = _MOVES.get(origins)
    if sql is None:
        sql = _MOVES[origins] = move_sql(origins)
    text = step.text[:MAX_TEXT]
    moved = db.execute(
        sql,
        {
            "id": step.id,
            "to": step.to.value,
            "now": now,
            "attempts": step.attempts,
            "code": step.code,
            "text": text,
            "status": step.status,
            "next_at": step.next_at,
            "expires_at": step.expires_at,
            "transfer_id": step.transfer_id,
            "told": step.told,
        },
    ).fetchall()
    if not moved:
        if step.transfer_id is not None:  # a report was faster than the answer: the id is still worth keeping
            db.execute(
                "UPDATE deliveries SET transfer_id = ifnull(transfer_id, ?) WHERE id = ?",
                (step.transfer_id, step.id),
            )
        return False
    db.execute(_EVENT, (step.id, now, step.event, step.code, text))
    return True


def _due(channel: Channel, urgent: int, without: Collection[str]) -> str:
    skip = f"AND route NOT IN ({', '.join('?' * len(without))})" if without else ""
    return f"""
    SELECT seq FROM deliveries WHERE state = 'queued' AND lease IS NULL AND channel = '{channel.value}'
        AND urgent = {urgent} AND next_at <= ? {skip} ORDER BY next_at, seq LIMIT ?
    """  # noqa: S608  # our own words only, routes are bound


def claim(
    db: apsw.Connection,
    channel: Channel,
    limit: int,
    now: float,
    lease: float,
    without_routes: Collection[str],
) -> list[Delivery]:
    """Lease what is due: urgent first, then oldest first."""
    claimed: list[Delivery] = []
    for urgent in (1, 0):
        room = limit - len(claimed)
        if room <= 0:
            break
        rows = db.execute(
            f"UPDATE deliveries SET lease = ? WHERE seq IN ({_due(channel, urgent, without_routes)}) "  # noqa: S608  # own SQL
            f"RETURNING {_LIST}, seq",
            (lease, now, *without_routes, room),
        ).fetchall()
        rows.sort(key=lambda row: (row[COLUMNS.index("next_at")], row[-1]))
        claimed += [from_row(row) for row in rows]
    return claimed


def unclaim(db: apsw.Connection, ids: Sequence[str]) -> None:
    """Give leases back."""
    for delivery_id in ids:
        db.execute("UPDATE deliveries SET lease = NULL WHERE id = ? AND state = 'queued'", (delivery_id,))


def release_leases(db: apsw.Connection, before: float) -> int:
    """Let leases fall back that nobody renewed; says how many."""
    return len(
        db.execute(
            "UPDATE deliveries SET lease = NULL WHERE lease IS NOT NULL AND lease < ? RETURNING seq",
            (before,),
        ).fetchall()
    )


def clamp(db: apsw.Connection, latest: float) -> None:
    """Nothing waits longer than any wait is: what looks so was noted by a clock that was ahead."""
    db.execute("UPDATE deliveries SET next_at = ?1 WHERE state = 'queued' AND next_at > ?1", (latest,))
    for table in ("deliveries", "expansions"):
        db.execute(f"UPDATE {table} SET tell_at = ?1 WHERE tell_at > ?1", (latest,))  # noqa: S608  # two literals


def shift(db: apsw.Connection, seconds: float) -> None:
    """Move all times of what is not over, or not told yet."""
    db.execute(
        "UPDATE deliveries SET next_at = next_at + ?1, expires_at = expires_at + ?1, warn_at = warn_at + ?1, "
        "tell_at = tell_at + ?1, created_at = created_at + ?1, changed_at = changed_at + ?1, lease = lease + ?1 "
        "WHERE state IN ('queued', 'sending', 'unknown', 'held') OR tell_at IS NOT NULL "
        "OR (state = 'sent' AND (undelivered = 1 OR warn_at IS NOT NULL))",
        (seconds,),
    )
    db.execute("UPDATE expansions SET tell_at = tell_at + ?", (seconds,))


def select(db: apsw.Connection, condition: str, parameters: Sequence[Any]) -> Iterator[Delivery]:
    """Deliveries by a condition of ours."""
    for row in db.execute(f"SELECT {_LIST} FROM deliveries WHERE {condition}", parameters):  # noqa: S608  # own SQL
        yield from_row(row)


def count(db: apsw.Connection, condition: str) -> int:
    """How many deliveries a condition of ours holds for."""
    rows: list[Any] = db.execute(f"SELECT count(*) FROM deliveries WHERE {condition}").fetchall()  # noqa: S608  # own SQL
    return int(rows[0][0])


def oldest(db: apsw.Connection, channel: Channel) -> float | None:
    """When the oldest that is queued came in."""
    rows: list[Any] = db.execute(
        "SELECT min(created_at) FROM deliveries WHERE state = 'queued' AND channel = ?", (channel.value,)
    ).fetchall()
    return None if rows[0][0] is None else float(rows[0][0])


def events(db: apsw.Connection, delivery_id: str) -> list[Event]:
    """A delivery's history, oldest first."""
    return [
        Event(at=at, event=event, code=code, text=text)
        for at, event, code, text in db.execute(
            "SELECT at, event, code, text FROM events WHERE delivery = ? ORDER BY rowid", (delivery_id,)
        )
    ]


def interrupted(db: apsw.Connection, delivery_id: str, now: float) -> Step:
    """What becomes of a mail that a crash found under way: it goes again, but not for ever."""
    (stops,) = db.execute(
        "SELECT count(*) FROM events WHERE delivery = ? AND event = 'deferred' AND text = ?", (delivery_id, STOPPED)
    ).fetchone() or (0,)
    if stops < MOST_STOPS - 1:
        return Step(id=delivery_id, to=State.QUEUED, event="deferred", text=STOPPED, next_at=now)
    words = f"The mail {delivery_id} is held: {_POISON}. Let it go with: smsbridge queue release {delivery_id}"
    db.execute("INSERT INTO alerts (at, text) VALUES (?, ?)", (now, words))
    return Step(id=delivery_id, to=State.HELD, event="held", code="stopped", text=_POISON)
