"""Builds everything and keeps it running: start, reload, drain, stop. The only module that knows all the others."""

import asyncio
import secrets
import signal
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bridge import __version__, config, routing, sdnotify
from bridge.config import ConfigError, Problem
from bridge.console import console
from bridge.console.sources import Phone
from bridge.daemon import readiness, window
from bridge.daemon.deliveries import Chore, agents, chores, neighbours
from bridge.daemon.doors import Doors
from bridge.daemon.front import Front, front
from bridge.daemon.guard import Guard
from bridge.daemon.hands import Hand
from bridge.daemon.neighbours import EVERY as NEIGHBOURS_EVERY
from bridge.daemon.parts import (
    ROLES,
    check_roles,
    counted,
    exchanged,
    mail_authentication,
    needs_restart,
    provider,
    retire,
    transport,
    with_keys,
)
from bridge.daemon.scrape import Scrape
from bridge.daemon.steady import Steady
from bridge.daemon.store import open_store
from bridge.daemon.tasks import Tasks
from bridge.daemon.waiting import Waiting
from bridge.daemon.workers import Workers
from bridge.delivery import Agent
from bridge.ids import mail_ids
from bridge.limits import Limits
from bridge.listeners import HttpListener
from bridge.log import get_logger
from bridge.message import Channel, Clock
from bridge.proof.logins import Logins
from bridge.webhook import Webhook

CALL_GRACE: Final = 25.0
"""Seconds that calls under way get at the end; their own limit is 30, systemd's 45."""

DOOR_GRACE: Final = 10.0
_COUNT_EVERY: Final = 2.0


