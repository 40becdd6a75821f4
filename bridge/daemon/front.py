"""What stands behind the mail door in the daemon's own process: the desk, the logins, and the door that asks them."""

from collections.abc import Callable
from dataclasses import dataclass

from bridge.config import Configuration
from bridge.limits import Limits
from bridge.message import Channel, Clock, NewId
from bridge.proof.logins import Logins
from bridge.proof.mail import MailAuthentication
from bridge.smtpd.bell import Bell, Ring
from bridge.smtpd.desk import Clerk
from bridge.smtpd.door import Door
from bridge.smtpd.till import Till
from bridge.spool.contract import Spool


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """All of it; worker processes ask for everything but the door."""

    door: Door
    clerk: Clerk
    logins: Logins
    spool: Spool
    ring: Ring
    heard: Callable[[str, float], None]
    wake: Callable[[Channel], None]


def front(
    *,
    spool: Spool,
    configuration: Callable[[], Configuration],
    logins: Logins,
    mail_authentication: Callable[[], MailAuthentication | None],
    limits: Limits,
    clock: Clock,
    new_id: NewId,
    wake: Callable[[Channel], None],
    full: Callable[[], bool],
) -> Front:
    """Made of what the daemon has."""
    ring = Bell(spool=spool, clock=clock).ring
    clerk = Clerk(
        spool=spool,
        limits=limits,
        configuration=configuration,
        clock=clock,
        new_id=new_id,
        ring=ring,
        wake=wake,
    )
    door = Door(
        desk=clerk,
        till=Till(limits=limits, configuration=configuration, clock=clock, ring=ring),
        configuration=configuration,
        logins=logins,
        mail_authentication=mail_authentication,
        clock=clock,
        new_id=new_id,
        ring=ring,
        full=full,
    )
    return Front(door=door, clerk=clerk, logins=logins, spool=spool, ring=ring, heard=limits.exchanges.heard, wake=wake)
