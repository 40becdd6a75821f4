"""Everything about one phone number, out of the spool: what `smsbridge forget` does, in one transaction.

A number stands in more places than its own rows: in notices and alerts that name it, in letters nobody could read, in
what a carrier said about somebody else's message. Rows that are about it go whole; where others only name it, the name
goes. Kept is the provider's id of each SMS for the seven days in which that may come again: it says nothing about
anybody, and without it the SMS would be back.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import apsw

from bridge.message import State
from bridge.spool import OPEN

_AT_ONCE: Final = 500
_FORGOTTEN: Final = "(forgotten)"
_BETWEEN: Final = "[ /.()-]*"
_SOFT_BREAK: Final = re.compile(rb"=\r?\n")

# A mail's deliveries go with the SMS it was; of a mail to several phones only this one's.
_ITS_OWN: Final = """
SELECT id, mail, state, expires_at, tell_at, channel FROM deliveries WHERE channel = 'sms' AND recipient = :phone
UNION SELECT d.id, d.mail, d.state, d.expires_at, d.tell_at, d.channel FROM mails m JOIN deliveries d ON d.mail = m.id
    WHERE m.kind = 'sms' AND m.sender = :phone
"""
_TOLD_BY: Final = """
SELECT id, mail, state FROM deliveries
WHERE id IN (SELECT code FROM events WHERE delivery = ? AND event LIKE 'told %' AND code <> '')
"""
_NOTICES: Final = """
SELECT d.id, d.mail, d.state, d.seq, d.payload FROM deliveries d JOIN mails m ON m.id = d.mail
WHERE m.kind = 'notice' AND d.seq > ? AND d.payload <> x'' ORDER BY d.seq LIMIT ?
"""


class Moved(Exception):
    """Something went on meanwhile; nothing was forgotten, and the next time it will do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number as it is kept, and all its spellings."""

    phone: str
    spelt: re.Pattern[str]

    def is_in(self, text: str) -> bool:
        """Whether a text names it."""
        return self.spelt.search(text) is not None

    def is_in_octets(self, octets: bytes) -> bool:
        """The same for a mail, or what a provider sent."""
        return self.is_in(_SOFT_BREAK.sub(b"", octets).decode("utf-8", "replace"))


def number(phone: str, others: Sequence[str] = ()) -> Number:
    """Of digits as they are kept, and other spellings of them; blanks and the like may stand anywhere in between."""
    spellings = "|".join(_BETWEEN.join(map(re.escape, each)) for each in (phone, *others))
    return Number(phone=phone, spelt=re.compile(rf"(?<![0-9])(?:\+|00)?(?:{spellings})(?![0-9])"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What became of it: all is forgotten, or nothing since something is still under way."""

    counts: Mapping[str, int] = field(default_factory=dict)  # by what: "sms", "mails", "notices", …
    under_way: Sequence[tuple[str, State]] = ()
    calling: bool = False  # a call is under way: not even a yes helps before its answer


@dataclass(frozen=True, slots=True)
class _Row:
    """A delivery that goes."""

    id: str
    mail: str
    state: State
    kind: str
    waits: bool  # for a report, or for its author to be told


def forget(db: apsw.Connection, wanted: Number, now: float, *, yes: bool) -> Forgotten:
    """Forget a number. Without `yes` not while something waits or a report may come; never during a call.

    Raises `Moved`; then the transaction must be undone.
    """
    rows = list(_its_own(db, wanted, now))
    rows += _notices(db, wanted, rows)
    under_way = [(row.id, row.state) for row in rows if row.state in OPEN or row.waits]
    calling = any(row.state is State.SENDING for row in rows)
    if calling or (under_way and not yes):
        return Forgotten(under_way=under_way, calling=calling)
    counts = Counter(row.kind for row in rows)
    for row in rows:
        _drop(db, row)
    counts["conversations"] = _count(db, "DELETE FROM conversations WHERE phone = ? RETURNING 1", wanted.phone)
    counts["reports"] = _count(db, "DELETE FROM orphans WHERE phone = ? RETURNING 1", wanted.phone)
    counts["dead letters"] = _delete_naming(db, "dead_letters", "notification", "body", wanted.is_in_octets)
    counts["alerts"] = _delete_naming(db, "alerts", "id", "text", wanted.is_in)
    counts["mentions"] = _blot(db, wanted)
    return Forgotten(counts={name: count for name, count in counts.items() if count})


