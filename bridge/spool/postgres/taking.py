"""Taking intakes in PostgreSQL: many in few trips, and what comes twice is taken once, on whichever nodes it comes.

What decides is always a primary key: who inserts it first, has it; whoever comes at the same time waits for that
commit and then sees it. What is inserted or locked is in sorted order, so that two nodes do not wait for each other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

from bridge.message import Delivery, State
from bridge.spool import SEEN_FOR, Accepted, Arrival, Conversation, Intake, intakes, telling
from bridge.spool.postgres.link import Link

_AGAIN: Final = frozenset({State.FAILED, State.DROPPED})


@dataclass(slots=True)
class _Taken:
    """One intake on its way."""

    intake: Intake
    answer: Accepted | None = None
    kept: list[Delivery] = field(default_factory=list)
    repeats: str | None = None


def accept_many(db: Link, asked: Sequence[Intake]) -> list[Accepted]:
    """What `bridge.spool.intakes.accept` does, for several in their order."""
    answers: list[Accepted] = []
    for together in _rounds(asked):
        taken = [_Taken(intake) for intake in together]
        _tell(db, taken)
        _notify(db, [one for one in taken if one.answer is None])
        _see(db, [one for one in taken if one.answer is None])
        new = [one for one in taken if one.answer is None]
        _insert(db, [one for one in new if one.kept])
        _converse(db, [one.intake for one in new])
        answers += [one.answer or Accepted(id=one.intake.id) for one in taken]
    return answers


def _rounds(asked: Sequence[Intake]) -> Iterator[list[Intake]]:
    """In their order; what has anything to do with an earlier one of its round begins the next."""
    together: list[Intake] = []
    names: set[object] = set()
    for intake in asked:
        own = set(_names(intake))
        if names & own:
            yield together
            together, names = [], set()
        together.append(intake)
        names |= own
    if together:
        yield together


def _names(intake: Intake) -> Iterator[object]:
    yield from (key for key in intake.seen if key is not None)
    yield ("mail", intake.id)
    yield ("notification", intake.notification_id) if intake.notification_id is not None else ("mail", intake.id)
    yield from intake.told
    yield from intake.alerts_told
    if intake.kind == "sms":
        yield from ((talk.phone, talk.line) for talk in intake.conversations)


def _tell(db: Link, taken: Sequence[_Taken]) -> None:
    """Notices: one whose outcomes another node has told meanwhile is not kept again."""
    for one in taken:
        intake = one.intake
        if not (intake.told or intake.alerts_told):
            continue
        if intake.told and not _are_owed(db, intake):
            one.answer = Accepted(id=intake.id, repeated=True)
            continue
        for delivery_id, outcome in sorted(intake.told):
            intakes.note_told(db.cursor, delivery_id, outcome, intake)
        alerts = db.execute(
            "UPDATE alerts SET told = 1 WHERE id = ANY(?) AND told = 0 RETURNING id", (sorted(intake.alerts_told),)
        ).fetchall()
        if intake.alerts_told and not alerts:
            one.answer = Accepted(id=intake.id, repeated=True)


def _are_owed(db: Link, intake: Intake) -> bool:
    """What `telling.all_owed` says; the deliveries are locked, so that no other node tells of them now."""
    ids = sorted({delivery_id for delivery_id, _ in intake.told})
    found = db.execute(f"SELECT {telling.OWED} FROM deliveries WHERE id = ANY(?) ORDER BY id FOR UPDATE", (ids,))  # noqa: S608  # our names
    rows = {row[0]: row for row in found}
    split = {row[0] for row in db.execute("SELECT delivery FROM expansions WHERE delivery = ANY(?)", (ids,))}
    return all(
        name in rows and telling.is_owed(rows[name], outcome, split=name in split) for name, outcome in intake.told
    )


def _notify(db: Link, taken: Sequence[_Taken]) -> None:
    """Notifications, by the provider's ids."""
    named = sorted(
        (one for one in taken if one.intake.notification_id is not None),
        key=lambda one: one.intake.notification_id or "",
    )
    if not named:
        return
    rows = db.execute(
        "INSERT INTO notifications (id, mail, at, digest) "
        "SELECT * FROM unnest($1::text[], $2::text[], $3::double precision[], $4::bytea[]) "
        "ON CONFLICT DO NOTHING RETURNING mail",
        [
            [one.intake.notification_id for one in named],
            [one.intake.id for one in named],
            [one.intake.at for one in named],
            [one.intake.digest for one in named],
        ],
    )
    new = {row[0] for row in rows}
    for one in named:
        if one.intake.id in new:
            continue
        row = db.execute(
            "SELECT mail, digest FROM notifications WHERE id = ?", (one.intake.notification_id,)
        ).fetchone()
        if row is not None:
            one.answer = Accepted(id=row[0], repeated=True, differs=row[1] != one.intake.digest)


def _see(db: Link, taken: Sequence[_Taken]) -> None:
    """Mails that come again, by their keys; `kept` is what did not."""
    keyed = {key: (one, delivery) for one in taken for delivery, key in _keyed(one.intake) if key is not None}
    first = _firsts(db, {key: (delivery.id, one.intake.at) for key, (one, delivery) in keyed.items()})
    for one in taken:
        repeats: list[str] = []
        for delivery, key in _keyed(one.intake):
            if key is not None and key in first:
                repeats.append(first[key])
            else:
                one.kept.append(delivery)
        if repeats and not one.kept:
            one.answer = Accepted(id=repeats[0], repeated=True)


def _keyed(intake: Intake) -> list[tuple[Delivery, bytes | None]]:
    keys = intake.seen or (None,) * len(intake.deliveries)
    return list(zip(intake.deliveries, keys, strict=True))


