"""The agents of both channels, and what ties them to the other nodes where there are any."""

import random
from collections.abc import Callable, Mapping
from typing import Final

from bridge.config import Configuration
from bridge.daemon.neighbours import Neighbours
from bridge.daemon.parts import MAILS_UNDER_WAY, explain
from bridge.delivery import Agent
from bridge.delivery.pace import Pace
from bridge.delivery.pauses import Pauses
from bridge.limits import Limits
from bridge.message import Channel, Clock
from bridge.providers import Provider
from bridge.spool import Spool
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
