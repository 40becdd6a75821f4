"""The desk behind the mail door: what is decided in one place however many processes speak with clients.

Limits, exchanges between machines, the commit. A door that runs in the daemon's own process asks a `Clerk`; one in a
worker process asks the daemon's, over a link (`bridge.daemon.far`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bridge.config import Configuration, Rate
from bridge.limits import Limits, Payable, Wanted
from bridge.log import get_logger
from bridge.message import Channel, Clock, NewId, StoreUnavailable
from bridge.nouns import light
from bridge.smtpd import holding, incoming, returned
from bridge.smtpd.bell import Ring
from bridge.smtpd.contract import Reply
from bridge.smtpd.returned import Settling
from bridge.spool import Accepted, Intake
from bridge.spool.contract import Spool


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of an intake: exactly one of these is set."""

    accepted: Accepted | None = None
    reached: tuple[int, str] | None = None  # which of what was to be paid broke which limit: nothing was taken
    fault: str = ""  # why nothing can be kept now


class Desk(Protocol):
    """Where a door hands in what it has made of a mail."""

    async def take(self, intake: Intake, paying: Sequence[Payable], /, *, answers: bool) -> Taken:
        """Pay and commit, or do neither. `answers`: the mail answers another one, so that its exchange counts."""
        ...

    async def left(self, wanted: Payable, /) -> Mapping[str, tuple[int, Rate]]:
        """By limit how much of it could be taken now; takes nothing."""
        ...

    async def take_sms(self, content: bytes, /) -> Reply:
        """Commit the SMS that the provider sent as a mail; the reply to its DATA."""
        ...

    async def settle(self, settling: Settling, /) -> Reply:
        """Commit what a bounce says; the reply to its DATA."""
        ...


class Clerk:
    """The desk itself."""

    def __init__(
        self,
        *,
        spool: Spool,
        limits: Limits,
        configuration: Callable[[], Configuration],
        clock: Clock,
        new_id: NewId,
        ring: Ring,
        wake: Callable[[Channel], None],
    ) -> None:
        self._spool = spool
        self._limits = limits
        self._configuration = configuration
        self._clock = clock
        self._new_id = new_id
        self._ring = ring
        self._wake = wake
        self._log = get_logger("smtpd")

    async def take(self, intake: Intake, paying: Sequence[Payable], /, *, answers: bool) -> Taken:
        """See `Desk`."""
        settings = self._configuration().settings.limits
        try:
            reached = await self._limits.pay(settings, paying, self._clock())
        except StoreUnavailable as error:
            return Taken(fault=str(error))
        if reached is not None:
            return Taken(reached=reached)
        intake = holding.hold(intake, self._limits.exchanges, answers=answers)
        try:
            accepted = await self._spool.accept(intake)
        except StoreUnavailable as error:
            self._limits.give_back(settings, paying, self._clock())
            return Taken(fault=str(error))
        if accepted.repeated:
            self._limits.give_back(settings, paying, self._clock())
            return Taken(accepted=accepted)
        holding.note(intake, self._limits.exchanges, self._ring, self._log, answers=answers)
        for channel in {delivery.channel for delivery in intake.deliveries}:
            self._wake(channel)
        return Taken(accepted=accepted)

    async def left(self, wanted: Payable, /) -> Mapping[str, tuple[int, Rate]]:
        """See `Desk`."""
        if not isinstance(wanted, Wanted):
            return {}
        return self._limits.left(self._configuration().settings.limits, wanted, self._clock())

    async def take_sms(self, content: bytes, /) -> Reply:
        """See `Desk`."""
        return await incoming.take(
            content,
            spool=self._spool,
            configuration=self._configuration(),
            mail_id=self._new_id(),
            now=self._clock(),
            wake=self._wake,
            heard=self._limits.exchanges.heard,
            log=self._log,
        )

    async def settle(self, settling: Settling, /) -> Reply:
        """See `Desk`."""
        return await returned.settle(settling, spool=self._spool, now=self._clock(), log=self._log)
