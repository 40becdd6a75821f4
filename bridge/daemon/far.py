"""The daemon's desk, logins and spool, as the doors in a worker process ask for them."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final

from bridge.config import Rate
from bridge.daemon.parcels import (
    pack_intake,
    pack_payable,
    pack_report,
    pack_settling,
    unpack_accepted,
    unpack_conversation,
    unpack_taken,
)
from bridge.limits import Payable
from bridge.link import Link, LinkLost, Mistake
from bridge.message import Report, StoreUnavailable
from bridge.proof.logins import Busy, Locked, Login, Outcome
from bridge.smtpd.contract import Reply
from bridge.smtpd.desk import Taken
from bridge.smtpd.returned import Settling
from bridge.spool import Accepted, Conversation, Intake

REFUSALS: Final = (StoreUnavailable, Busy, Locked)
"""What the daemon raises is raised here, too."""

_GONE = "the daemon is gone"


class FarDesk:
    """Keeps `bridge.smtpd.desk.Desk`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def take(self, intake: Intake, paying: Sequence[Payable], /, *, answers: bool) -> Taken:
        """See `Desk`."""
        owed = [pack_payable(one) for one in paying]
        try:
            return unpack_taken(await self._link.ask("take", pack_intake(intake), owed, answers))
        except Mistake:
            raise  # as it would be met at a desk in this process
        except LinkLost:
            return Taken(fault=_GONE)

    async def left(self, wanted: Payable, /) -> Mapping[str, tuple[int, Rate]]:
        """See `Desk`."""
        found = await self._link.ask("left", pack_payable(wanted))
        return {name: (number, Rate(count=count, seconds=seconds)) for name, number, count, seconds in found}

    async def take_sms(self, content: bytes, /) -> Reply:
        """See `Desk`."""
        return Reply(*await self._link.ask("take_sms", content))

    async def settle(self, settling: Settling, /) -> Reply:
        """See `Desk`."""
        return Reply(*await self._link.ask("settle", pack_settling(settling)))


class FarLogins:
    """Keeps `bridge.proof.logins.Login`: who is locked out is so at every process, and no password is hashed twice."""

    def __init__(self, link: Link, near: Login) -> None:
        """`near` answers what needs no memory of others."""
        self._link = link
        self._near = near

    async def check(
        self, name: str, password: bytes, peer: IPv4Address | IPv6Address | None, *, trusted: bool = False
    ) -> Outcome:
        """See `Login`."""
        asked = self._link.ask("login", name, password, None if peer is None else str(peer), trusted)
        right, doublings, locks = await asked
        return Outcome(right=right, doublings=doublings, locks=locks)

    def exposes(self, name: str) -> bool:
        """See `Login`."""
        return self._near.exposes(name)


class FarSpool:
    """Keeps `bridge.spool.contract.Taking`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def accept(self, intake: Intake, /) -> Accepted:
        """See `Taking`. Of an SMS the daemon then tells whoever is to hear."""
        return unpack_accepted(await self._ask("accept", pack_intake(intake)))

    async def bury(self, notification_id: str, body: bytes, reason: str, at: float, /) -> None:
        """See `Taking`."""
        await self._ask("bury", notification_id, body, reason, at)

    async def report(self, report: Report, _now: float, /) -> bool:
        """See `Taking`; the daemon knows better what time it is."""
        known: bool = await self._ask("report", pack_report(report))
        return known

    async def conversation(self, phone: str, line: str | None, now: float, /) -> Conversation | None:
        """See `Taking`."""
        return unpack_conversation(await self._ask("conversation", phone, line, now))

    async def _ask(self, kind: str, *words: Any) -> Any:
        try:
            return await self._link.ask(kind, *words)
        except Mistake:
            raise  # a store that is away comes back; what meets a mistake would be sent again for ever
        except LinkLost as lost:
            raise StoreUnavailable(_GONE) from lost