def _its_own(db: apsw.Connection, wanted: Number, now: float) -> Iterator[_Row]:
    rows: list[Any] = db.execute(_ITS_OWN, {"phone": wanted.phone}).fetchall()
    for name, mail, state, expires_at, tell_at, channel in rows:
        reports_may_come = channel == "sms" and state == State.SENT and expires_at > now
        waits = reports_may_come or tell_at is not None
        kind = "sms" if channel == "sms" else "mails"
        yield _Row(str(name), str(mail), State(state), kind, waits)


def _notices(db: apsw.Connection, wanted: Number, about: Sequence[_Row]) -> list[_Row]:
    """Mails of the bridge that told of it, or of something with its name."""
    found: dict[str, _Row] = {}
    for row in about:
        told_by: list[Any] = db.execute(_TOLD_BY, (row.id,)).fetchall()
        for name, mail, state in told_by:
            found[str(name)] = _Row(str(name), str(mail), State(state), "notices", waits=False)
    last = -1
    while True:
        notices: list[Any] = db.execute(_NOTICES, (last, _AT_ONCE)).fetchall()
        if not notices:
            break
        for name, mail, state, _, payload in notices:
            if wanted.is_in_octets(bytes(payload)):
                found[str(name)] = _Row(str(name), str(mail), State(state), "notices", waits=False)
        last = int(notices[-1][3])
    known = {row.id for row in about}
    return [row for row in found.values() if row.id not in known]


def _drop(db: apsw.Connection, row: _Row) -> None:
    # In the state it was seen in: a call that began meanwhile must be able to write down its outcome.
    if not db.execute(
        "DELETE FROM deliveries WHERE id = ? AND state = ? RETURNING 1", (row.id, row.state.value)
    ).fetchall():
        raise Moved
    for table in ("events", "expansions", "seen"):
        db.execute(f"DELETE FROM {table} WHERE delivery = ?", (row.id,))  # noqa: S608  # three literals
    db.execute("DELETE FROM orphans WHERE client_message_id = ?", (row.id,))
    db.execute("DELETE FROM originals WHERE mail = ?", (row.mail,))  # its header may name all it went to
    db.execute(
        "DELETE FROM mails WHERE id = ? AND NOT EXISTS (SELECT 1 FROM deliveries WHERE mail = ?)", (row.mail, row.mail)
    )


def _delete_naming(db: apsw.Connection, table: str, key: str, column: str, names: Callable[[Any], bool]) -> int:
    """Delete the rows of a table whose text names it; only our own words are put into the statements."""
    gone: list[Any] = []
    rows = db.execute(f"SELECT {key}, {column} FROM {table} ORDER BY {key} LIMIT ?", (_AT_ONCE,)).fetchall()  # noqa: S608
    while rows:
        gone += [row[0] for row in rows if names(row[1])]
        rows = db.execute(
            f"SELECT {key}, {column} FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT ?",  # noqa: S608  # as above
            (rows[-1][0], _AT_ONCE),
        ).fetchall()
    for name in gone:
        db.execute(f"DELETE FROM {table} WHERE {key} = ?", (name,))  # noqa: S608  # as above
    return len(gone)


def _blot(db: apsw.Connection, wanted: Number) -> int:
    """Take the name out of what carriers said about other messages."""
    count = 0
    digits = "%".join(("", *wanted.phone[-4:], ""))  # with whatever stands between them
    for table, key, column in (("events", "rowid", "text"), ("deliveries", "seq", "reason")):
        rows = db.execute(
            f"SELECT {key}, {column} FROM {table} WHERE {column} LIKE ?",  # noqa: S608  # two literals
            (digits,),
        ).fetchall()
        for name, text in rows:
            if wanted.is_in(str(text)):
                blotted = wanted.spelt.sub(_FORGOTTEN, str(text))
                db.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (blotted, name))  # noqa: S608  # as above
                count += 1
    return count


def _count(db: apsw.Connection, sql: str, value: str) -> int:
    return len(db.execute(sql, (value,)).fetchall())
