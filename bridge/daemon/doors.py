"""The doors that this process opens: for mail, for the provider, or for both. A node that only delivers has neither."""

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from aiohttp import web

from bridge.acceptor import AT_ONCE
from bridge.census import Census
from bridge.config import Configuration
from bridge.crowd import BOUNDS
from bridge.daemon import mail_door
from bridge.daemon.workers import Workers
from bridge.listeners import HttpListener
from bridge.routing import Network
from bridge.smtpd.contract import Policy, Terms
from bridge.smtpd.listener import Listener

_AT_A_TIME: Final = 8
"""Notifications that each of several processes begins in one turn of its loop: a millisecond."""


class Doors:
    """What listens. `open` it, then `drain`."""

    def __init__(
        self, *, mail: Policy[Any] | None, webhook: web.Application | None, workers: Workers | None = None
    ) -> None:
        """What stands behind each; None where that door stays shut. `workers` speak with mail clients, too."""
        self._workers = workers
        self._policy = mail
        self._application = webhook
        self._configuration: Configuration | None = None
        self.mail: Listener | None = None
        self._webhook: HttpListener | None = None

    @property
    def ports(self) -> dict[str, list[int]]:
        """The ports that are listened on, by door."""
        listeners = {"smtpd": self.mail, "webhook": self._webhook}
        return {name: listener.ports if listener is not None else [] for name, listener in listeners.items()}

    @property
    def connections(self) -> int:
        """At the mail door now."""
        elsewhere = self._workers.connections if self._workers is not None else 0
        return elsewhere + (len(self.mail.sessions) if self.mail is not None else 0)

    @property
    def _processes(self) -> int:
        """How many there are behind each door."""
        return 1 + (len(self._workers) if self._workers is not None else 0)

    async def open(self, configuration: Configuration, handed: Mapping[str, Sequence[socket.socket]]) -> None:
        """Listen on the sockets that systemd `handed` over by name, else on the configured ones. Raises OSError."""
        self._configuration = current = configuration
        census = self._workers.census() if self._workers is not None else None
        if self._policy is not None:
            self.mail = await mail_door.open_listener(configuration, self._policy, handed, self._processes, census)
        if self._application is not None:
            self._webhook = http_listener(
                self._application, lambda: self._configuration or current, self._processes, census
            )
            await self._webhook.open(configuration.settings.webhook.listen, handed.get("webhook", ()))
        if self._workers is not None:
            mail = self.mail.sockets if self.mail is not None else []
            http = self._webhook.descriptors if self._webhook is not None else []
            await self._workers.begin(configuration, mail, http)

    def terms(self, new: Configuration) -> Terms | None:
        """What `renew` needs of a `new` configuration. Reads the certificates: raises OSError."""
        return mail_door.terms(new, self._policy) if self._policy is not None else None

    async def renew(self, new: Configuration, terms: Terms | None) -> None:
        """Go on by the `new` configuration."""
        old, self._configuration = self._configuration, new
        if self.mail is not None and terms is not None and old is not None:
            mail_door.end_logins(self.mail, old.users, new.users)
            mail_door.renew(self.mail, new, terms, self._processes)
        if self._workers is not None:
            await self._workers.configure(new)

    async def drain(self, grace: float) -> None:
        """Take nothing new and let what is under way end; sessions get `grace` seconds."""
        ending = [self.mail.drain(grace)] if self.mail is not None else []
        if self._webhook is not None:
            ending.append(self._webhook.close())
        if self._workers is not None:
            ending.append(self._workers.drain(grace))
        await asyncio.gather(*ending)


def http_listener(
    webhook: web.Application, configuration: Callable[[], Configuration], processes: int, census: Census | None
) -> HttpListener:
    """What serves the webhook; of so many processes each has its part of the connections."""
    bounds = replace(BOUNDS, connections=-(-BOUNDS.connections // processes))

    def spared() -> tuple[Network, ...]:
        return configuration().settings.webhook.networks

    # As at the mail door: the process that wakes first must not take all who wait there.
    at_once, at_a_time = (1, _AT_A_TIME) if processes > 1 else (AT_ONCE, None)
    return HttpListener(webhook, bounds=bounds, spared=spared, census=census, at_once=at_once, at_a_time=at_a_time)
