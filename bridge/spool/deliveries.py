"""Deliveries in SQL: insert, read, and the one function that moves them; `due` begins them."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

import apsw

from bridge.message import Channel, Delivery, OnUnknown, Reports, State
from bridge.nouns import reader
from bridge.spool import COMES_FROM, FINAL, Event, Step

COLUMNS = tuple(field.name for field in fields(Delivery))
LIST = ", ".join(COLUMNS)
_INSERT = f"INSERT INTO deliveries ({LIST}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608  # our names
EVENT = "INSERT INTO events (delivery, at, event, code, text) VALUES (?, ?, ?, ?, ?)"
_WORDS = {"channel": Channel, "state": State, "reports": Reports, "on_unknown": OnUnknown}

_FAILURES = "(CASE notify WHEN '' THEN reports <> 'none' ELSE instr(notify, 'failure') > 0 END)"
_SUCCESS = "(CASE notify WHEN '' THEN reports = 'all' ELSE instr(notify, 'success') > 0 END)"

STOPPED = "the bridge stopped during the call"
"""What an event says of a delivery that a crash found under way."""

MOST_STOPS = 3
"""Crashes during one mail's delivery after which it waits for a person: it may be what stops the bridge."""

_POISON = f"the bridge stopped {MOST_STOPS} times while it delivered this"


OPEN_STATES = "state <> 'sent' AND state <> 'delivered' AND state <> 'failed' AND state <> 'dropped'"
"""What is not done. SQLite looks into the index of these only where a condition says so in these words; so below."""

WAITING_STATES = f"{OPEN_STATES} AND state <> 'sending'"
FINAL_STATES = "state <> 'queued' AND state <> 'sending' AND state <> 'unknown' AND state <> 'held'"

MAX_TEXT = 500
"""Characters of a carrier's words that are kept."""


def _row_reader() -> Callable[[Sequence[Any]], Delivery]:
    kinds = {name: {word.value: word for word in kind} for name, kind in _WORDS.items()}
    values = {name: f"row[{at}]" for at, name in enumerate(COLUMNS)}
    values |= {name: f"kinds['{name}'][{values[name]}]" for name in kinds}
    values["urgent"] = f"{values['urgent']} != 0"
    return reader(Delivery, values, kinds=kinds)


from_row = _row_reader()
"""Gives the delivery of a row in the order of `COLUMNS`."""


_values = attrgetter(*COLUMNS)


def insert(db: apsw.Connection, delivery: Delivery) -> None:
    """Put a new delivery in, with the first line of its history."""
    db.execute(_INSERT, _values(delivery))
    db.execute(EVENT, (delivery.id, delivery.created_at, delivery.state.value, delivery.code, delivery.reason))


def note(db: apsw.Connection, delivery_id: str, event: Event) -> None:
    """Add a line to a delivery's history."""
    db.execute(EVENT, (delivery_id, event.at, event.event, event.code, event.text[:MAX_TEXT]))


def answers(step: Step) -> bool:
    """Whether a step says what a call brought, so that it is worth a line even when nothing moves."""
    return bool(step.code or step.transfer_id) and (step.only_from is None or State.SENDING in step.only_from)


def note_late(db: apsw.Connection, step: Step, now: float) -> None:
    """Keep an answer that came when its delivery was settled by other news: no move any more, but what happened."""
    if db.execute("SELECT 1 FROM deliveries WHERE id = ?", (step.id,)).fetchall():
        note(db, step.id, Event(at=now, event="answered", code=step.code, text=step.text))


_UNTOLD = frozenset({State.DELIVERED, State.QUEUED, State.DROPPED})
"""Of what comes here nothing is told that was noted before."""


def _one_of(what: str, states: Iterable[State]) -> str:
    """The condition that `what` is one of these. SQLite builds a table in memory for an IN of more than two."""
    return f"({' OR '.join(f'{what} = {state.value!r}' for state in sorted(states)) or 'FALSE'})"


_CHANGES = {
    "state": ":to",
    "changed_at": ":now",
    "lease": "NULL",
    "attempts": "attempts + :attempts",
    "code": "CASE WHEN :code = '' THEN code ELSE :code END",
    "reason": "CASE WHEN :text = '' AND :code = '' THEN reason ELSE :text END",
    "status": "CASE WHEN :status = '' THEN status ELSE :status END",
    "next_at": "ifnull(:next_at, next_at)",
    "expires_at": "ifnull(:expires_at, expires_at)",
    "transfer_id": "ifnull(:transfer_id, transfer_id)",
    # Who asked for success and never hears of a report is told at the end that it went out.
    "warn_at": f"""CASE WHEN :to = 'sent' AND channel = 'sms' AND {_SUCCESS} THEN expires_at
        WHEN {_one_of(":to", FINAL)} THEN NULL ELSE warn_at END""",
    # Which outcomes an author is told is the client's choice, else the route's, kept with the delivery: decided here.
    # Who was told that it failed is told that it did not.
    "tell_at": f"""CASE WHEN (:told = 'failed' AND {_FAILURES}) OR (:told = 'delivered' AND {_SUCCESS})
        OR (:told = 'delivered' AND told = 'failed' AND tell_at IS NULL AND {_FAILURES})
        THEN :now WHEN {_one_of(":to", _UNTOLD)} THEN NULL ELSE tell_at END""",
    # What was to be told and goes again: nobody had heard of it yet.
    "told": f"""CASE WHEN :told = 'delivered' AND told = 'failed' AND tell_at IS NULL AND {_FAILURES} THEN 'corrected'
        WHEN :told <> '' THEN :told WHEN :to = 'queued' AND tell_at IS NOT NULL THEN '' ELSE told END""",
}
"""What a move makes of each column, with a step's fields as named values; the columns read are the row's before."""

