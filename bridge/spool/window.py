"""What the operator's window asks of the spool. Reads only, over a connection of its own, and nothing without an end.

Each question is bounded by an index and a number of rows, so that a queue of a million costs a page no more than one of
ten. What no index can answer (words in a text) is looked for in so many of the newest rows at a time; the answer says
where the next look goes on. Rows are numbered in the order in which they came, so a time is found by halving.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import apsw

from bridge.message import Channel, Delivery, State, decode_sms
from bridge.spool import OPEN, stories
from bridge.spool.deliveries import COLUMNS, OPEN_STATES, from_row

LOOK_AT: Final = 20_000
"""Rows that one search reads at most where no index leads to them."""

MAIL_COSTS: Final = 20
"""Rows as which a mail counts whose text must be read: it is decoded for it."""

_AT_ONCE: Final = 500
_MOST_OF_A_STATE: Final = 20_000
_FOREVER: Final = 1e12  # seconds
_LATELY: Final = 2_000  # rows in which phones are looked for
_NAMES: Final = ", ".join(f"d.{name}" for name in COLUMNS)
_BARE: Final = _NAMES.replace("d.payload", "x''")
_TO_READ: Final = _NAMES.replace("d.payload", f"substr(d.payload, 1, {stories.MOST_SHOWN})")
_STATE, _CHANNEL, _CREATED, _PAYLOAD = (
    1 + COLUMNS.index(name)
    for name in ("state", "channel", "created_at", "payload")  # behind seq
)
_OF_ITS_RECIPIENT: Final = (
    "FROM deliveries d WHERE d.recipient = :party AND d.seq < :top ORDER BY d.seq DESC LIMIT :most"
)
_OF_ITS_SENDER: Final = (
    "FROM mails m JOIN deliveries d ON d.mail = m.id WHERE m.sender = :party AND d.seq < :top AND m.at <= :at "
    "ORDER BY m.at DESC, d.seq DESC LIMIT :most"
)
_OF_ITS_AUTHOR: Final = (
    "FROM mails m JOIN deliveries d ON d.mail = m.id WHERE m.author = :party AND m.author IS NOT NULL "
    "AND m.author <> m.sender AND d.seq < :top AND m.at <= :at ORDER BY m.at DESC, d.seq DESC LIMIT :most"
)
_ALL: Final = "FROM deliveries d WHERE d.seq < :top ORDER BY d.seq DESC LIMIT :most"
_FAILED: Final = "FROM deliveries d WHERE d.state = 'failed' AND d.seq < :top ORDER BY d.seq DESC LIMIT :most"


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for; what is empty or None does not matter."""

    number: str = ""  # E.164 digits, of a phone: SMS to it, and mails made of what it wrote
    address: str = ""  # of a mailbox: mails to it, and SMS made of what it wrote
    text: str = ""  # words in the text, whatever their case
    state: State | None = None
    since: float | None = None
    until: float | None = None
    before: int | None = None  # go on below this row


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of what was found, newest first."""

    deliveries: Sequence[Delivery]  # without their payload
    further: int | None  # `before` of the next look; None: there is no more
    looked_back_to: float | None = None  # when the last row came in that was looked at, where not all were


@dataclass(frozen=True, slots=True, kw_only=True)
class Bubble:
    """One SMS of a conversation, as a phone shows it."""

    at: float
    phone: str
    outgoing: bool  # from us to the phone
    text: str | None  # None: erased
    delivery: Delivery  # without its payload
    mailbox: str  # who wrote it, or who got it
    line: str  # our number, where it is known


class Window(Protocol):
    """Every store keeps this beside `bridge.spool.contract.Spool`. All methods raise `StoreUnavailable`."""

    async def counts(self) -> Mapping[State, int]:
        """Deliveries that are not done."""
        ...

    async def pulse(self, since: float, until: float, /) -> Sequence[tuple[int, str, int]]:
        """(minute, event, how many) of what happened in [since, until)."""
        ...

    async def search(self, wanted: Search, limit: int, /) -> Found:
        """Deliveries, newest first."""
        ...

    async def phones(self, limit: int, /) -> Sequence[Bubble]:
        """The last SMS of each of the phones written to or by lately."""
        ...

    async def talk(self, phone: str, before: float, limit: int, /) -> Sequence[Bubble]:
        """What was written to and by a phone before a moment, newest first."""
        ...

    async def restored(self) -> int:
        """How many SMS are held since the spool is an older copy; counted up to 1,000."""
        ...

    async def last_notification(self) -> float | None:
        """When the last SMS came in that is remembered."""
        ...


def counts(db: apsw.Connection) -> dict[State, int]:
    """See `Window.counts`."""
    rows: list[Any] = db.execute(
        f"SELECT state, count(*) FROM deliveries WHERE {OPEN_STATES} GROUP BY state"  # noqa: S608  # our own words
    ).fetchall()
    return {State(state): int(number) for state, number in rows}


def pulse(db: apsw.Connection, since: float, until: float) -> list[tuple[int, str, int]]:
    """See `Window.pulse`."""
    rows: list[Any] = db.execute(
        "SELECT CAST(floor(at / 60) AS INTEGER), event, count(*) FROM events WHERE at >= ? AND at < ? GROUP BY 1, 2",
        (since, until),
    ).fetchall()
    return [(int(minute), str(event), int(number)) for minute, event, number in rows]


def restored(db: apsw.Connection) -> int:
    """See `Window.restored`."""
    rows: list[Any] = db.execute(
        f"SELECT count(*) FROM (SELECT code FROM deliveries WHERE {OPEN_STATES} AND state = 'held' LIMIT 1000) AS held "  # noqa: S608
        "WHERE code = 'restored'"  # our own words
    ).fetchall()
    return int(rows[0][0])


def last_notification(db: apsw.Connection) -> float | None:
    """See `Window.last_notification`."""
    rows: list[Any] = db.execute("SELECT max(at) FROM notifications").fetchall()
    return None if rows[0][0] is None else float(rows[0][0])


def search(db: apsw.Connection, wanted: Search, limit: int) -> Found:
    """See `Window.search`."""
    top = wanted.before if wanted.before is not None else _newest(db) + 1
    if wanted.until is not None:
        top = min(top, _row_at(db, wanted.until))
    kept: list[Sequence[Any]] = []
    words, cost, last = wanted.text.casefold(), 0, None
    for row in _candidates(db, wanted, top):
        if wanted.since is not None and row[_CREATED] < wanted.since:
            return Found(deliveries=_deliveries(kept), further=None)
        if cost >= LOOK_AT:
            return Found(deliveries=_deliveries(kept), further=last[0] if last else None, looked_back_to=row[_CREATED])
        last = row
        cost += MAIL_COSTS if words and row[_CHANNEL] == Channel.MAIL else 1
        if (wanted.state is None or row[_STATE] == wanted.state) and (not words or _says(row, words)):
            if len(kept) == limit:
                return Found(deliveries=_deliveries(kept), further=kept[-1][0])
            kept.append(row)
    return Found(deliveries=_deliveries(kept), further=None)


def phones(db: apsw.Connection, limit: int) -> list[Bubble]:
    """See `Window.phones`."""
    rows: list[Any] = db.execute(
        "SELECT d.seq, d.recipient, m.sender FROM deliveries d LEFT JOIN mails m ON m.id = d.mail AND m.kind = 'sms' "
        "WHERE d.seq > ? AND (d.channel = 'sms' OR m.kind = 'sms') ORDER BY d.seq DESC",
        (_newest(db) - _LATELY,),
    ).fetchall()
    last: dict[str, int] = {}
    for seq, recipient, sender in rows:
        last.setdefault(sender or recipient, seq)
        if len(last) == limit:
            break
    return [bubble for seq in last.values() for bubble in _bubbles(db, "d.seq = ?", (seq,))]


def talk(db: apsw.Connection, phone: str, before: float, limit: int) -> list[Bubble]:
    """See `Window.talk`."""
    top = _row_at(db, before)
    to_phone = _bubbles(
        db, "d.recipient = ? AND d.channel = 'sms' AND d.seq < ? ORDER BY d.seq DESC LIMIT ?", (phone, top, limit)
    )
    from_phone = _bubbles(
        db, "m.sender = ? AND m.kind = 'sms' AND m.at < ? ORDER BY m.at DESC LIMIT ?", (phone, before, limit)
    )
    return sorted([*to_phone, *from_phone], key=lambda bubble: bubble.at, reverse=True)[:limit]


def _bubbles(db: apsw.Connection, condition: str, parameters: Sequence[Any]) -> list[Bubble]:
    rows: list[Any] = db.execute(
        f"SELECT m.kind, m.sender, m.line, {_NAMES} FROM deliveries d LEFT JOIN mails m ON m.id = d.mail "  # noqa: S608
        f"WHERE {condition}",  # our own conditions
        parameters,
    ).fetchall()
    found = []
    for kind, sender, written_to, *row in rows:
        delivery, line = from_row(row), written_to
        if delivery.channel is Channel.SMS:
            sent = stories.sms_sent(delivery)
            text, line = (sent.sms.text, sent.sms.originator) if sent is not None else (None, "")
        elif kind == "sms":
            text = stories.mail_text(delivery.payload) if delivery.payload else None
        else:
            continue
        outgoing = delivery.channel is Channel.SMS
        found.append(
            Bubble(
                at=delivery.created_at,
                outgoing=outgoing,
                phone=delivery.recipient if outgoing else sender,
                text=text,
                delivery=replace(delivery, payload=b""),
                mailbox=(delivery.author or "") if outgoing else delivery.recipient,
                line=line or "",
            )
        )
    return found


def _candidates(db: apsw.Connection, wanted: Search, top: int) -> Iterator[Sequence[Any]]:
    """Rows (seq and `COLUMNS`) below `top`, newest first, of the narrowest index that there is for what is wanted."""
    columns = _TO_READ if wanted.text else _BARE
    if wanted.number or wanted.address:
        party = wanted.number or wanted.address
        asked = [_OF_ITS_RECIPIENT, _OF_ITS_SENDER, *([_OF_ITS_AUTHOR] if wanted.address else [])]
        return _merged(db, [f"SELECT d.seq, {columns} {part}" for part in asked], party, top)
    if wanted.state is not None and wanted.state in OPEN:
        rows: list[Any] = db.execute(
            f"SELECT seq FROM deliveries WHERE {OPEN_STATES} AND state = '{wanted.state.value}' LIMIT ?",  # noqa: S608  # own
            (_MOST_OF_A_STATE,),
        ).fetchall()
        if len(rows) < _MOST_OF_A_STATE:  # else they are so many that some stand everywhere
            return _one_by_one(db, columns, sorted((row[0] for row in rows if row[0] < top), reverse=True))
    part = _FAILED if wanted.state is State.FAILED else _ALL
    return _merged(db, [f"SELECT d.seq, {columns} {part}"], "", top)


def _merged(db: apsw.Connection, asked: Sequence[str], party: str, top: int) -> Iterator[Sequence[Any]]:
    """What several questions find, each row once."""
    at = _FOREVER
    while True:
        rows: dict[int, Sequence[Any]] = {}
        floor = -1  # below it one of the answers was cut off
        for sql in asked:
            found: list[Any] = db.execute(sql, {"party": party, "top": top, "at": at, "most": _AT_ONCE}).fetchall()
            rows |= {row[0]: row for row in found}
            if len(found) == _AT_ONCE:
                floor = max(floor, min(row[0] for row in found))
        whole = sorted((seq for seq in rows if seq >= floor), reverse=True)
        for seq in whole:
            yield rows[seq]
        if floor < 0 or not whole:
            return
        top, at = whole[-1], rows[whole[-1]][_CREATED]


def _one_by_one(db: apsw.Connection, columns: str, numbers: Sequence[int]) -> Iterator[Sequence[Any]]:
    for seq in numbers:
        sql = f"SELECT d.seq, {columns} FROM deliveries d WHERE d.seq = ?"  # noqa: S608  # own SQL
        yield from db.execute(sql, (seq,)).fetchall()


def _says(row: Sequence[Any], words: str) -> bool:
    payload = bytes(row[_PAYLOAD] or b"")  # SQLite: no part of nothing is NULL
    if not payload:
        return False
    try:
        said = decode_sms(payload).text if row[_CHANNEL] == Channel.SMS else stories.mail_text(payload)
    except (ValueError, TypeError):  # the beginning of one that nobody could send
        return False
    return words in said.casefold()


def _deliveries(rows: Sequence[Sequence[Any]]) -> list[Delivery]:
    return [replace(from_row(row[1:]), payload=b"") for row in rows]


def _newest(db: apsw.Connection) -> int:
    rows: list[Any] = db.execute("SELECT max(seq) FROM deliveries").fetchall()
    return int(rows[0][0] or 0)


def _row_at(db: apsw.Connection, at: float) -> int:
    """The first row that came in at that time or later; one behind the last where none did."""
    rows: list[Any] = db.execute("SELECT min(seq) FROM deliveries").fetchall()
    low, high = int(rows[0][0] or 0), _newest(db) + 1
    while low < high:
        middle = (low + high) // 2
        found: list[Any] = db.execute(
            "SELECT seq, created_at FROM deliveries WHERE seq >= ? ORDER BY seq LIMIT 1", (middle,)
        ).fetchall()
        if not found or found[0][1] >= at:
            high = middle
        else:
            low = int(found[0][0]) + 1
    return low
