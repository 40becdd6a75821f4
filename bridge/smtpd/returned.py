"""Bounces of mails that we relayed: their envelope sender names the delivery, what they say is settled before the 250.

Only who got such a mail can name it (`threads.bounce_token`), so all others are refused while they are on the line:
taking them would fill the operator's mailbox with answers to mails that were never ours. What comes to a genuine
address and is no bounce that can be read goes to the operator, at the price of any mail to him.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from bridge import bounces, recipients, threads
from bridge.config import Configuration
from bridge.message import Bounce, StoreUnavailable
from bridge.smtpd.contract import Reply
from bridge.smtpd.intake import Forward
from bridge.spool import Returned
from bridge.spool.contract import Spool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounced:
    """An accepted recipient: the envelope sender of a mail of ours, with a genuine seal."""

    address: str
    delivery: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """What a mail says of deliveries of ours."""

    deliveries: tuple[str, ...]
    bounce: Bounce


def resolve(configuration: Configuration, found: recipients.Returning, now: float) -> Bounced | None:
    """The delivery that an address names; None for a forged or expired seal."""
    delivery = threads.read_bounce_token(configuration.keys, found.token, now)
    return Bounced(address=found.address, delivery=delivery) if delivery is not None else None


def read(accepted: Sequence[object], content: bytes) -> tuple[Sequence[object], Settling | None]:
    """The recipients without bounces and what those say; where it cannot be read they are the operator's."""
    bounced = [item for item in accepted if isinstance(item, Bounced)]
    if not bounced:
        return accepted, None
    others = [item for item in accepted if not isinstance(item, Bounced)]
    bounce = bounces.read(content)
    if bounce is None:
        return [*others, *(Forward(address=item.address) for item in bounced)], None
    named = dict.fromkeys(item.delivery for item in bounced)
    return others, Settling(deliveries=tuple(named), bounce=bounce)


async def settle(settling: Settling, *, spool: Spool, now: float, log: FilteringBoundLogger) -> Reply:
    """Commit what a bounce says; the reply to its DATA."""
    bounce = settling.bounce
    try:
        outcomes = [await spool.bounced(delivery, bounce, now) for delivery in settling.deliveries]
    except StoreUnavailable as error:
        log.error("spool unavailable", reason=str(error))  # noqa: TRY400  # no mistake of ours, a traceback tells nothing
        return Reply(451, "4.3.0", "cannot store the mail now, try again later")
    for delivery, outcome in zip(settling.deliveries, outcomes, strict=True):
        level = log.warning if outcome is Returned.FAILED else log.info
        level(
            "bounce", id=delivery, outcome=outcome.value, said=bounce.fate.value, code=bounce.status, reason=bounce.text
        )
    return Reply(250, "2.0.0", "noted")
