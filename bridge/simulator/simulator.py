"""The simulator as one object: start it, point a bridge at it, look at what arrived, let its phones write.

State outlives `stop`: a later `start` on the same port is the provider coming back from an outage, with its
messages, scripts and undelivered notifications.
"""

import asyncio
import time
from typing import Any

from aiohttp import web

from .acceptance import Acceptance
from .clock import Clock
from .control import serve_control
from .faults import Fault
from .messages import Message, Refused
from .notifications import Notification
from .outbox import Outbox
from .phones import STATUSES
from .provider import Provider, serve
from .settings import SimulatorSettings


class Simulator:
    """A websms to run locally; see the package for its use."""

    def __init__(self, settings: SimulatorSettings | None = None) -> None:
        self.settings = settings if settings is not None else SimulatorSettings()
        self.clock = Clock(self.settings.clock or time.time, self.settings.speed)
        self.outbox = Outbox(self.settings, self.clock)
        self.acceptance = Acceptance(self.settings, self.clock, self.outbox)
        self.provider = Provider(self.acceptance)
        self._runners: list[web.BaseRunner] = []
        self.url = ""  # of the REST root, no trailing slash; set by start
        self.control_url = ""

    async def start(self, host: str = "127.0.0.1", port: int = 0, control_port: int = 0) -> None:
        """Listen on both ports (0: any free one; control only on loopback); OSError when one is taken."""
        self.acceptance.open_log()
        try:
            runner, port = await serve(self.provider, host=host, port=port, tls=self.settings.tls)
            self._runners.append(runner)
            control_runner, control_port = await serve_control(self, port=control_port)
            self._runners.append(control_runner)
            await self.outbox.start()
        except BaseException:
            await self.stop()
            raise
        shown = f"[{host}]" if ":" in host else host
        self.url = f"{'https' if self.settings.tls else 'http'}://{shown}:{port}/rest"
        self.control_url = f"http://127.0.0.1:{control_port}"

    async def stop(self) -> None:
        """Close ports and connections, the control port first; may be called twice."""
        while self._runners:
            await self._runners.pop().cleanup()
        await self.outbox.stop()
        self.acceptance.close_log()

    @property
    def messages(self) -> list[Message]:
        """Accepted messages, oldest first, without those of ``test: true``."""
        return list(self.acceptance.messages)

    @property
    def tested(self) -> list[Message]:
        """Requests with ``test: true`` that passed."""
        return list(self.acceptance.tested)

    @property
    def refused(self) -> list[Refused]:
        """Requests answered with anything but success, and why."""
        return list(self.acceptance.refused)

    @property
    def accepted(self) -> int:
        """How many messages were accepted so far, those no longer remembered too."""
        return self.acceptance.accepted

    @property
    def notifications(self) -> list[Notification]:
        """All notifications with their attempts, oldest first."""
        return list(self.outbox.all)

    @property
    def faults(self) -> list[Fault]:
        """Faults still to come; may be changed."""
        return self.provider.faults

    def clear(self) -> None:
        """Forget messages, refusals, notifications, faults, scripts and used quota."""
        for memory in (self.acceptance.messages, self.acceptance.tested, self.acceptance.refused):
            memory.clear()
        self.acceptance.scripts.clear()
        self.acceptance.ledger.used.clear()
        self.faults.clear()
        self.outbox.clear()

    async def incoming(
        self,
        *,
        phone: str,
        line: str,
        text: str = "",
        binary: tuple[bytes, ...] = (),
        user_data_header: bool = False,
        flash: bool = False,
        message_type: str | None = None,
        notification_id: str | None = None,
        url: str | None = None,
        account: str | None = None,
    ) -> Notification:
        """A phone writes to one of our lines. The notification is on its way when this returns, not yet
        delivered.

        Goes to the account's ``notify_url`` unless `url` is given; ValueError when there is neither.
        """
        return self.acceptance.incoming(
            phone=phone,
            line=line,
            text=text,
            binary=binary,
            user_data_header=user_data_header,
            flash=flash,
            message_type=message_type,
            notification_id=notification_id,
            url=url,
            account=account,
        )

    def repeat(self, notification: Notification) -> None:
        """Send a notification again, confirmed or not, as if the confirmation had been lost."""
        self.outbox.again(notification)

    def script(self, phone: str, *statuses: str) -> None:
        """Every further message to `phone` is reported with these statuses (none at all without any)."""
        unknown = set(statuses) - STATUSES
        if unknown:
            raise ValueError(f"unknown statuses: {', '.join(sorted(unknown))}")
        self.acceptance.scripts[phone.removeprefix("+")] = statuses

    def fault(self, **what: Any) -> Fault:
        """Spoil the next answers; the keywords are the fields of `Fault`."""
        fault = Fault(**what)
        self.faults.append(fault)
        return fault

    def step(self, seconds: float) -> None:
        """Turn the clock on; notifications that fall due meanwhile go out now."""
        self.clock.step(seconds)

    async def idle(self) -> None:
        """Return when every notification is confirmed or expired."""
        await self.outbox.idle()


async def run(
    settings: SimulatorSettings,
    host: str = "127.0.0.1",
    port: int = 8090,
    control_port: int = 8091,
    *,
    started: "asyncio.Future[Simulator] | None" = None,
) -> None:
    """Run until cancelled; `started` is given the simulator as soon as its ports are open."""
    simulator = Simulator(settings)
    try:
        await simulator.start(host, port, control_port)
        if started is not None and not started.done():
            started.set_result(simulator)
        await asyncio.Event().wait()
    finally:
        await simulator.stop()
