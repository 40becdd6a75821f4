"""One transaction of a node: begun, fenced, done, committed; and when nobody answers, found out.

Broken before COMMIT was sent, nothing was kept. Broken after, nobody knows; the node's own count, which the transaction
raised, says it as soon as the row can be locked, since an old transaction that is still under way holds it.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from bridge import metrics
from bridge.log import get_logger
from bridge.message import StoreUnavailable
from bridge.spool import Intake, SpoolDamaged
from bridge.spool.postgres import moving, nodes, starting, taking
from bridge.spool.postgres.link import Link, Target, is_conflict, is_lost
from bridge.spool.postgres.moving import Hand, Moves
from bridge.spool.postgres.nodes import Node
from bridge.spool.postgres.starting import Start

T = TypeVar("T")
Op = Callable[[Link], Any]
What = Intake | Moves | Start | Op

RESOLVE_FOR: Final = 10.0
"""Seconds in which the outcome of a commit must be found out; then its askers hear that nobody knows."""

_LOCK_TIMEOUT: Final = "5s"
_RESOLVE_EVERY: Final = 0.1

_log = get_logger("spool")


class Fenced(Exception):
    """Another node took this one for dead; it has a new name now."""


class Transactions:
    """Those of one node, one after the other, on a connection of their own, all in one thread."""

    def __init__(self, where: Target, node: Node, frozen_after: float) -> None:
        """One that stands still for `frozen_after` seconds is ended by the server: a frozen node holds nobody up."""
        self.node = node
        self.hand = Hand()
        self.commits = 0
        self._link = Link(where)
        self._limits = (
            f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'; "
            f"SET LOCAL idle_in_transaction_session_timeout = {max(1, int(frozen_after * 1000))}"
        )

    def commit(self, asked: Sequence[What]) -> list[Any]:
        """All of it in one transaction, committed. Raises `Fenced` after taking a new name."""
        link = self._link
        seq = self.node.seq + 1
        try:
            _reopen(link)
            self._begin(seq)
            results = self._work(asked)
        except BaseException as error:
            if is_lost(error):
                link.drop()
            link.rollback()
            raise
        try:
            kept = link.script("COMMIT") == "COMMIT"
        except Exception as error:  # noqa: BLE001  # whatever it says, the count tells
            kept = not is_conflict(error) and self._took_place(seq, asked, error)
        if not kept:
            raise ConnectionError("nothing was committed")
        self.node.seq = seq
        self.commits += 1
        metrics.COMMITS.add()
        self._remember(asked, results)
        return results

    def _begin(self, seq: int) -> None:
        if not self.node.id:
            self._register()
            seq = 1
        # In one trip: it begins, it is fenced, it beats, and it can be asked for later.
        tag = self._link.script(
            f"BEGIN; {self._limits}; "  # noqa: S608  # our own names and numbers
            f"UPDATE nodes SET seq = {seq} WHERE id = '{self.node.id}' AND role = '{self.node.role}'"
        )
        if tag != "UPDATE 1":
            self._link.rollback()
            _log.warning("another node took this one for dead; going on under a new name", node=self.node.id)
            self._register()
            raise Fenced

    def _register(self) -> None:
        nodes.register(self._link, self.node)

    def _work(self, asked: Sequence[What]) -> list[Any]:
        results: list[Any] = [None] * len(asked)
        intakes = [(at, what) for at, what in enumerate(asked) if isinstance(what, Intake)]
        accepted = taking.accept_many(self._link, [what for _, what in intakes])
        before = [what.after for what in asked if isinstance(what, Start)]
        moves = [(at, what) for at, what in enumerate(asked) if isinstance(what, Moves)]
        moved = moving.move_many(self._link, self.hand, self.node.id, [*(what for _, what in moves), *before])
        for (at, _), result in zip([*intakes, *moves], [*accepted, *moved[: len(moves)]], strict=True):
            results[at] = result
        begun = False
        for at, what in enumerate(asked):
            if isinstance(what, Start):
                if self.hand.strays and not begun:  # what the first one starts is no stray of the next
                    starting.put_back(self._link, self.hand, self.node.id, what.now)
                begun = True
                results[at] = starting.start(self._link, self.node.id, what)
            elif not isinstance(what, (Intake, Moves)):
                results[at] = what(self._link)
        return results

    def _remember(self, asked: Sequence[What], results: Sequence[Any]) -> None:
        # In the order in which it was done: what was given back may have been begun again.
        for what, result in sorted(zip(asked, results, strict=True), key=lambda done: not isinstance(done[0], Moves)):
            if isinstance(what, Moves):
                for step, done in zip(what.steps, result, strict=True):
                    self.hand.moved(step, self.node.id, done=done)
            elif isinstance(what, Start):
                for step in what.after.steps:  # none of them to SENDING
                    self.hand.moved(step, self.node.id, done=True)
                self.hand.started(result, self.node.id)

    def _took_place(self, seq: int, asked: Sequence[What], why: BaseException) -> bool:
        """Whether the transaction that raised the count to `seq` was committed. Raises `StoreUnavailable`."""
        until = time.monotonic() + RESOLVE_FOR
        while True:
            self._link.drop()
            try:
                self._link.open()
                self._link.script(f"BEGIN; {self._limits}")
                row = self._link.execute("SELECT seq FROM nodes WHERE id = ? FOR UPDATE", (self.node.id,)).fetchone()
                self._link.rollback()
            except Exception as error:  # noqa: BLE001  # until it answers or the time is over
                _log.debug("spool unavailable", reason=str(error))
            else:
                if row is not None:
                    _log.warning("a commit lost its answer", reason=str(why), kept=row[0] >= seq)
                    return bool(row[0] >= seq)
            if time.monotonic() > until:
                self._doubt(seq, asked)
                raise StoreUnavailable(f"whether the last commit took place is not known: {why}")
            time.sleep(_RESOLVE_EVERY)

    def _doubt(self, seq: int, asked: Sequence[What]) -> None:
        self.node.seq = seq  # the next one must have another number
        self.hand.strays |= any(isinstance(what, Start) for what in asked)

    def look(self, op: Callable[[Link], T]) -> T:
        """Only read."""
        _reopen(self._link)
        try:
            self._link.script(f"BEGIN READ ONLY; {self._limits}")
            return op(self._link)
        finally:
            self._link.rollback()

    def leave(self) -> None:
        """Take this node's row away and close the connection."""
        if self.node.id:
            try:
                self._link.open()
                nodes.leave(self._link, self.node)
            except Exception as error:  # noqa: BLE001  # then the others find out by themselves
                _log.debug("spool unavailable", reason=str(error))
        self._link.close()

    def drop(self) -> None:
        """Throw a connection away that turned out to be of no use."""
        self._link.drop()


def _reopen(link: Link) -> None:
    """Once it was open, a server that is set up badly is one that is not available: it may be mended."""
    try:
        link.open()
    except SpoolDamaged as error:
        raise StoreUnavailable(str(error)) from error
