"""The provider's answer lost again and again on a `hold` route: nothing goes twice, and reports settle everything.

After five lost answers in a row the bridge sends one message at a time as a probe, minutes apart. So the daemon runs in
this process with a clock that is turned: each round one mail comes in, more than `unknown_wait` passes, and a reload of
the configuration, which probes at once, stands for the rest of the wait. Everything else is real: mails through SMTP,
the answers cut off on the wire, the reports through the webhook. The provider's reports wait until its own clock is
stepped, after the last answer was lost.
"""

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from bridge.daemon import Daemon
from bridge.message import Channel
from bridge.simulator import Simulator
from tests.flows.rig import ADDRESS, ANNA, ROUTES, Bridge, letter, queue_id, running
from tests.flows.smtp import Client
from tests.wait import until

ROUND = 200.0
"""Seconds that pass after each lost answer, more than `unknown_wait`; 1,000 of them are less than the lifetime."""

_ROUTES = ROUTES.replace("[[route]]", '[[route]]\non_unknown = "hold"\nlifetime = "72h"\nreports = "none"')


@dataclass(slots=True, kw_only=True)
class Figures:
    """What came of it."""

    lost_answers: int
    seconds: float = 0.0
    days: float = 0.0  # of the turned clock
    accepted: int = 0  # by the provider
    doubled: int = 0
    unknown: int = 0  # before the first report
    reports: int = 0
    delivered: int = 0
    unsettled: int = 0
    wrong: list[str] = field(default_factory=list)


class _Clock:
    """Real time and what it was turned on by."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


async def prove(place: Path, *, answers: int) -> Figures:
    """`answers` lost in a row; `wrong` is empty when every promise was kept."""
    began = time.monotonic()
    figures, clock = Figures(lost_answers=answers), _Clock()
    simulated = {"speed": 0.0, "report_delay": 60.0, "notify_parallel": 8}
    async with running(place, start=False, routes=_ROUTES, simulated=simulated) as (bridge, simulator):
        simulator.fault(shape="reset", accept=True, times=10**9)
        daemon = Daemon(bridge.config, clock=clock)
        await daemon.start()
        try:
            await _lose(answers, bridge, simulator, daemon, clock)
            figures.unknown = _states(bridge)["unknown"]
            _expect(figures, not simulator.notifications or _untold(simulator), "a report came before its time")
            simulator.step(3600.0)
            await simulator.idle()
            await until(lambda: _states(bridge)["unknown"] == 0 or None, "reports settle everything")
        finally:
            await daemon.stop()
        _reconcile(figures, bridge, simulator)
    figures.days = clock.ahead / 86400.0
    figures.seconds = time.monotonic() - began
    return figures


async def _lose(answers: int, bridge: Bridge, simulator: Simulator, daemon: Daemon, clock: _Clock) -> None:
    async with await Client.connect(bridge.port("smtp")) as client:
        for number in range(answers):
            queue_id(await client.send(ANNA, [ADDRESS], bytes(letter(f"Nummer {number}"))))
            await daemon.reload()
            daemon.wake(Channel.SMS)
            await _reach(number + 1, lambda: simulator.accepted, f"message {number} is sent")
            await _reach(number + 1, lambda: _states(bridge)["unknown"], f"the answer to {number} is lost")
            clock.ahead += ROUND


async def _reach(count: int, counted: Callable[[], int], what: str) -> None:
    await until(lambda: counted() >= count or None, what)


def _untold(simulator: Simulator) -> bool:
    return all(not notification.attempts for notification in simulator.notifications)


def _states(bridge: Bridge) -> Counter[str]:
    """How many SMS stand where."""
    with apsw.Connection(str(bridge.place / "smsbridge.db"), flags=apsw.SQLITE_OPEN_READONLY) as db:
        rows = db.execute("SELECT state, count(*) FROM deliveries WHERE channel = 'sms' GROUP BY state").fetchall()
    return Counter({str(state): int(str(count)) for state, count in rows})


def _reconcile(figures: Figures, bridge: Bridge, simulator: Simulator) -> None:
    lines = [json.loads(line) for line in (bridge.place / "accepted").read_text().splitlines()]
    ids = Counter(line["client_message_id"] for line in lines)
    texts = Counter(line["text"] for line in lines)
    states = _states(bridge)
    figures.accepted = len(lines)
    figures.doubled = sum(count > 1 for count in (*ids.values(), *texts.values()))
    figures.reports = sum(notification.state == "confirmed" for notification in simulator.notifications)
    figures.delivered = states["delivered"]
    figures.unsettled = states.total() - states["delivered"]
    wanted = figures.lost_answers
    _expect(figures, figures.unknown == wanted, f"{figures.unknown} were unknown before the reports")
    _expect(figures, figures.accepted == wanted, f"the provider accepted {figures.accepted}")
    _expect(figures, figures.doubled == 0, f"{figures.doubled} went twice")
    _expect(figures, figures.reports == wanted, f"{figures.reports} reports were confirmed")
    _expect(figures, figures.unsettled == 0, f"{figures.unsettled} were not settled: {dict(states)}")


def _expect(figures: Figures, holds: bool, otherwise: str) -> None:
    if not holds:
        figures.wrong.append(otherwise)
