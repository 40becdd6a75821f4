"""What every store does, and what the others may ask of it; the nouns are `bridge.spool`'s."""

from collections.abc import Awaitable, Collection, Sequence
from typing import Protocol

from bridge.message import Bounce, Channel, Delivery, Report, State
from bridge.spool import (
    Accepted,
    Alert,
    Arrival,
    Conversation,
    Event,
    History,
    Intake,
    Original,
    Returned,
    Step,
    Telling,
)


class Taking(Protocol):
    """What the door for SMS needs of a store. All raise `StoreUnavailable` when nothing could be committed or read.

    What is asked for every message may be given as a future: whoever answers others with it needs no task then.
    """

    def accept(self, intake: Intake, /) -> Awaitable[Accepted]:
        """Commit a whole intake. What was seen before is not kept again and answered with the first id."""
        ...

    async def bury(self, notification_id: str, body: bytes, reason: str, at: float, /) -> None:
        """Commit a dead letter, once per notification, and the alert that says so."""
        ...

    def report(self, report: Report, now: float, /) -> Awaitable[bool]:
        """Note a handset report, once; True when its delivery is known, else it is kept until the answer names it."""
        ...

    def conversation(self, phone: str, line: str | None, now: float, /) -> Awaitable[Conversation | None]:
        """The open conversation of (phone, line), else of the phone where no line was known."""
        ...


class Spool(Taking, Protocol):
    """Every store keeps this."""

    async def alert(self, text: str, at: float, /) -> None:
        """Commit a sentence for the operator."""
        ...

    async def start(
        self, channel: Channel, limit: int, now: float, lease: float, without: Collection[str], after: Sequence[Step], /
    ) -> list[Delivery]:
        """In one commit: make the moves `after`, then put up to `limit` due deliveries into SENDING, not `without`
        routes, urgent ones first, then oldest first. Each is given with this attempt counted, else as it stood before.
        What is past its end is leased until `lease` instead, and left to whoever asks for `expired`.
        """
        ...

    async def move(self, steps: Sequence[Step], now: float, /) -> list[bool]:
        """Make moves; says of each whether it was allowed and made. All are committed when it returns."""
        ...

    async def bounced(self, delivery_id: str, bounce: Bounce, now: float, /) -> Returned:
        """Settle a mail of ours by what came back about it, once however often it comes."""
        ...

    async def recover(self, now: float, /) -> tuple[int, int]:
        """After a crash: SMS in SENDING become UNKNOWN, mails QUEUED, leases fall back. Counts of both."""
        ...

    async def open_count(self) -> int:
        """Deliveries that are not done."""
        ...

    async def open_count_in_order(self) -> int:
        """The same, between two commits where one file is written: those that were answered before are in it, and no
        others. It keeps them waiting.
        """
        ...

    async def oldest(self, channel: Channel, /) -> float | None:
        """When what has been waiting longest on a channel came in; None where nothing waits."""
        ...

    async def release_leases(self, before: float, /) -> int:
        """Let leases fall back that ended before `before`; how many."""
        ...

    async def purge(self, now: float, keep_text: float, keep_history: float, limit: int, /) -> int:
        """Blank texts and drop histories that are old enough; fewer than `limit` touched: nothing is left to do."""
        ...

    async def expired(self, now: float, limit: int, /) -> list[Delivery]:
        """Waiting deliveries whose lifetime is over, and sent ones whose phone was last reported unreachable."""
        ...

    async def overdue_unknown(self, now: float, limit: int, /) -> list[Delivery]:
        """Unknown deliveries whose route has waited long enough and wants them resent or failed."""
        ...

    async def resends(self, delivery_id: str, /) -> int:
        """How often a delivery went again because its answer was lost."""
        ...

    async def telling(self, before: float, now: float, limit: int, /, told_to: str | None = None) -> list[Telling]:
        """Outcomes that are to be told, of up to `limit` mails, those of a mail together: when none was noted after
        `before`, or the first has waited long. Then what is not over: delayed, or relayed and never reported.
        With `told_to` only those of one envelope sender; "" is all that nobody but the operator is told.
        """
        ...

    async def postpone(self, told: Sequence[tuple[str, str]], until: float, /) -> None:
        """Let (delivery id, outcome) be told no earlier than `until`."""
        ...

    async def original(self, mail: str, /) -> Original | None:
        """What notices about a mail give back; None where it is not known any more."""
        ...

    async def alerts(self, limit: int, /) -> list[Alert]:
        """What the operator was not told yet."""
        ...

    async def listing(self, state: State | None, limit: int, /) -> list[Delivery]:
        """Deliveries of one state, or all that are not done; oldest first."""
        ...

    async def show(self, identifier: str, /) -> list[tuple[Delivery, list[Event]]]:
        """A delivery, or all of a mail, each with its history."""
        ...

    async def arrival(self, mail: str, /) -> Arrival | None:
        """What came in under the id `mail`; None where that is not kept any more."""
        ...

    async def trace(self, identifier: str, /) -> list[History]:
        """The stories an id leads to: of a mail, a delivery, a transfer, a notification, or a Message-ID."""
        ...

    async def probe(self) -> None:
        """Write something and commit it: whether the store can keep a promise now."""
        ...

    async def close(self) -> None:
        """Commit what waits and let go of the store."""
        ...
