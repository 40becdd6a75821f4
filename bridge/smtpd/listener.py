"""The listening sockets of the mail door, the sessions that live, and how many of them may.

No `aiosmtpd.controller`: it brings a thread and a loop of its own and cancels whatever is under way when it stops.

A newcomer always gets in: when the house is full, the session that has been idle longest is told to go. What an
untrusted address can occupy is bounded, so a flood only throws out its own kind.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from bridge.config.settings import Endpoint
from bridge.log import get_logger
from bridge.smtpd import replies
from bridge.smtpd.contract import Reply, Terms
from bridge.smtpd.protocol import Session

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

BACKLOG = 1024
_IPV6_HOST_BITS = 64  # one customer has at least a /64
_SILENCE = 60.0  # seconds between two lines about refused connections

log = get_logger("smtpd")


class Listener:
    """Opens sockets, admits sessions, drains them. `terms` may be replaced at any time: new sessions get the new ones.

    `trusted` networks have no limit per address and are the last to be told to go.
    """

    def __init__(
        self, *, terms: Terms, trusted: Iterable[Network] = (), per_address: int = 20, total: int = 200
    ) -> None:
        self.terms = terms
        self.trusted = tuple(trusted)
        self.per_address = per_address
        self.total = total
        self.sessions: set[Session] = set()
        self._servers: list[asyncio.Server] = []
        self._by_address: Counter[str] = Counter()
        self._commits: set[asyncio.Task[Reply]] = set()
        self._emptied = asyncio.Event()
        self._refused = 0  # since it was last logged
        self._silent_until = 0.0  # loop time

    async def open(self, endpoints: Iterable[Endpoint]) -> None:
        """Listens on each endpoint; port 0 is any free one. Raises OSError, and then none of them is left open."""
        try:
            for endpoint in endpoints:
                await self._listen(endpoint.mode, host=endpoint.host, port=endpoint.port)
        except OSError:
            self.close()
            raise

    async def adopt(self, sock: socket.socket, mode: str) -> None:
        """Accepts on a socket that already listens (socket activation)."""
        sock.setblocking(False)
        await self._listen(mode, sock=sock)

    async def _listen(self, mode: str, **where: Any) -> None:
        loop = asyncio.get_running_loop()
        # TLS is begun by the session in every mode, so that a new certificate needs no new socket.
        self._servers.append(await loop.create_server(partial(self._session, mode), backlog=BACKLOG, **where))

    @property
    def ports(self) -> list[int]:
        """The bound port of each endpoint, in the order they were opened; 0 for a Unix socket."""
        names = [server.sockets[0].getsockname() for server in self._servers]
        return [int(name[1]) if isinstance(name, tuple) else 0 for name in names]

    @property
    def ssl_context(self) -> ssl.SSLContext | None:
        """The certificate shown to new sessions; may be set."""
        return self.terms.ssl_context

    @ssl_context.setter
    def ssl_context(self, context: ssl.SSLContext | None) -> None:
        self.terms = replace(self.terms, ssl_context=context)

    def close(self) -> None:
        """Stops listening. Sessions go on."""
        for server in self._servers:
            server.close()
        self._servers.clear()

    async def drain(self, timeout: float = 10.0) -> None:  # noqa: ASYNC109 - it limits the clients, not the call
        """Stops listening and ends every session: idle ones at once, busy ones when done or after `timeout` seconds.

        Returns when all are closed and the mails under way are taken or refused.
        """
        self.close()
        for session in list(self.sessions):
            session.dismiss(replies.SHUTTING_DOWN)
        if not await self._wait_until_empty(timeout):
            for session in list(self.sessions):
                session.abort()
            await self._wait_until_empty(timeout)
        if self._commits:
            await asyncio.wait(self._commits, timeout=timeout)

    async def _wait_until_empty(self, seconds: float) -> bool:
        if self.sessions:
            self._emptied.clear()
            try:
                await asyncio.wait_for(self._emptied.wait(), seconds)
            except TimeoutError:
                return False
        return True

    def _session(self, mode: str) -> Session:
        return Session(terms=self.terms, mode=mode, admit=self._admit, leave=self._leave, commits=self._commits)

    def _admit(self, session: Session) -> Reply | None:
        address = session.peer.host
        session.trusted = self._is_trusted(address)
        key = _key(address)
        if address and not session.trusted and self._by_address[key] >= self.per_address:
            return self._refuse(address)
        staying = [other for other in self.sessions if other.dismissal is None]
        if len(staying) >= self.total and not self._make_room(staying, session):
            return self._refuse(address)
        self.sessions.add(session)
        self._by_address[key] += 1
        return None

    def _refuse(self, address: str) -> Reply:
        self._refused += 1
        now = asyncio.get_running_loop().time()
        if now >= self._silent_until:  # a flood must not become one of lines
            log.warning("reject", peer=address, reason="too many connections", times=self._refused)
            self._refused, self._silent_until = 0, now + _SILENCE
        return replies.TOO_MANY_CONNECTIONS

    def _make_room(self, staying: list[Session], newcomer: Session) -> bool:
        slow = self.terms.limits.crowded_timeout
        choices: tuple[Callable[[Session], bool], ...] = (
            lambda session: session.is_idle and not session.trusted,
            lambda session: session.is_overdue(slow) and not session.trusted,
            lambda session: session.is_idle and newcomer.trusted,
        )
        for may_go in choices:
            idle = [session for session in staying if may_go(session)]
            if idle:
                min(idle, key=lambda session: session.since).dismiss(replies.MAKING_ROOM, in_data=True)
                return True
        return False

    def _leave(self, session: Session) -> None:
        self.sessions.discard(session)
        key = _key(session.peer.host)
        self._by_address[key] -= 1
        if self._by_address[key] <= 0:
            del self._by_address[key]
        if not self.sessions:
            self._emptied.set()

    def _is_trusted(self, host: str) -> bool:
        if not self.trusted or not host:
            return False
        address = ipaddress.ip_address(host)
        return any(address.version == network.version and address in network for network in self.trusted)


def _key(host: str) -> str:
    """What counts as one address."""
    if ":" not in host:
        return host
    return format(int(ipaddress.IPv6Address(host)) >> _IPV6_HOST_BITS, "x")
