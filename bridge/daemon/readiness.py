"""What /readyz answers: whether this process can keep its promises, and why not; what is merely shown stands beside it.

Ready means that whoever sends mail or SMS here now does right: the doors of this process's roles are open, the spool
commits (it is made to), and delivery turns. A paused account, a full disk or a heartbeat that is missing are no reason
to be unready. Senders are told by the doors themselves to come again, what is taken waits in safety, and to send
the mail elsewhere or to start this process anew would help nobody; they stand under "degraded" for whoever asks.

/healthz is less: that this process's loop turns and answers.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bridge import __version__, metrics
from bridge.daemon import window
from bridge.delivery import Agent
from bridge.message import Channel
from bridge.spool.contract import Spool

STILL: Final = 60.0
"""Seconds after which a delivery that has not looked for work is called still; it does every second."""

AGAIN: Final = 1.0
"""Seconds for which one commit is proof enough: whoever reaches the listener may ask as often as he likes."""

_DOORS: Final = ("smtpd", "webhook")


class Probe:
    """Makes the spool commit, once for all who ask at that moment. That it could not is not kept: who asks then costs
    nothing but the attempt.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._done_at: float | None = None  # of the loop's clock
        self._under_way: asyncio.Task[None] | None = None

    async def once(self) -> None:
        """Raises `StoreUnavailable`."""
        loop = asyncio.get_running_loop()
        if self._done_at is not None and loop.time() - self._done_at < AGAIN:
            return
        if self._under_way is None or self._under_way.done():
            self._under_way = loop.create_task(self._commit())
        await asyncio.shield(self._under_way)  # one who leaves takes it from nobody

    async def _commit(self) -> None:
        await self._spool.probe()
        self._done_at = asyncio.get_running_loop().time()


async def readiness(
    spool: Spool,
    probe: Probe,
    *,
    running: bool,
    roles: Sequence[str],
    ports: Mapping[str, Sequence[int]],
    agents: Mapping[Channel, Agent],
    closed: bool,
    test: bool,
) -> dict[str, Any]:
    """`running`: started and not stopping; `closed`: the doors take nothing for want of room. Raises
    `StoreUnavailable`, which is a reason too.
    """
    await probe.once()
    queued = await spool.open_count()
    lamps = window.lamps(agents)
    reasons = [] if running else ["the bridge is starting or stopping"]
    reasons += [f"the door {name} is not open" for name in _DOORS if name in roles and not ports.get(name)]
    if "delivery" in roles:
        reasons += _delivery(agents)
    degraded = [f"paused: {name}: {words}" for name, words in lamps["paused"].items()]
    if closed:
        degraded.append("nothing is taken: there is hardly any room on the disk")
    if metrics.BEAT_MISSING.value:
        degraded.append("the heartbeat SMS did not come back")
    shown: dict[str, Any] = {"ready": not reasons, "reasons": reasons, "degraded": degraded, "queued": queued}
    return {**shown, **lamps, "version": __version__, "test": test, "roles": list(roles)}


def _delivery(agents: Mapping[Channel, Agent]) -> list[str]:
    now = asyncio.get_running_loop().time()
    reasons = []
    for channel in Channel:
        agent = agents.get(channel)
        if agent is None or agent.turned_at is None:
            reasons.append(f"delivery of {channel.value} does not run")
        elif now - agent.turned_at > STILL:
            reasons.append(f"delivery of {channel.value} has not turned for {now - agent.turned_at:.0f} seconds")
    return reasons
