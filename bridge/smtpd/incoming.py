"""The provider's way in by mail: a secret address, its mail servers, and each mail an SMS from a phone.

What is read by no pattern is kept and answered 250, as the webhook answers 2000: the provider's mail server would
only send it back to the provider, and it may be somebody's SMS.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from structlog.typing import FilteringBoundLogger

from bridge import normalize, sms_mail
from bridge.access import inside
from bridge.config import Configuration
from bridge.message import Channel, StoreUnavailable
from bridge.relay import or_put_aside, take_in
from bridge.smtpd.contract import Reply
from bridge.spool import Accepted
from bridge.spool.contract import Spool


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """An accepted recipient that is the secret address."""

    address: str


def resolve(configuration: Configuration, recipient: str, peer: IPv4Address | IPv6Address | None) -> Incoming | bool:
    """Whether a recipient is the secret address; True where it is but this peer is not to know."""
    settings = configuration.settings.websms_mail
    if settings.address is None or "@" not in recipient:
        return False
    address = normalize.address(recipient)
    if not hmac.compare_digest(address.encode("utf-8", "replace"), settings.address.encode()):
        return False
    return Incoming(address=address) if inside(peer, settings.networks) else True


async def take(
    content: bytes,
    *,
    spool: Spool,
    configuration: Configuration,
    mail_id: str,
    now: float,
    wake: Callable[[Channel], None],
    heard: Callable[[str, float], None],
    log: FilteringBoundLogger,
) -> Reply:
    """Commit the SMS that a mail holds, or the mail itself as a dead letter; the reply to its DATA."""

    async def taking() -> Accepted:
        settings = configuration.settings
        sms = sms_mail.read(content, settings.websms_mail.patterns, settings.country)
        return await take_in(
            sms,
            content,
            spool=spool,
            configuration=configuration,
            mail_id=mail_id,
            door="websms_mail",
            now=now,
            heard=heard,
            log=log,
        )

    try:
        accepted = await or_put_aside(taking(), content, spool=spool, now=now, log=log)
    except StoreUnavailable as error:
        log.error("spool unavailable", reason=str(error))  # noqa: TRY400  # no mistake of ours, a traceback tells nothing
        return Reply(451, "4.3.0", "cannot store the mail now, try again later")
    if accepted is None:
        return Reply(250, "2.0.0", "kept for the operator")
    if accepted.repeated:
        return Reply(250, "2.0.0", f"already queued as {accepted.id}")
    wake(Channel.MAIL)
    return Reply(250, "2.0.0", f"queued as {accepted.id}")
