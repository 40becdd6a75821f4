"""The contract in SQL that both stores say alike: what a message needs seldom, and what is only asked."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import apsw

from bridge.message import Bounce, Channel, Delivery, Report, State
from bridge.spool import (
    FINAL,
    Alert,
    Arrival,
    Conversation,
    Event,
    History,
    Original,
    Returned,
    Telling,
    bounces,
    deliveries,
    depth,
    forgetting,
    history,
    intakes,
    reports,
    retention,
    telling,
    window,
)

T = TypeVar("T")


class SqlSpool:
    """What `bridge.spool.contract.Spool` asks for, but for what each store does in its own way."""

    async def _write(self, op: Callable[[apsw.Connection], T]) -> T:
        """Do `op` and commit it; returns only then. Raises what `op` raised, or `StoreUnavailable`."""
        raise NotImplementedError

    async def _read(self, query: Callable[[apsw.Connection], T]) -> T:
        """Ask over a connection that does not write. Raises `StoreUnavailable`."""
        raise NotImplementedError

    def _find(self, query: Callable[[apsw.Connection], T]) -> Awaitable[T]:
        """The same for what finds a few rows by their keys."""
        return self._read(query)

    async def bury(self, notification_id: str, body: bytes, reason: str, at: float) -> None:
        await self._write(lambda db: retention.bury(db, notification_id, body, reason, at))

    async def alert(self, text: str, at: float) -> None:
        await self._write(lambda db: retention.alert(db, text, at))

    def report(self, report: Report, now: float) -> Awaitable[bool]:
        return self._write(lambda db: reports.note(db, report, now))

    async def bounced(self, delivery_id: str, bounce: Bounce, now: float) -> Returned:
        return await self._write(lambda db: bounces.note(db, delivery_id, bounce, now))

    async def purge(self, now: float, keep_text: float, keep_history: float, limit: int = 500) -> int:
        return await self._write(lambda db: retention.purge(db, now, keep_text, keep_history, limit))

    async def forget(self, wanted: forgetting.Number, now: float, *, yes: bool) -> forgetting.Forgotten:
        """See `forgetting.forget`. Raises `forgetting.Moved` where something went on meanwhile."""
        return await self._write(lambda db: forgetting.forget(db, wanted, now, yes=yes))

    async def scrub(self) -> bool:
        """What was erased leaves the disk, as far as that can be done from here; False: not all of it."""
        raise NotImplementedError

    def conversation(self, phone: str, line: str | None, now: float) -> Awaitable[Conversation | None]:
        return self._find(lambda db: intakes.find_conversation(db, phone, line, now))

    async def expired(self, now: float, limit: int) -> list[Delivery]:
        """Waiting deliveries whose lifetime is over, and sent ones whose phone was last reported unreachable."""
        return await self._read(
            lambda db: [
                *deliveries.select(db, f"{deliveries.WAITING_STATES} AND expires_at <= ? LIMIT ?", (now, limit)),
                *deliveries.select(db, "state = 'sent' AND undelivered = 1 AND expires_at <= ? LIMIT ?", (now, limit)),
            ]
        )

    async def overdue_unknown(self, now: float, limit: int) -> list[Delivery]:
        """Unknown deliveries whose route has waited long enough and wants them resent or failed."""
        return await self._read(
            lambda db: list(
                deliveries.select(
                    db,
                    f"{deliveries.OPEN_STATES} AND state = 'unknown' AND on_unknown <> 'hold' "
                    "AND changed_at + unknown_wait <= ? ORDER BY changed_at LIMIT ?",
                    (now, limit),
                )
            )
        )

    async def telling(self, before: float, now: float, limit: int, told_to: str | None = None) -> list[Telling]:
        """What is due to be told, whole mails together."""
        return await self._read(lambda db: telling.due(db, before, now, limit, told_to))

    async def postpone(self, told: Sequence[tuple[str, str]], until: float) -> None:
        await self._write(lambda db: telling.postpone(db, told, until))

    async def original(self, mail: str) -> Original | None:
        """What notices about a mail give back of it."""
        return await self._read(lambda db: telling.original(db, mail))

    async def alerts(self, limit: int) -> list[Alert]:
        """What the operator was not told yet."""
        return await self._read(lambda db: retention.alerts(db, limit))

    async def resends(self, delivery_id: str) -> int:
        """How often a delivery went again because its answer was lost."""
        return await self._read(lambda db: sum(event.event == "resent" for event in deliveries.events(db, delivery_id)))

    async def oldest(self, channel: Channel) -> float | None:
        """When what has been waiting longest came in; None where nothing waits."""
        return await self._read(lambda db: deliveries.oldest(db, channel))

    async def open_count(self) -> int:
        return await self._read(lambda db: deliveries.count(db, deliveries.OPEN_STATES))

    async def open_count_in_order(self) -> int:
        return await self._write(lambda db: deliveries.count(db, deliveries.OPEN_STATES))

    async def listing(self, state: State | None, limit: int) -> list[Delivery]:
        """For the operator: deliveries of one state, or all that are not done; oldest first."""
        condition, order = "TRUE" if state is None else f"state = '{state.value}'", "seq"
        if state not in FINAL:  # "+": by the index of what is open, not through all that came before it
            condition, order = f"{deliveries.OPEN_STATES} AND {condition}", "+seq"
        return await self._read(
            lambda db: list(deliveries.select(db, f"{condition} ORDER BY {order} LIMIT ?", (limit,)))
        )

    async def show(self, identifier: str) -> list[tuple[Delivery, list[Event]]]:
        """A delivery, or all of a mail, each with its history."""
        return await self._read(
            lambda db: [
                (delivery, deliveries.events(db, delivery.id))
                for delivery in deliveries.select(db, "id = ? OR mail = ? ORDER BY seq", (identifier, identifier))
            ]
        )

    async def arrival(self, mail: str) -> Arrival | None:
        """What came in under the id `mail`; None where that is not kept any more."""
        return await self._read(lambda db: intakes.arrival(db, mail))

    async def trace(self, identifier: str) -> list[History]:
        """The stories an id leads to: of a mail, a delivery, a transfer, a notification, or a Message-ID."""
        return await self._look(lambda db: history.trace(db, identifier))

    async def _look(self, query: Callable[[apsw.Connection], T]) -> T:
        """Ask over a connection that nobody else waits for, however long it takes. Raises `StoreUnavailable`."""
        raise NotImplementedError

    async def depth(self) -> depth.Depth:
        """See `depth.Deep`."""
        return await self._look(depth.depth)

    async def counts(self) -> Mapping[State, int]:
        """See `window.Window`, here and below."""
        return await self._look(window.counts)

    async def pulse(self, since: float, until: float) -> Sequence[tuple[int, str, int]]:
        return await self._look(lambda db: window.pulse(db, since, until))

    async def search(self, wanted: window.Search, limit: int) -> window.Found:
        return await self._look(lambda db: window.search(db, wanted, limit))

    async def phones(self, limit: int) -> Sequence[window.Bubble]:
        return await self._look(lambda db: window.phones(db, limit))

    async def talk(self, phone: str, before: float, limit: int) -> Sequence[window.Bubble]:
        return await self._look(lambda db: window.talk(db, phone, before, limit))

    async def restored(self) -> int:
        return await self._look(window.restored)

    async def last_notification(self) -> float | None:
        return await self._look(window.last_notification)
