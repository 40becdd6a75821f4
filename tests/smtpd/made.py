"""A door with its desk in the same process, as the daemon builds it."""

from collections.abc import Callable

from bridge.config import Configuration
from bridge.limits import Limits
from bridge.message import Channel, Clock, NewId
from bridge.proof.logins import Logins
from bridge.proof.mail import MailAuthentication
from bridge.smtpd.bell import Bell
from bridge.smtpd.desk import Clerk
from bridge.smtpd.door import Door
from bridge.smtpd.till import Till
from bridge.spool import Spool


def make_door(
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
) -> Door:
    """All of it."""
    ring = Bell(spool=spool, clock=clock).ring
    return Door(
        desk=Clerk(
            spool=spool,
            limits=limits,
            configuration=configuration,
            clock=clock,
            new_id=new_id,
            ring=ring,
            wake=wake,
        ),
        till=Till(limits=limits, configuration=configuration, clock=clock, ring=ring),
        configuration=configuration,
        logins=logins,
        mail_authentication=mail_authentication,
        clock=clock,
        new_id=new_id,
        ring=ring,
        full=full,
    )
