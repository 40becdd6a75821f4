"""A process that takes mails and notifications beside the daemon: it reads, decides and translates, the daemon keeps.

It is forked before there is a loop or a thread, gets the configuration over a link and beside it the sockets that the
daemon listens on, and holds no promise: a 250 is said after the daemon has answered that it is committed. It ends with
the daemon.
"""

import asyncio
import errno
import os
import secrets
import socket
from collections.abc import Callable
from typing import Final

from bridge import metrics
from bridge.census import Census
from bridge.config import Configuration
from bridge.daemon import mail_door
from bridge.daemon.doors import http_listener
from bridge.daemon.far import REFUSALS, FarDesk, FarLogins, FarSpool
from bridge.daemon.parcels import unpack_configuration, unpack_endpoints
from bridge.daemon.parts import mail_authentication, provider
from bridge.daemon.steady import Steady
from bridge.ids import mail_ids
from bridge.limits import Limits
from bridge.link import Answer, Link
from bridge.listeners import HttpListener
from bridge.message import NewId
from bridge.proof.logins import Logins
from bridge.proof.mail import MailAuthentication
from bridge.providers import Provider
from bridge.smtpd.door import Door
from bridge.smtpd.listener import Listener
from bridge.smtpd.till import Till
from bridge.webhook import Webhook

MOST_SOCKETS: Final = 200
"""That are listened on; the kernel passes 253 at once."""

MOST_SAID: Final = 256 * 1024
"""Octets of what is said of them."""

_COUNTED_EVERY: Final = 1.0


async def work(link: socket.socket, doorway: socket.socket, begun: Callable[[], None]) -> None:
    """Until the daemon is gone. `begun` is called once there is a loop."""
    worker = Worker(doorway)
    await asyncio.get_running_loop().create_unix_connection(lambda: worker.link, sock=link)
    begun()
    await worker.over.wait()


class Worker:
    """What a worker process is made of."""

    def __init__(self, doorway: socket.socket) -> None:
        """`doorway`: where the daemon hands over what is listened on."""
        answers: dict[str, Answer] = {
            "begin": self._begin,
            "configure": self._configure,
            "drain": self._drain,
            "ping": self._ping,
        }
        self.over = asyncio.Event()
        hears: dict[str, Callable[..., None]] = {"news": self._hear_news, "refuse": self._refuse}
        self.link = Link(hears=hears, answers=answers, refusals=REFUSALS, lost=self.over.set)
        self._doorway = doorway
        self._clock = Steady()
        self._closed = self._full = False
        self._processes = 1
        self._limits = Limits(elsewhere=True)
        self._configuration: Configuration | None = None
        self._mail_authentication: MailAuthentication | None = None
        self._provider: Provider | None = None
        self._mail: Listener | None = None
        self._http: HttpListener | None = None
        new_id = mail_ids(self._clock, secrets.token_bytes)
        self._door = self._make_door(new_id)
        self._webhook = self._make_webhook(new_id)
        self._tally = metrics.Tally()
        self._counting: asyncio.Task[None] | None = None

    def _make_door(self, new_id: NewId) -> Door:
        def ring(about: str, text: str) -> None:
            self.link.tell("ring", about, text)

        return Door(
            desk=FarDesk(self.link),
            till=Till(limits=self._limits, configuration=self._current, clock=self._clock, ring=ring),
            configuration=self._current,
            logins=FarLogins(self.link, Logins(users=lambda: self._current().users, clock=self._clock)),
            mail_authentication=lambda: self._mail_authentication,
            clock=self._clock,
            new_id=new_id,
            ring=ring,
            full=lambda: self._full,
        )

    def _make_webhook(self, new_id: NewId) -> Webhook:
        return Webhook(
            provider=lambda: self._provider or provider(self._current()),
            spool=FarSpool(self.link),
            configuration=self._current,
            clock=self._clock,
            new_id=new_id,
            wake=lambda _channel: None,  # the daemon does what follows, where it accepts
            full=lambda: self._closed,
        )

    def _current(self) -> Configuration:
        if self._configuration is None:
            raise RuntimeError("connections come only after the configuration")
        return self._configuration

    # What the daemon says.

    async def _begin(self, packed: bytes, row: int, processes: int, ahead: float, closed: bool, full: bool) -> None:
        """The sockets were handed over before it was said."""
        self._hear_news(ahead, closed, full)
        new, self._processes = unpack_configuration(packed), processes
        self._take(new)
        said, handed, _flags, _name = socket.recv_fds(self._doorway, MOST_SAID, MOST_SOCKETS)
        self._doorway.close()
        endpoints, count = unpack_endpoints(said)
        if len(handed) != count:
            raise OSError(errno.EMFILE, "not all sockets came: too many open files")
        counting, *others = handed
        census = Census(counting, rows=processes, row=row)
        os.close(counting)
        sockets = [socket.socket(fileno=descriptor) for descriptor in others]
        if endpoints:
            self._mail = mail_door.make_listener(new, mail_door.terms(new, self._door), processes, census)
        for sock, endpoint in zip(sockets, endpoints, strict=False):
            if self._mail is not None:
                await self._mail.adopt(sock, endpoint)
        if sockets[len(endpoints) :]:
            self._http = http_listener(self._webhook.app, self._current, processes, census)
            await self._http.open((), sockets[len(endpoints) :])
        self._counting = asyncio.create_task(self._count())

    async def _configure(self, packed: bytes) -> None:
        """At a reload; the daemon has read the certificates itself just now."""
        old, new = self._current(), unpack_configuration(packed)
        terms = mail_door.terms(new, self._door)
        self._take(new)
        if self._mail is not None:
            mail_door.end_logins(self._mail, old.users, new.users)
            mail_door.renew(self._mail, new, terms, self._processes)

    def _take(self, new: Configuration) -> None:
        # A provider that only reads and answers: it opens no connection, so the old one need not be closed.
        self._configuration, self._provider = new, provider(new)
        self._mail_authentication = mail_authentication(new)

    def _hear_news(self, ahead: float, closed: bool, full: bool) -> None:
        self._clock.ahead, self._closed, self._full = ahead, closed, full

    def _refuse(self, phone: str, until: float) -> None:
        self._limits.refuse(phone, until)

    async def _ping(self) -> None:
        """A loop that answers turns."""

    async def _drain(self, grace: float) -> None:
        ending = [self._mail.drain(grace)] if self._mail is not None else []
        if self._http is not None:
            ending.append(self._http.close())
        await asyncio.gather(*ending)
        self._tell_counts()

    async def _count(self) -> None:
        while True:
            await asyncio.sleep(_COUNTED_EVERY)
            self._tell_counts()

    def _tell_counts(self) -> None:
        connections = len(self._mail.sessions) if self._mail is not None else 0
        self.link.tell("counted", self._tally.since(), connections, self._webhook.heard_at)
