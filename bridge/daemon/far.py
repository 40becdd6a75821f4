"""The daemon's desk and logins, as the mail door in a worker process asks for them."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address

from bridge.config import Rate
from bridge.daemon.parcels import pack_intake, pack_payable, pack_settling, unpack_taken
from bridge.limits import Payable
from bridge.link import Link
from bridge.proof.logins import Busy, Locked, Login, Outcome
from bridge.smtpd.contract import Reply
from bridge.smtpd.desk import Taken
from bridge.smtpd.returned import Settling
from bridge.spool import Intake

BUSY, LOCKED = "busy", "locked"
"""What is said for the exceptions of `Login.check`."""


class FarDesk:
    """Keeps `bridge.smtpd.desk.Desk`. Without the daemon it raises, which is answered 451: the mail comes again."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def take(self, intake: Intake, paying: Sequence[Payable], /, *, answers: bool) -> Taken:
        """See `Desk`."""
        owed = [pack_payable(one) for one in paying]
        return unpack_taken(await self._link.ask("take", pack_intake(intake), owed, answers))

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
        found = await self._link.ask("login", name, password, None if peer is None else str(peer), trusted)
        if found == BUSY:
            raise Busy
        if found == LOCKED:
            raise Locked
        right, doublings, locks = found
        return Outcome(right=right, doublings=doublings, locks=locks)

    def exposes(self, name: str) -> bool:
        """See `Login`."""
        return self._near.exposes(name)
