"""The agents of both channels, the chores beside them, and what ties them to the other nodes where there are any."""

import random
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple

from bridge import heartbeat
from bridge.config import Configuration
from bridge.daemon.neighbours import Neighbours
from bridge.daemon.parts import DIAGNOSTICS, MAILS_UNDER_WAY, explain
from bridge.delivery import Agent, Sweep, sweep
from bridge.delivery.pace import Pace
from bridge.delivery.pauses import Pauses
from bridge.heartbeat import Heartbeat
from bridge.ids import mail_ids
from bridge.limits import Limits
from bridge.message import Channel, Clock
from bridge.notices import EVERY as NOTICES_EVERY
from bridge.notices import Notices
from bridge.providers import Provider
from bridge.spool.contract import Spool
from bridge.spool.shared import Shared
from bridge.transports import Transport

_CALLS: Final = "calls to the provider"
"""The bucket of `[websms] rate`."""


def agents(
    *,
    spool: Spool,
    shared: Shared | None,
    configuration: Callable[[], Configuration],
    provider: Callable[[], Provider],
    transport: Callable[[], Transport],
    refuse: Callable[[str, float], None],
    clock: Clock,
) -> dict[Channel, Agent]:
    """One for each channel; `refuse` is told of phones that the provider refuses."""
    settings = configuration().settings
    sms = Agent(
        channel=Channel.SMS,
        carrier=provider,
        max_in_flight=settings.websms.max_in_flight,
        part=shared.part if shared is not None else lambda whole: whole,
        pace=Pace(settings.websms.rate, shared.pool if shared is not None else None, _CALLS),
        explain=lambda code: explain(code, configuration().settings.language),
        refuse=refuse,
        spool=spool,
        clock=clock,
        jitter=random.random,
    )
    mail = Agent(
        channel=Channel.MAIL,
        carrier=transport,
        max_in_flight=MAILS_UNDER_WAY,
        spool=spool,
        clock=clock,
        jitter=random.random,
    )
    return {Channel.SMS: sms, Channel.MAIL: mail}


class Chore(NamedTuple):
    """What is done again and again where deliveries run."""

    every: float  # seconds between two times
    once: Callable[[], Awaitable[None]]


def chores(
    *, spool: Spool, configuration: Callable[[], Configuration], clock: Clock, wake: Callable[[Channel], None]
) -> list[Chore]:
    """What looks after the spool beside the agents: lifetimes that end, what is to be told, the heartbeat."""
    new_id = mail_ids(clock, secrets.token_bytes)

    def keep() -> tuple[float, float]:
        settings = configuration().settings.spool
        return settings.keep_text, settings.keep_history

    sweeping = Sweep(spool=spool, clock=clock, keep=keep, wake=wake)
    notices = Notices(
        spool=spool,
        configuration=configuration,
        clock=clock,
        new_id=new_id,
        wake=wake,
        explain=explain,
        diagnostics=DIAGNOSTICS,
    )
    beating = Heartbeat(spool=spool, configuration=configuration, clock=clock, new_id=new_id, wake=wake)
    return [
        Chore(sweep.EVERY, sweeping.once),
        Chore(NOTICES_EVERY, notices.once),
        Chore(heartbeat.EVERY, beating.once),
    ]


def neighbours(
    shared: Shared | None, limits: Limits, running: Callable[[], Mapping[Channel, Agent]], clock: Clock
) -> Neighbours | None:
    """What tells the other nodes, where there may be any; nothing is `running` where this node does not deliver."""
    if shared is None:
        return None

    def pauses() -> Pauses | None:
        sms = running().get(Channel.SMS)
        return None if sms is None else sms.pauses

    return Neighbours(shared=shared, limits=limits, pauses=pauses, clock=clock)