_ALWAYS = ("state", "changed_at", "lease")


def _touched(step: Step) -> tuple[str, ...]:
    """The columns that a step does not leave as they are by the rules of `_CHANGES`.

    Only those are written: an index whose columns a statement does not name costs nothing.
    """
    to = step.to
    found = [*_ALWAYS]
    found += [name for name in ("attempts", "code", "status") if getattr(step, name)]
    found += [name for name in ("next_at", "expires_at", "transfer_id") if getattr(step, name) is not None]
    if step.code or step.text:
        found.append("reason")
    if to in FINAL:
        found.append("warn_at")
    if step.told or to in _UNTOLD:
        found.append("tell_at")
    if step.told or to is State.QUEUED:
        found.append("told")
    return tuple(found)


def move_sql(origins: Collection[State], columns: Collection[str] = tuple(_CHANGES)) -> str:
    """The move itself, where it changes no other columns than these."""
    changes = ", ".join(f"{name} = {_CHANGES[name]}" for name in columns)
    return f"UPDATE deliveries SET {changes} WHERE id = :id AND {_one_of('state', origins)}"  # noqa: S608  # our own words


_MOVES: dict[tuple[frozenset[State], tuple[str, ...]], str] = {}


def move(db: apsw.Connection, step: Step, now: float) -> bool:
    """Make one move, if `MOVES` and the step's own condition allow it; every change of state passes here."""
    origins = COMES_FROM[step.to]
    if step.only_from is not None:
        origins &= step.only_from
    shape = (origins, _touched(step))
    sql = _MOVES.get(shape)
    if sql is None:
        sql = _MOVES[shape] = move_sql(*shape)
    text = step.text[:MAX_TEXT]
    db.execute(
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
    )
    if not db.changes():
        if step.transfer_id is not None:  # a report was faster than the answer: the id is still worth keeping
            db.execute(
                "UPDATE deliveries SET transfer_id = ifnull(transfer_id, ?) WHERE id = ?",
                (step.transfer_id, step.id),
            )
        return False
    db.execute(EVENT, (step.id, now, step.event, step.code, text))
    return True


def clamp(db: apsw.Connection, latest: float) -> None:
    """Nothing waits longer than any wait is: what looks so was noted by a clock that was ahead."""
    # In the words of the indexes `due` and `leased`: a queue of a million must not be read for this.
    unleased = "lease IS NULL AND channel IN ('sms', 'mail') AND urgent IN (0, 1)"
    for which in (unleased, "lease IS NOT NULL"):
        db.execute(
            f"UPDATE deliveries SET next_at = ?1 WHERE state = 'queued' AND {which} AND next_at > ?1",  # noqa: S608  # two literals
            (latest,),
        )
    for table in ("deliveries", "expansions"):
        db.execute(f"UPDATE {table} SET tell_at = ?1 WHERE tell_at > ?1", (latest,))  # noqa: S608  # two literals


def shift(db: apsw.Connection, seconds: float) -> None:
    """Move all times of what is not over, or not told yet."""
    db.execute(  # our own words
        "UPDATE deliveries SET next_at = next_at + ?1, expires_at = expires_at + ?1, warn_at = warn_at + ?1, "  # noqa: S608
        "tell_at = tell_at + ?1, created_at = created_at + ?1, changed_at = changed_at + ?1, lease = lease + ?1 "
        f"WHERE ({OPEN_STATES}) OR tell_at IS NOT NULL "
        "OR (state = 'sent' AND (undelivered = 1 OR warn_at IS NOT NULL))",
        (seconds,),
    )
    db.execute("UPDATE expansions SET tell_at = tell_at + ?", (seconds,))


def select(db: apsw.Connection, condition: str, parameters: Sequence[Any]) -> Iterator[Delivery]:
    """Deliveries by a condition of ours."""
    for row in db.execute(f"SELECT {LIST} FROM deliveries WHERE {condition}", parameters):  # noqa: S608  # own SQL
        yield from_row(row)


def count(db: apsw.Connection, condition: str) -> int:
    """How many deliveries a condition of ours holds for."""
    rows: list[Any] = db.execute(f"SELECT count(*) FROM deliveries WHERE {condition}").fetchall()  # noqa: S608  # own SQL
    return int(rows[0][0])


def oldest(db: apsw.Connection, channel: Channel) -> float | None:
    """When the first that is queued came in."""
    rows: list[Any] = db.execute(
        f"SELECT created_at FROM deliveries WHERE {OPEN_STATES} AND state = 'queued' AND channel = ? "  # noqa: S608  # our own words
        "ORDER BY seq LIMIT 1",
        (channel.value,),
    ).fetchall()
    return float(rows[0][0]) if rows else None


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