def _firsts(db: Link, asked: dict[bytes, tuple[str, float]]) -> dict[bytes, str]:
    """Of keys with the delivery and the time they come with, those that were here before: the id of the first mail.

    The others stand there now. In three looks, each after the locks of the one before: a single statement would judge
    the delivery of another node's mail by what was committed before it waited for that node.
    """
    if not asked:
        return {}
    new = db.execute(
        "INSERT INTO seen (key, delivery, at) SELECT * FROM unnest($1::bytea[], $2::text[], $3::double precision[]) "
        "ON CONFLICT DO NOTHING RETURNING key",
        _columns(asked),
    )
    again = {key: asked[key] for key in asked.keys() - {bytes(row[0]) for row in new}}
    if not again:
        return {}
    seen: list[Any] = db.execute(
        "SELECT key, delivery, at FROM seen WHERE key = ANY(?) ORDER BY key FOR UPDATE", (sorted(again),)
    ).fetchall()
    known = db.execute("SELECT id, mail, state FROM deliveries WHERE id = ANY(?)", ([row[1] for row in seen],))
    counts = {row[0]: row[1] for row in known if State(row[2]) not in _AGAIN}
    first = {bytes(key): counts[name] for key, name, at in seen if name in counts and at > again[key][1] - SEEN_FOR}
    over = {key: again[key] for key in again.keys() - first.keys()}
    if over:
        db.execute(
            "INSERT INTO seen (key, delivery, at) "
            "SELECT * FROM unnest($1::bytea[], $2::text[], $3::double precision[]) "
            "ON CONFLICT (key) DO UPDATE SET delivery = excluded.delivery, at = excluded.at",
            _columns(over),
        )
    return first


def _columns(asked: dict[bytes, tuple[str, float]]) -> list[list[Any]]:
    keys = sorted(asked)
    return [keys, [asked[key][0] for key in keys], [asked[key][1] for key in keys]]


_TYPES: Final[dict[object, str]] = {
    float: "double precision",
    float | None: "double precision",
    int: "integer",
    bool: "integer",
    bytes: "bytea",
}
_MAIL: Final = {field.name: _TYPES.get(field.type, "text") for field in fields(Arrival)}
_DELIVERY: Final = {field.name: _TYPES.get(field.type, "text") for field in fields(Delivery)}
_EVENT: Final = {"delivery": "text", "at": "double precision", "event": "text", "code": "text", "text": "text"}
_ORIGINAL: Final = {"mail": "text", "content": "bytea", "whole": "integer"}
_EXPANSION: Final = {"delivery": "text", "address": "text", "tell_at": "double precision"}
_TABLES: Final = (
    ("mails", _MAIL),
    ("deliveries", _DELIVERY),
    ("originals", _ORIGINAL),
    ("expansions", _EXPANSION),
    ("events", _EVENT),
)


def _insert_sql() -> str:
    """One statement for all tables, an array for each column."""
    statements, number = [], 0
    for table, columns in _TABLES:
        arrays = ", ".join(f"${number + at}::{kind}[]" for at, kind in enumerate(columns.values(), 1))
        names = ", ".join(columns)
        number += len(columns)
        # In the order of the arrays, so that what is numbered here is numbered as it came.
        statements.append(
            f"INSERT INTO {table} ({names}) SELECT {names} FROM unnest({arrays}) "  # noqa: S608  # our own names
            f"WITH ORDINALITY AS given ({names}, place) ORDER BY place"
        )
    *first, last = [f"new_{table} AS ({sql})" for (table, _), sql in zip(_TABLES, statements, strict=True)]
    return f"WITH {', '.join(first)} {last.removeprefix('new_events AS (').removesuffix(')')}"


_INSERT: Final = _insert_sql()


def _insert(db: Link, taken: Sequence[_Taken]) -> None:
    if not taken:
        return
    kept = [delivery for one in taken for delivery in one.kept]
    rows: tuple[list[tuple[Any, ...]], ...] = (
        [tuple(getattr(one.intake, name) for name in _MAIL) for one in taken],
        [tuple(getattr(delivery, name) for name in _DELIVERY) for delivery in kept],
        [(one.intake.id, one.intake.original, one.intake.whole) for one in taken if one.intake.original],
        [
            (name, address, one.intake.at)
            for one in taken
            for name, address in one.intake.expanded
            if name in {delivery.id for delivery in one.kept}
        ],
        [(one.id, one.created_at, one.state.value, one.code, one.reason) for one in kept],
    )
    values: list[list[Any]] = []
    for (_, columns), table in zip(_TABLES, rows, strict=True):
        values += [[row[at] for row in table] for at in range(len(columns))]
    db.execute(_INSERT, values)


def _converse(db: Link, asked: Sequence[Intake]) -> None:
    """Conversations that mails open, the last one of a phone and line counts; and those that SMS keep open."""
    opened: dict[tuple[str, str], tuple[Conversation, float]] = {}
    for intake in asked:
        if intake.kind == "sms":
            intakes.converse(db.cursor, intake)
        else:
            opened |= {(talk.phone, talk.line): (talk, intake.at) for talk in intake.conversations}
    if not opened:
        return
    rows = [
        (talk.phone, talk.line, talk.author, talk.message_id, talk.subject, at, talk.expires_at)
        for _, (talk, at) in sorted(opened.items())
    ]
    db.execute(_OPEN, [list(column) for column in zip(*rows, strict=True)])


_OPEN: Final = """
INSERT INTO conversations (phone, line, author, message_id, subject, at, expires_at)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::double precision[], $7::double precision[]
)
ON CONFLICT (phone, line) DO UPDATE SET author = excluded.author, message_id = excluded.message_id,
    subject = excluded.subject, at = excluded.at, expires_at = excluded.expires_at
"""
