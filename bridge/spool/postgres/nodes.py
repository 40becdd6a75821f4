"""Who works on the spool: this node's row, and what the others' rows say. See the package for what that is good for."""

import secrets
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from bridge.message import Channel, State
from bridge.spool import Step, deliveries
from bridge.spool.postgres.link import Link

NODE: Final = "node"
COMMAND: Final = "command"
"""Not a bridge but somebody at a keyboard: makes no calls, is not watched, and nobody waits for it."""

DEAD: Final = "dead"

_LIMIT: Final = 1000


@dataclass(slots=True, kw_only=True)
class Node:
    """This node's row: its name, and how many transactions it has begun to commit."""

    name: str
    role: str
    delivers: bool = False
    id: str = ""
    seq: int = 0


@dataclass(slots=True)
class Watch:
    """What was seen of other nodes, by this node's own monotonic clock."""

    dead_after: float
    patience: float  # of one look to the next; longer, and this node slept and knows nothing of the others
    _seen: dict[str, tuple[int, float]] = field(default_factory=dict)
    _looked: float | None = None

    def still(self, rows: Sequence[tuple[str, int]], now: float) -> list[str]:
        """Ids that have stood still for long enough, in full view."""
        if self._looked is None or now - self._looked > self.patience:
            self._seen.clear()
        self._looked = now
        self._seen = {
            name: known if (known := self._seen.get(name)) is not None and known[0] == seq else (seq, now)
            for name, seq in rows
        }
        return [name for name, (_, since) in self._seen.items() if now - since >= self.dead_after]


def register(db: Link, node: Node) -> None:
    """Give this node a row under a name that was never used."""
    node.id, node.seq = f"{node.name}:{secrets.token_hex(6)}", 0
    db.execute(
        "INSERT INTO nodes (id, role, seq, at, delivers) VALUES (?, ?, 0, ?, ?)",
        (node.id, node.role, time.time(), node.delivers),
    )


def leave(db: Link, node: Node) -> None:
    """Take the row away: what is still called SENDING by it is nobody's."""
    db.execute("DELETE FROM nodes WHERE id = ?", (node.id,))


def others(db: Link, node: Node) -> list[tuple[str, int]]:
    """Id and count of every other node that counts as alive."""
    rows = db.execute("SELECT id, seq FROM nodes WHERE role = ? AND id <> ?", (NODE, node.id))
    return [(row[0], row[1]) for row in rows]


def delivering(db: Link) -> list[str]:
    """Ids of the nodes that make calls and count as alive, in their order."""
    return [row[0] for row in db.execute("SELECT id FROM nodes WHERE role = ? AND delivers = 1 ORDER BY id", (NODE,))]


@dataclass(slots=True)
class Shares:
    """What part of something is this node's: the delivering nodes divide it by their order, which all of them see.

    A part that shrinks does so at once; one that grows, only when every other node must have seen why: never more than
    the whole is used, but for calls that a node had begun before it saw the next one come.
    """

    _seen: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=3))  # (place, nodes) of the last looks
    _node: str = ""

    def look(self, node: str, alive: Sequence[str]) -> None:
        """What `delivering` says now; called once a heartbeat."""
        if node != self._node and len(alive) > 1:
            self._seen.extend([(1, 1)] * 3)  # no part: the others have not seen this one yet
        self._node = node
        place = alive.index(node) if node in alive else len(alive)
        self._seen.append((place, len(alive)))

    def of(self, whole: int) -> int:
        """This node's part; all of it as long as nobody was looked for."""
        parts = [whole // nodes + (place < whole % nodes) if place < nodes else 0 for place, nodes in self._seen]
        return min(parts, default=whole)


def take_over(db: Link, dead: str) -> bool:
    """Fence a node. Not while one of its transactions is under way: that one holds its row."""
    free = db.execute("SELECT id FROM nodes WHERE id = ? AND role = ? FOR UPDATE SKIP LOCKED", (dead, NODE)).fetchall()
    if free:
        # The row stays: whether its last commit took place can still be read there.
        db.execute("UPDATE nodes SET role = ?, at = ? WHERE id = ?", (DEAD, time.time(), dead))
    return bool(free)


def anything_forgotten(db: Link, before: float) -> bool:
    """Whether `forget` would find something; only looks."""
    return db.execute("SELECT 1 FROM nodes WHERE role <> ? AND at < ? LIMIT 1", (NODE, before)).fetchone() is not None


def forget(db: Link, before: float) -> None:
    """Drop rows of nodes that died, and of commands that never ended, before that."""
    db.execute("DELETE FROM nodes WHERE role <> ? AND at < ?", (NODE, before))


_ORPHANED = "state = 'sending' AND (sent_by IS NULL OR sent_by NOT IN (SELECT id FROM nodes WHERE role = 'node'))"
_UNHELD = "lease IS NOT NULL AND (lease_by IS NULL OR lease_by NOT IN (SELECT id FROM nodes WHERE role = 'node'))"


def anything_orphaned(db: Link) -> bool:
    """Whether `orphaned` or `release` would find something; only looks."""
    row = db.execute(
        f"SELECT EXISTS (SELECT 1 FROM deliveries WHERE {_ORPHANED}) "  # noqa: S608  # own SQL
        f"OR EXISTS (SELECT 1 FROM deliveries WHERE {_UNHELD})"
    ).fetchone()
    return row is not None and bool(row[0])


def release(db: Link) -> None:
    """Leases of nodes that are not alive fall back."""
    db.execute(f"UPDATE deliveries SET lease = NULL, lease_by = NULL WHERE {_UNHELD}")  # noqa: S608  # own SQL


def orphaned(db: Link, now: float) -> list[tuple[Step, str | None]]:
    """Steps for what nodes that are not alive left SENDING, each with the node that left it; the rows are locked."""
    rows: list[Any] = db.execute(
        f"SELECT id, channel, sent_by FROM deliveries WHERE {_ORPHANED} ORDER BY id LIMIT {_LIMIT} "  # noqa: S608  # own SQL
        "FOR UPDATE SKIP LOCKED"
    ).fetchall()
    # Looked at again: a row that was waited for may have begun anew by a node younger than the first look.
    alive = {row[0] for row in db.execute("SELECT id FROM nodes WHERE role = ?", (NODE,))}
    unknown = Step(
        id="", to=State.UNKNOWN, event="unknown", only_from=frozenset({State.SENDING}), text=deliveries.STOPPED
    )
    return [
        (replace(unknown, id=delivery_id) if channel == Channel.SMS else _again(db, delivery_id, now), sent_by)
        for delivery_id, channel, sent_by in rows
        if sent_by not in alive
    ]


def _again(db: Link, delivery_id: str, now: float) -> Step:
    return replace(deliveries.interrupted(db.cursor, delivery_id, now), only_from=frozenset({State.SENDING}))