class Daemon:
    """One bridge. `start`, then `run` until a signal or `stop`."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock | None = None,
        grace: float = CALL_GRACE,
        only: Collection[str] = ROLES,
        phone: Phone | None = None,
        hands: Sequence[Hand] = (),
    ) -> None:
        """`only` some of `ROLES`: other processes on the same PostgreSQL do the rest. With a `phone` it is a
        demonstration, whose console nobody logs in to. `hands` are processes that open the same doors.
        """
        self._phone = phone
        self._path = path
        self._roles = [role for role in ROLES if role in only]
        self._clock = clock or Steady()
        self._grace = grace
        self._log = get_logger("daemon")
        self._stop = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._beside = Tasks(lambda error: self._give_up("a task ended in our own code", exc_info=error))
        self._workers = Workers(
            hands, clock=self._clock, closed=lambda: self._guard.closed, full=self._is_full, gone=self._give_up
        )
        self._ready = False
        self._gave_up = False
        self._agents: dict[Channel, Agent] = {}
        self._chores: list[Chore] = []

    @property
    def ports(self) -> dict[str, list[int]]:
        """The ports that are listened on, by door; port 0 in the configuration lets the system choose."""
        return {**self._doors.ports, "console": self._console_listener.ports}

    async def start(self) -> None:
        """Open spool, doors and deliveries.

        Raises `ConfigError`, `SpoolLocked`, `SpoolDamaged`, OSError for a port that is taken.
        """
        self._configuration = with_keys(config.load(self._path))
        for warning in self._configuration.warnings:
            self._log.warning("configuration", reason=str(warning))
        check_roles(self._configuration, self._roles)
        try:
            self._provider, self._transport = provider(self._configuration), transport(self._configuration)
        except ValueError as error:  # what only shows when a client is made of it
            raise ConfigError((Problem(file=self._path.name, message=str(error)),)) from error
        self._store = await open_store(
            self._configuration, clock=self._clock, wake=self._heard, delivers="delivery" in self._roles
        )
        self._spool, shared = self._store.spool, self._store.shared
        self._probe = readiness.Probe(self._spool)
        self._limits = Limits(shared.pool if shared is not None else None, told=self._workers.refuse)
        self._neighbours = neighbours(shared, self._limits, lambda: self._agents, self._clock)
        self._guard = Guard(
            store=self._store, clock=self._clock, largest=lambda: self._configuration.settings.smtpd.max_message_size
        )
        unknown, again = await self._spool.recover(self._clock())
        if unknown or again:
            self._log.warning("recovered", unknown=unknown, deferred=again)
        self._waiting = Waiting(self._spool, lambda: self._configuration.settings.spool.max_queued)
        await self._waiting.read()
        if "delivery" in self._roles:
            self._build_deliveries()
        await self._open_doors()
        self._watch()
        self._ready = True

    async def run(self) -> bool:
        """Until SIGTERM or SIGINT; SIGHUP reloads. Tells systemd of each. False when our own code gave up."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._beside.spawn(self.reload()))
        # Only now, for who hears of it may send a signal at once.
        queued, test = self._waiting.number, self._configuration.settings.websms.test
        self._log.info("started", version=__version__, queued=queued, test=test, **self.ports)
        sdnotify.ready(f"{counted(len(self._configuration.routes.rows), 'route')}, {queued} queued")
        await self._stop.wait()
        await self.stop()
        return not self._gave_up

    async def stop(self) -> None:
        """Close the doors, let what is under way end, note the rest, close the spool."""
        self._ready = False
        sdnotify.stopping("draining")
        self._log.info("stopping")
        # What a door still takes in while it drains waits in the spool for the next start.
        ending = (agent.stop(self._grace) for agent in self._agents.values())
        await asyncio.gather(self._doors.drain(DOOR_GRACE), *ending)
        await self._beside.cancel()
        await asyncio.gather(self._provider.close(), self._transport.close())
        await self._console_listener.close()
        await self._workers.close()
        await self._store.close()
        self._log.info("stopped")

    async def reload(self) -> None:
        """Check the new files; take them whole, or keep the old ones and say what is wrong."""
        async with self._reloading:  # or who began first might end last, with the older files
            await self._reload()

    async def _reload(self) -> None:
        sdnotify.reloading("reloading")
        old = self._configuration
        try:
            new = await asyncio.to_thread(config.load, self._path)
            if not new.keys:
                raise OSError(f"{new.settings.key_file}: the key file is gone; put it back, or every token dies")  # noqa: TRY301
            terms = self._doors.terms(new)
            carriers = provider(new), transport(new)
        except (ConfigError, OSError, ValueError) as error:
            problems = error.problems if isinstance(error, ConfigError) else (error,)
            for problem in problems:
                self._log.error("reload refused", reason=str(problem))
            sdnotify.ready(f"the new configuration is wrong, the old one stays: {counted(len(problems), 'error')}")
            return
        self._configuration = new
        self._mail_authentication = mail_authentication(new)
        for difference in routing.differences(old.routes, new.routes):
            self._log.info("route changed", reason=difference)
        for name in needs_restart(old, new):
            self._log.warning("needs a restart", reason=f"{name} was changed and takes effect at the next start")
        present = self._provider, self._transport
        self._provider, self._transport, over = await exchanged(old, new, present, carriers)
        for carrier in over:
            self._beside.spawn(retire(carrier))
        await self._doors.renew(new, terms)
        for agent in self._agents.values():
            agent.pauses.lift(self._clock())
            agent.wake()
        self._log.info("reloaded", routes=len(new.routes.rows))
        sdnotify.ready(f"reloaded, {counted(len(new.routes.rows), 'route')}")

    async def readiness(self) -> Mapping[str, Any]:
        """What /readyz shows."""
        return await readiness.readiness(
            self._spool,
            self._probe,
            running=self._ready,
            roles=self._roles,
            ports=self._doors.ports,
            agents=self._agents,
            closed=self._guard.closed,
            test=self._configuration.settings.websms.test,
        )

    def wake(self, channel: Channel) -> None:
        """A door took something in for a channel."""
        self._waiting.add()
        if self._is_full():
            self._workers.tell_news()
        if self._store.shared is not None:  # a file has said so before, in time for the same commit
            self._heard(channel)

    def _heard(self, channel: Channel) -> None:
        if channel in self._agents:
            self._agents[channel].wake()

    def _build_deliveries(self) -> None:
        self._agents = agents(
            spool=self._spool,
            shared=self._store.shared,
            configuration=lambda: self._configuration,
            provider=lambda: self._provider,
            transport=lambda: self._transport,
            refuse=self._neighbours.refuse if self._neighbours is not None else self._limits.refuse,
            clock=self._clock,
        )
        self._chores = chores(
            spool=self._spool, configuration=lambda: self._configuration, clock=self._clock, wake=self._heard
        )

    async def _open_doors(self) -> None:
        self._mail_authentication = mail_authentication(self._configuration)
        new_id = mail_ids(self._clock, secrets.token_bytes)
        front = self._front(new_id)
        mail = front.door if "smtpd" in self._roles else None
        webhook = self._webhook(new_id) if "webhook" in self._roles else None
        handed = sdnotify.listen_sockets()
        self._workers.ask(front, webhook)
        self._doors: Doors = Doors(mail=mail, webhook=webhook.app if webhook else None, workers=self._workers)
        await self._doors.open(self._configuration, handed)
        shown = window.sources(
            spool=self._spool,
            configuration=lambda: self._configuration,
            clock=self._clock,
            agents=self._agents,
            roles=self._roles,
            closed=lambda: self._guard.closed,
            webhook=webhook,
            phone=self._phone,
        )
        seen = Scrape(
            spool=self._spool,
            clock=self._clock,
            agents=self._agents,
            doors=self._doors,
            guard=self._guard,
            webhook=webhook,
            workers=self._workers.pids,
        )
        self._console_listener = HttpListener(console(self.readiness, sources=shown, more=seen.routes()))
        await self._console_listener.open(self._configuration.settings.console.listen, handed.get("console", ()))

    def _front(self, new_id: Callable[[], str]) -> Front:
        return front(
            spool=self._spool,
            configuration=lambda: self._configuration,
            logins=Logins(users=lambda: self._configuration.users, clock=self._clock),
            mail_authentication=lambda: self._mail_authentication,
            limits=self._limits,
            clock=self._clock,
            new_id=new_id,
            wake=self.wake,
            full=self._is_full,
        )

    def _is_full(self) -> bool:
        return self._guard.closed or self._waiting.is_full

    def _webhook(self, new_id: Callable[[], str]) -> Webhook:
        return Webhook(
            provider=lambda: self._provider,
            spool=self._spool,
            configuration=lambda: self._configuration,
            clock=self._clock,
            new_id=new_id,
            wake=self.wake,
            heard=self._limits.exchanges.heard,
            full=lambda: self._guard.closed,
        )

    def _watch(self) -> None:
        for agent in self._agents.values():
            self._beside.spawn(agent.run())
        for chore in self._chores:
            self._beside.repeat(chore.every, chore.once)
        if self._neighbours is not None:
            self._beside.repeat(NEIGHBOURS_EVERY, self._neighbours.once)
        self._beside.repeat(_COUNT_EVERY, self._look_round)
        self._beside.repeat(_COUNT_EVERY, self._workers.look_after)
        if (interval := sdnotify.watchdog_interval()) is not None:
            self._beside.repeat(interval, self._alive)

    def _give_up(self, reason: str, **more: Any) -> None:
        self._log.critical("giving up", reason=reason, **more)
        self._gave_up = True
        self._stop.set()

    async def _look_round(self) -> None:
        if reason := self._guard.fault():
            self._give_up(reason)
            return
        await self._guard.once()
        await self._waiting.read()
        self._workers.tell_news()

    async def _alive(self) -> None:
        # Only a loop that turns and a file that answers are alive; a server may be away for a while.
        await self._store.answers()
        sdnotify.alive()
