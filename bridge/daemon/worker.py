"""A process that speaks with mail clients for the daemon: it reads, decides and translates, the daemon keeps.

It is forked before there is a loop or a thread, gets the configuration over a link and each connection as a descriptor,
and holds no promise: a mail's 250 is said after the daemon has answered that it is committed. It ends with the daemon.
"""

import asyncio
import marshal
import secrets
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from bridge import metrics
from bridge.config import Configuration, Endpoint
from bridge.daemon import mail_door
from bridge.daemon.far import FarDesk, FarLogins
from bridge.daemon.parcels import unpack_configuration
from bridge.daemon.parts import mail_authentication
from bridge.daemon.steady import Steady
from bridge.ids import mail_ids
from bridge.limits import Limits
from bridge.link import Link
from bridge.log import get_logger
from bridge.proof.logins import Logins
from bridge.proof.mail import MailAuthentication
from bridge.smtpd.door import Door
from bridge.smtpd.listener import Listener
from bridge.smtpd.till import Till

ARRIVAL: Final = 2048
"""Octets that are said of a connection, at most."""

_AT_ONCE: Final = 16
_COUNTED_EVERY: Final = 1.0


async def work(link: socket.socket, doorway: socket.socket, begun: Callable[[], None]) -> None:
    """Until the daemon is gone. `begun` is called once there is a loop."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a terminal and systemd tell the whole group; the daemon tells us
    worker = Worker(doorway)
    await asyncio.get_running_loop().create_unix_connection(lambda: worker.link, sock=link)
    begun()
    await worker.over.wait()


class Worker:
    """What a worker process is made of."""

    def __init__(self, doorway: socket.socket) -> None:
        """`doorway`: where the daemon hands connections over."""
        answers: dict[str, Callable[..., Awaitable[Any]]] = {
            "configure": self._configure,
            "drain": self._drain,
            "ping": self._ping,
        }
        self.over = asyncio.Event()
        self.link = Link(hears={"news": self._hear_news, "refuse": self._refuse}, answers=answers, lost=self.over.set)
        self._doorway = doorway
        self._clock = Steady()
        self._full = False
        self._limits = Limits(elsewhere=True)
        self._configuration: Configuration | None = None
        self._mail_authentication: MailAuthentication | None = None
        self._listener: Listener | None = None
        self._door = self._make_door()
        self._tally = metrics.Tally()
        self._counting: asyncio.Task[None] | None = None
        self._log = get_logger("smtpd")

    def _make_door(self) -> Door:
        def ring(about: str, text: str) -> None:
            self.link.tell("ring", about, text)

        return Door(
            desk=FarDesk(self.link),
            till=Till(limits=self._limits, configuration=self._current, clock=self._clock, ring=ring),
            configuration=self._current,
            logins=FarLogins(self.link, Logins(users=lambda: self._current().users, clock=self._clock)),
            mail_authentication=lambda: self._mail_authentication,
            clock=self._clock,
            new_id=mail_ids(self._clock, secrets.token_bytes),
            ring=ring,
            full=lambda: self._full,
        )

    def _current(self) -> Configuration:
        if self._configuration is None:
            raise RuntimeError("connections come only after the configuration")
        return self._configuration

    # What the daemon says.

    async def _configure(self, packed: bytes, workers: int, ahead: float, full: bool) -> None:
        """At the start, and at each reload; it has read the certificates itself just now."""
        old, new = self._configuration, unpack_configuration(packed)
        terms = mail_door.terms(new, self._door)
        self._hear_news(ahead, full)
        self._configuration, self._mail_authentication = new, mail_authentication(new)
        if self._listener is None or old is None:
            self._listener = Listener(terms=terms)
            self._counting = asyncio.create_task(self._count())
            asyncio.get_running_loop().add_reader(self._doorway.fileno(), self._arrive)
        else:
            mail_door.end_logins(self._listener, old.users, new.users)
        mail_door.renew(self._listener, new, terms, workers=workers)

    def _hear_news(self, ahead: float, full: bool) -> None:
        self._clock.ahead, self._full = ahead, full

    def _refuse(self, phone: str, until: float) -> None:
        self._limits.refuse(phone, until)

    async def _ping(self) -> None:
        """A loop that answers turns."""

    async def _drain(self, grace: float) -> None:
        asyncio.get_running_loop().remove_reader(self._doorway.fileno())
        self._arrive()  # what was handed over before it knew
        if self._listener is not None:
            await self._listener.drain(grace)
        self._tell_counts()

    # Connections.

    def _arrive(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                said, handed, _flags, _name = socket.recv_fds(self._doorway, ARRIVAL, 1)
            except (BlockingIOError, InterruptedError):
                return
            if not said:  # the daemon is gone; the link says so too
                asyncio.get_running_loop().remove_reader(self._doorway.fileno())
                return
            number, mode, authority, client = marshal.loads(said)  # noqa: S302  # from the process that started this one
            left = _Left(self.link, number)
            if not handed or self._listener is None:  # no descriptor was left for it
                self._log.error("session failed", reason="too many open files")
                left()
                continue
            endpoint = Endpoint(host="", port=0, mode=mode, client_ca=None if authority is None else Path(authority))
            self._listener.receive(socket.socket(fileno=handed[0]), endpoint, client, left)

    async def _count(self) -> None:
        while True:
            await asyncio.sleep(_COUNTED_EVERY)
            self._tell_counts()

    def _tell_counts(self) -> None:
        if counts := self._tally.since():
            self.link.tell("counted", counts)


class _Left:
    """Tells the daemon, once, that a connection is gone."""

    __slots__ = ("_link", "_number")

    def __init__(self, link: Link, number: int) -> None:
        self._link = link
        self._number = number

    def __call__(self) -> None:
        self._link.tell("left", self._number)
