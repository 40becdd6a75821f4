"""Moves in PostgreSQL: for many deliveries in one trip, and who may make them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bridge.message import Channel, Delivery, State
from bridge.spool import COMES_FROM, Step, deliveries, reports
from bridge.spool.postgres.link import Link

_OUTCOMES = frozenset({State.SENT, State.DELIVERED, State.FAILED})

_PASSED: Final = {
    "id": "text",
    "to": "text",
    "origins": "text",
    "now": "double precision",
    "attempts": "integer",
    "code": "text",
    "text": "text",
    "status": "text",
    "next_at": "double precision",
    "expires_at": "double precision",
    "transfer_id": "text",
    "told": "text",
    "event": "text",
    "guard": "text",
    "node": "text",
    "me": "text",
}
_GUARDS: Final = """CASE s.p_guard
    WHEN 'call' THEN coalesce(sent_by, '') = s.p_node
    WHEN 'other' THEN state <> 'sending' OR coalesce(sent_by, s.p_me) = s.p_me
    ELSE TRUE END"""


@dataclass(slots=True)
class Hand:
    """What this node has in hand: by delivery, the node (its own name then) that made the call."""

    calls: dict[str, str] = field(default_factory=dict)
    strays: bool = False  # there may be some in SENDING of which nobody was told: whether it was committed is not known

    def started(self, found: Sequence[Delivery], node: str) -> None:
        """Note calls that begin now that it was committed."""
        self.calls |= {delivery.id: node for delivery in found}
        self.strays = False

    def moved(self, step: Step, node: str, *, done: bool) -> None:
        """Note a move that was committed, or refused for good."""
        if step.to is not State.SENDING:
            self.calls.pop(step.id, None)
        elif done:
            self.calls[step.id] = node

    def guard(self, step: Step) -> tuple[str, str | None]:
        """What must hold for a step in the moment it is made, beside `MOVES`."""
        if step.to is State.SENDING:
            return "", None  # whatever waits, anybody may begin
        # That it was sent is true whoever says it; anything else is only so of the call that it answers.
        call = self.calls.get(step.id)
        if call is not None and step.to is not State.SENT:
            return "call", call
        return ("" if step.to in _OUTCOMES else "other"), None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """Steps that one asker wants made together."""

    steps: Sequence[Step]
    now: float


def _sql() -> str:
    """The UPDATE of `bridge.spool.deliveries`, for a list of steps instead of one."""
    text = deliveries.move_sql(frozenset({State.QUEUED}))
    changes = text[: text.rindex("WHERE id = :id")].replace("UPDATE deliveries SET", "", 1)
    changes = re.sub(r"(?<![:\w]):([a-z_]+)", r"s.p_\1", changes)
    names = ", ".join(f"p_{name}" for name in _PASSED)
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(_PASSED.values(), 1))
    return f"""
    WITH s AS (SELECT * FROM unnest({arrays}) AS s ({names})),
    moved AS (
        UPDATE deliveries SET {changes},
            sent_by = CASE s.p_to WHEN 'sending' THEN s.p_me ELSE sent_by END
        FROM s WHERE id = s.p_id AND strpos(s.p_origins, ',' || state || ',') > 0 AND {_GUARDS}
            AND (s.p_to <> 'unknown' OR reported = 0)
        RETURNING id
    ),
    noted AS (
        INSERT INTO events (delivery, at, event, code, text)
        SELECT s.p_id, s.p_now, s.p_event, s.p_code, s.p_text FROM s JOIN moved ON moved.id = s.p_id
    )
    SELECT id FROM moved
    """  # noqa: S608  # our own words


_MOVE = _sql()


def anything_due(db: Link, channel: Channel, now: float) -> bool:
    """Whether to start something would be worth a transaction; only looks."""
    # Written as in the index, so that the planner sees that it is the same; both kinds of urgency use its order.
    asked = (
        "EXISTS (SELECT 1 FROM deliveries WHERE state = 'queued' AND lease IS NULL AND channel = :channel "
        "AND urgent = {} AND next_at <= :now)"
    )
    row = db.execute(
        f"SELECT {asked.format(1)} OR {asked.format(0)}", {"channel": channel.value, "now": now}
    ).fetchone()
    return row is not None and bool(row[0])


def made(db: Link, hand: Hand, node: str, asked: Sequence[tuple[Step, float]]) -> set[str]:
    """Make moves of different deliveries; gives the ids of those that were made."""
    return _update(db, node, [_row(hand, step, now) for step, now in asked])


def move_many(db: Link, hand: Hand, node: str, asked: Sequence[Moves]) -> list[list[bool]]:
    """Make the moves of several askers, in their order; says of each step whether it was made."""
    steps = [(step, moves.now) for moves in asked for step in moves.steps]
    made = iter(_made(db, hand, node, steps))
    return [[next(made) for _ in moves.steps] for moves in asked]


def settle(db: Link, node: str, found: Sequence[tuple[Step, str | None]], now: float) -> list[Step]:
    """Make the moves that dead nodes would have had to make; gives those that were made."""
    hand = Hand(calls={step.id: sent_by or "" for step, sent_by in found})
    steps = [(step, now) for step, _ in found]
    return [step for step, done in _update_known(db, hand, node, steps) if done]


def _made(db: Link, hand: Hand, node: str, asked: Sequence[tuple[Step, float]]) -> Iterator[bool]:
    for together in _rounds(asked):
        answers = _update_known(db, hand, node, together)
        for (step, done), (_, now) in zip(answers, together, strict=True):
            if not done:
                _not_moved(db, step, now)
        _adopt(db, together)
        yield from (done for _, done in answers)


def _update_known(db: Link, hand: Hand, node: str, steps: Sequence[tuple[Step, float]]) -> list[tuple[Step, bool]]:
    """Each step as it was made, or was not: SENT where UNKNOWN was asked for and a report had come."""
    moved = made(db, hand, node, steps)
    lost = [step.id for step, _ in steps if step.to is State.UNKNOWN and step.id not in moved]
    reported: set[str] = set()
    if lost:
        rows = db.execute("SELECT id FROM deliveries WHERE id = ANY(?) AND reported = 1", (lost,))
        reported = {row[0] for row in rows}
        # The same call's answer, so what must hold of that one must hold of this.
        again = [(step, now) for step, now in steps if step.id in reported]
        moved |= made(db, hand, node, [(reports.sent_after_all(step), now) for step, now in again])
    return [(reports.sent_after_all(step) if step.id in reported else step, step.id in moved) for step, _ in steps]


def _rounds(steps: Sequence[tuple[Step, float]]) -> Iterator[list[tuple[Step, float]]]:
    """In their order, and no delivery twice in one statement."""
    together: list[tuple[Step, float]] = []
    ids: set[str] = set()
    for step, now in steps:
        if step.id in ids:
            yield together
            together, ids = [], set()
        together.append((step, now))
        ids.add(step.id)
    if together:
        yield together


def _row(hand: Hand, step: Step, now: float) -> tuple[Any, ...]:
    origins = COMES_FROM[step.to] if step.only_from is None else COMES_FROM[step.to] & step.only_from
    guard, node = hand.guard(step)
    text = step.text[: deliveries.MAX_TEXT]
    return (
        step.id,
        step.to.value,
        f",{','.join(sorted(origins))},",
        now,
        step.attempts,
        step.code,
        text,
        step.status,
        step.next_at,
        step.expires_at,
        step.transfer_id,
        step.told,
        step.event,
        guard,
        node,
    )


def _update(db: Link, node: str, rows: Sequence[tuple[Any, ...]]) -> set[str]:
    if not rows:
        return set()
    ordered = sorted(((*row, node) for row in rows), key=lambda row: str(row[0]))
    columns = [list(column) for column in zip(*ordered, strict=True)]
    return {row[0] for row in db.execute(_MOVE, columns)}


def _not_moved(db: Link, step: Step, now: float) -> None:
    if step.transfer_id is not None:  # a report was faster than the answer: the id is still worth keeping
        db.execute(
            "UPDATE deliveries SET transfer_id = coalesce(transfer_id, ?) WHERE id = ?", (step.transfer_id, step.id)
        )
    if deliveries.answers(step):
        deliveries.note_late(db.cursor, step, now)


def _adopt(db: Link, steps: Sequence[tuple[Step, float]]) -> None:
    """Reports that came before the answers naming their transfer ids."""
    named = {step.transfer_id: (step.id, now) for step, now in steps if step.transfer_id is not None}
    if not named:
        return
    waiting = db.execute("SELECT DISTINCT transfer_id FROM orphans WHERE transfer_id = ANY(?)", (sorted(named),))
    for (transfer_id,) in waiting:
        delivery_id, now = named[transfer_id]
        reports.adopt(db.cursor, delivery_id, transfer_id, now)


_LATE = (
    "SELECT DISTINCT d.id, o.transfer_id FROM orphans o JOIN deliveries d ON d.transfer_id = o.transfer_id "
    "WHERE d.channel = 'sms' LIMIT 100"
)


def anything_late(db: Link) -> bool:
    """Whether `adopt_late` would find something; only looks."""
    return db.execute(_LATE).fetchone() is not None


def adopt_late(db: Link, now: float) -> int:
    """Reports and answers that passed each other in two transactions, of two nodes; how many reports."""
    rows: list[Any] = db.execute(_LATE).fetchall()
    for delivery_id, transfer_id in rows:
        reports.adopt(db.cursor, delivery_id, transfer_id, now)
    return len(rows)
