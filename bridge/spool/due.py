"""What is due is put into SENDING at once: urgent ones first, then oldest first.

An agent asks for no more than it starts now, so nothing urgent waits behind what was started before. A lease keeps
aside what is past its end, and would otherwise come first each time.
"""

from collections.abc import Collection
from typing import Any

import apsw

from bridge.message import Channel, Delivery, State
from bridge.spool import Step
from bridge.spool.deliveries import COLUMNS, EVENT, from_row

STARTED = Step(id="", to=State.SENDING, event="sending", only_from=frozenset({State.QUEUED}), attempts=1)
"""The move that `start` makes of each."""

MOST_PASSED = 1000
"""Deliveries past their end that one start puts aside."""

_ID, _EXPIRES_AT = (COLUMNS.index(name) for name in ("id", "expires_at"))
_COUNTED = ", ".join("attempts + 1" if name == "attempts" else name for name in COLUMNS)
_LEASE = "UPDATE deliveries SET lease = ? WHERE seq = ?"
# `STARTED` without asking again: the row was just read in the same transaction.
_START = "UPDATE deliveries SET state = 'sending', changed_at = ?, attempts = attempts + 1 WHERE seq = ?"


def _due(
    db: apsw.Connection, channel: Channel, urgent: int, limit: int, now: float, without_routes: Collection[str]
) -> list[tuple[Any, ...]]:
    """What is due, oldest first: the columns as they stand but for the attempt that begins, and behind them `seq`."""
    skip = f"AND route NOT IN ({', '.join('?' * len(without_routes))})" if without_routes else ""
    sql = (
        f"SELECT {_COUNTED}, seq FROM deliveries WHERE state = 'queued' AND lease IS NULL "  # noqa: S608  # our own words
        f"AND channel = '{channel.value}' AND urgent = {urgent} AND next_at <= ? {skip} ORDER BY next_at, seq LIMIT ?"
    )
    return db.execute(sql, (now, *without_routes, limit)).fetchall()


def start(
    db: apsw.Connection,
    channel: Channel,
    limit: int,
    now: float,
    lease: float,
    without_routes: Collection[str],
) -> list[Delivery]:
    """Put what is due into SENDING: urgent first, then oldest first, each with this attempt counted."""
    rows: list[tuple[Any, ...]] = []
    passed = 0
    for urgent in (1, 0):
        while (room := limit - len(rows)) > 0 and passed < MOST_PASSED:
            found = _due(db, channel, urgent, room, now, without_routes)
            over = [row for row in found if row[_EXPIRES_AT] <= now]
            live = [row for row in found if row[_EXPIRES_AT] > now] if over else found
            db.executemany(_START, [(now, row[-1]) for row in live])
            rows += live
            if over:  # the sweep ends its life; a lease keeps it out of the way until then
                db.executemany(_LEASE, [(lease, row[-1]) for row in over])
                passed += len(over)
            if not over or len(found) < room:
                break
    db.executemany(EVENT, [(row[_ID], now, STARTED.event, "", "") for row in rows])
    return [from_row(row) for row in rows]


def release_leases(db: apsw.Connection, before: float) -> int:
    """Let leases fall back that nobody renewed; says how many."""
    return len(
        db.execute(
            "UPDATE deliveries SET lease = NULL WHERE lease IS NOT NULL AND lease < ? RETURNING seq",
            (before,),
        ).fetchall()
    )
