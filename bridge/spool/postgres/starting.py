"""What is due put into SENDING in PostgreSQL: found, locked and begun in one statement of a fenced transaction.

Where the answer of such a commit is lost for good, nobody knows of the deliveries that it may have put into SENDING. No
call was made for them, so they are put back before anything else is started.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from bridge.message import Channel, Delivery, State
from bridge.spool import Step, deliveries
from bridge.spool.due import MOST_PASSED, STARTED
from bridge.spool.postgres import moving
from bridge.spool.postgres.link import Link
from bridge.spool.postgres.moving import Hand, Moves

_STRAY: Final = Step(
    id="",
    to=State.QUEUED,
    event="deferred",
    only_from=frozenset({State.SENDING}),
    text="not tried: the spool did not answer",
    attempts=-1,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What an agent wants to begin, after moves in the same transaction; see `bridge.spool.contract.Spool.start`."""

    channel: Channel
    limit: int
    now: float
    lease: float
    without: Collection[str]
    after: Moves


def _given(name: str) -> str:
    return {"state": "'queued' AS state", "changed_at": "due.changed_at"}.get(name, f"deliveries.{name}")


def _of(urgent: int, limit: str) -> str:
    return f"""
    SELECT id, changed_at FROM deliveries WHERE state = 'queued' AND lease IS NULL AND channel = :channel
        AND urgent = {urgent} AND next_at <= :now AND route <> ALL(:without)
    ORDER BY next_at, seq LIMIT {limit} FOR UPDATE SKIP LOCKED
    """  # noqa: S608  # our own words


# The move of `STARTED`, for rows that this transaction has locked; what is past its end is leased instead. What is
# given is the row as it stood, but for the attempt.
_START: Final = f"""
WITH urgent AS MATERIALIZED ({_of(1, ":limit")}),
others AS MATERIALIZED ({_of(0, ":limit - (SELECT count(*) FROM urgent)")}),
due AS (SELECT * FROM urgent UNION ALL SELECT * FROM others),
begun AS (
    UPDATE deliveries SET
        state = CASE WHEN expires_at > :now THEN 'sending' ELSE state END,
        changed_at = CASE WHEN expires_at > :now THEN :now ELSE deliveries.changed_at END,
        attempts = CASE WHEN expires_at > :now THEN attempts + 1 ELSE attempts END,
        sent_by = CASE WHEN expires_at > :now THEN :node ELSE sent_by END,
        lease = CASE WHEN expires_at > :now THEN NULL ELSE :lease::double precision END, lease_by = :node
    FROM due WHERE deliveries.id = due.id
    RETURNING {", ".join(_given(name) for name in deliveries.COLUMNS)}, seq
),
noted AS (
    INSERT INTO events (delivery, at, event, code, text)
    SELECT id, :now, '{STARTED.event}', '', '' FROM begun WHERE expires_at > :now
)
SELECT * FROM begun
"""  # noqa: S608  # our own words
_URGENT, _NEXT_AT, _EXPIRES_AT = (deliveries.COLUMNS.index(name) for name in ("urgent", "next_at", "expires_at"))


def start(db: Link, node: str, wanted: Start) -> list[Delivery]:
    """What `bridge.spool.due.start` does; moves and strays come before it, see `transactions`."""
    found: list[Delivery] = []
    passed = 0
    asked = {
        "channel": wanted.channel.value,
        "now": wanted.now,
        "without": list(wanted.without),
        "lease": wanted.lease,
        "node": node,
    }
    while (room := wanted.limit - len(found)) > 0 and passed < MOST_PASSED:
        rows = db.execute(_START, {**asked, "limit": room}).fetchall()
        rows.sort(key=lambda row: (not row[_URGENT], row[_NEXT_AT], row[-1]))
        live = [deliveries.from_row(row) for row in rows if row[_EXPIRES_AT] > wanted.now]
        found += live
        passed += len(rows) - len(live)
        if len(live) == len(rows) or len(rows) < room:
            break
    return found


def put_back(db: Link, hand: Hand, node: str, now: float) -> None:
    """What this node put into SENDING without knowing; once in a transaction, before anything is started in it."""
    known = sorted(hand.calls)
    rows = db.execute(
        "SELECT id FROM deliveries WHERE state = 'sending' AND sent_by = ? AND NOT id = ANY(?)", (node, known)
    ).fetchall()
    own = Hand(calls={row[0]: node for row in rows})
    moving.made(db, own, node, [(replace(_STRAY, id=row[0]), now) for row in rows])
