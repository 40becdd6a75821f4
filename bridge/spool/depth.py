"""How much waits, by channel and state: what a monitoring system asks every few seconds.

What is queued is counted in the index of what is due, which holds nothing else; of the other states, which are few
unless something is badly wrong, no more than `MOST` rows are looked at, because their channel stands only in the rows.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol

import apsw

from bridge.message import Channel, State
from bridge.spool.deliveries import OPEN_STATES

MOST: Final = 50_000
"""Rows of one state that are looked at; a number as large as this means "or more"."""

Depth = Mapping[tuple[Channel, State], int]

_DUE: Final = "SELECT channel, count(*) FROM deliveries WHERE state = 'queued' AND lease IS NULL GROUP BY channel"
_LEASED: Final = "state = 'queued' AND lease IS NOT NULL"
_OTHERS: Final = (State.SENDING, State.UNKNOWN, State.HELD)


class Deep(Protocol):
    """Every store keeps this beside `bridge.spool.contract.Spool`."""

    async def depth(self) -> Depth:
        """Deliveries that are not done; every channel and open state is there. Raises `StoreUnavailable`."""
        ...


def depth(db: apsw.Connection) -> Depth:
    """See `Deep.depth`."""
    found = dict.fromkeys(((channel, state) for channel in Channel for state in (State.QUEUED, *_OTHERS)), 0)
    rows: list[Any] = db.execute(_DUE).fetchall()
    rare = [(state, f"{OPEN_STATES} AND state = '{state.value}'") for state in _OTHERS]
    for state, condition in ((State.QUEUED, _LEASED), *rare):
        some: list[Any] = db.execute(
            f"SELECT channel, count(*) FROM (SELECT channel FROM deliveries WHERE {condition} "  # noqa: S608  # our own words
            f"LIMIT {MOST}) AS few GROUP BY channel"
        ).fetchall()
        for channel, number in some:
            found[Channel(channel), state] += int(number)
    for channel, number in rows:
        found[Channel(channel), State.QUEUED] += int(number)
    return found
