"""The sessions of the mail door: who is let in, how many, who has to give way, and how it all ends.

No `aiosmtpd.controller`: it brings a thread and a loop of its own and cancels whatever is under way when it stops.

A newcomer always gets in: when the house is full, the session that has kept us waiting longest is told to go. What an
untrusted address can occupy is bounded, so a flood only throws out its own kind.
"""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache, partial

from bridge import metrics
from bridge.acceptor import AT_ONCE, Acceptor, Seldom, bind
from bridge.census import Census
from bridge.config.settings import Endpoint
from bridge.log import get_logger
from bridge.sluice import Sluice
from bridge.smtpd import proxy, replies
from bridge.smtpd.contract import Reply, Terms
from bridge.smtpd.protocol import Session
from bridge.smtpd.room import Room
from bridge.smtpd.wire import name_of

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

RESERVE = 10  # connections above the total, for trusted peers only
MEMORY = 64 * 1024 * 1024  # octets that mails being read may take
_IPV6_HOST_BITS = 64  # one customer has at least a /64
_EVERYBODY = "at the mail door"  # counted like an address
_LAST_WORDS = 1.0  # seconds for the reply to who sends a mail and must go


class Listener:
    """Opens sockets, admits sessions, drains them.

    `terms`, `trusted`, `per_address`, `total` and `room.limit` may be changed at any time: they hold for new sessions.
    `trusted` networks have no limit per address and are the last to be told to go.
    """

    def __init__(
        self,
        *,
        terms: Terms,
        trusted: Iterable[Network] = (),
        per_address: int = 20,
        total: int = 200,
        memory: int = MEMORY,
        at_once: int = AT_ONCE,
        at_a_time: int | None = None,
        census: Census | None = None,
    ) -> None:
        """`at_once`: connections that are accepted before others get to it, be they other processes; `at_a_time`: mails
        that are read in one turn of the loop; `census`: where connections of one address are counted.
        """
        self.terms = terms
        self.trusted = tuple(trusted)
        self.per_address = per_address
        self.total = total
        self.room = Room(memory)
        self.sessions: set[Session] = set()
        self._at_once = at_once
        self._sluice = Sluice(at_a_time)
        self._places: list[tuple[Endpoint, list[Acceptor]]] = []
        self._census = census or Census()
        self._commits: set[asyncio.Task[Reply]] = set()
        self._arriving: set[asyncio.Task[None]] = set()  # accepted, and no session yet
        self._announced: set[asyncio.Task[None]] = set()  # those of them whose PROXY header is awaited
        self._emptied = asyncio.Event()
        self._is_draining = False
        self._log = get_logger("smtpd")
        self._refused = {reply: Seldom("reject", "smtpd") for reply in _REFUSALS}
        self._headers = Seldom("no proxy header", "smtpd")
        self._exhausted = Seldom("accepting paused", "smtpd")

    async def open(self, endpoints: Iterable[Endpoint]) -> None:
        """Listens on each endpoint; port 0 is any free one. Raises OSError, and then none of them is left open."""
        try:
            for endpoint in endpoints:
                self._listen(endpoint, await bind(endpoint.host, endpoint.port))
        except OSError:
            self.close()
            raise

    async def adopt(self, sock: socket.socket, endpoint: Endpoint) -> None:
        """Accepts on a socket that already listens (socket activation); of `endpoint` all but host and port count."""
        self._listen(endpoint, [sock])

    def _listen(self, endpoint: Endpoint, sockets: list[socket.socket]) -> None:
        take = partial(self._take, endpoint)
        acceptors = [Acceptor(sock, take, self._exhausted, at_once=self._at_once, lead=self._lead) for sock in sockets]
        self._places.append((endpoint, acceptors))

    def _lead(self) -> int:
        return self._census.lead(_EVERYBODY, self.total)

    @property
    def sockets(self) -> list[tuple[socket.socket, Endpoint]]:
        """What it listens on, and how each is served."""
        return [(acceptor.socket, endpoint) for endpoint, place in self._places for acceptor in place]

    @property
    def ports(self) -> list[int]:
        """The bound port of each endpoint, in the order they were opened; 0 for a Unix socket."""
        names = [place[0].socket.getsockname() for _, place in self._places]
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
        for _, place in self._places:
            for acceptor in place:
                acceptor.close()
        self._places.clear()
        for task in self._announced:
            task.cancel()

    async def drain(self, timeout: float = 10.0) -> None:  # noqa: ASYNC109 - it limits the clients, not the call
        """Stops listening and ends every session: idle ones at once, busy ones when done or after `timeout` seconds.

        Returns when all are closed and the mails under way are taken or refused.
        """
        self._is_draining = True
        self.close()
        if self._arriving:
            await asyncio.wait(self._arriving, timeout=timeout)
        for session in list(self.sessions):
            session.dismiss(replies.SHUTTING_DOWN)
        if not await self._wait_until_empty(timeout):
            for session in list(self.sessions):
                session.dismiss(replies.SHUTTING_DOWN, in_data=True)
            await self._wait_until_empty(_LAST_WORDS)
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

    # From a socket to a session.

    def _take(self, endpoint: Endpoint, sock: socket.socket) -> None:
        task = asyncio.get_running_loop().create_task(self._begin(endpoint, sock))
        self._arriving.add(task)
        task.add_done_callback(self._arriving.discard)

    async def _begin(self, endpoint: Endpoint, sock: socket.socket) -> None:
        client: proxy.Client | None = None
        try:
            if endpoint.proxy:
                client = await self._announcement(endpoint, sock)
            session = partial(self._session, endpoint, client)
            # TLS is begun by the session in every mode, so that a new certificate needs no new socket.
            await asyncio.get_running_loop().connect_accepted_socket(session, sock)
        except _NotAnnounced as refused:
            _hang_up(sock, refused.reply, aloud=endpoint.mode != "implicit")
        except (OSError, proxy.Left):  # it is gone already
            sock.close()
        except Exception:  # noqa: BLE001 - nobody waits for this task, and there is no client to tell
            self._log.exception("session failed")
            sock.close()
        except asyncio.CancelledError:
            sock.close()
            raise

    async def _announcement(self, endpoint: Endpoint, sock: socket.socket) -> proxy.Client | None:
        """For whom a proxy speaks; None where the peer is none. Raises `_NotAnnounced`, `proxy.Left` and OSError."""
        address = name_of(sock.getpeername())[0]
        if not _is_inside(address, endpoint.proxy):
            return None
        if len(self._announced) >= self.total:
            raise _NotAnnounced(self._refuse(address, replies.TOO_MANY_CONNECTIONS))
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this is a coroutine
        self._announced.add(task)
        try:
            async with asyncio.timeout(self.terms.limits.header_timeout):
                return await proxy.read_client(partial(asyncio.get_running_loop().sock_recv, sock))
        except (TimeoutError, proxy.BadHeader) as error:
            self._headers.say(peer=address, reason=str(error) or "it does not come")
            raise _NotAnnounced(replies.BAD_HEADER) from None
        finally:
            self._announced.discard(task)

    def _session(self, endpoint: Endpoint, client: proxy.Client | None) -> Session:
        terms = self.terms
        if endpoint.client_ca is not None:
            terms = replace(terms, ssl_context=terms.asking.get(endpoint.client_ca, terms.ssl_context))
        return Session(
            terms=terms,
            mode=endpoint.mode,
            client=client,
            admit=self._admit,
            leave=self._leave,
            share=self.room.share(),
            sluice=self._sluice,
            commits=self._commits,
        )

    # Who may stay.

    def _admit(self, session: Session) -> Reply | None:
        if self._is_draining:
            return replies.SHUTTING_DOWN
        address = session.peer.host
        session.trusted = trusted = _is_inside(address, self.trusted)
        if not trusted:
            if session.peer.mode == "legacy":
                return self._refuse(address, replies.NOT_ONE_OF_OURS)
            if address and self._census.of(_key(address)) >= self.per_address:
                return self._refuse(address, replies.TOO_MANY_CONNECTIONS)
            if not self.room.has(1, trusted=False):
                return self._refuse(address, replies.OVERLOADED)
        if len(self.sessions) >= self.total and not self._finds_place(trusted=trusted):
            return self._refuse(address, replies.TOO_MANY_CONNECTIONS)
        metrics.CONNECTIONS.add()
        self.sessions.add(session)
        self._census.enter(_key(address))
        self._census.enter(_EVERYBODY)
        return None

    def _finds_place(self, *, trusted: bool) -> bool:
        """Whether there is a place for another one, perhaps somebody else's."""
        staying = [other for other in self.sessions if other.dismissal is None]
        if len(staying) < self.total:
            return True
        has_reserve = trusted and len(staying) < self.total + RESERVE
        return self._make_room(staying, trusted and not has_reserve) or has_reserve

    def _refuse(self, address: str, reply: Reply) -> Reply:
        metrics.rejected(reply.code, reply.status)
        self._refused[reply].say(peer=address, code=f"{reply.code} {reply.status}", reason=reply.text)
        return reply

    def _make_room(self, staying: list[Session], also_trusted: bool) -> bool:
        """Who has kept us waiting longest is told to go: idle or slow in DATA alike, or the slow would fill the house.

        Were the idle always first to go, in a house full of slow mails each newcomer would be thrown out by the next.
        """
        grace = self.terms.limits.crowded_timeout
        for trusted in (False, True) if also_trusted else (False,):
            waits = {session: session.behind(grace) for session in staying if session.trusted is trusted}
            longest = max(waits, key=waits.__getitem__, default=None)
            if longest is not None and waits[longest] >= 0:
                longest.dismiss(replies.MAKING_ROOM, in_data=True)
                return True
        return False

    def _leave(self, session: Session) -> None:
        self.sessions.discard(session)
        self._census.leave(_key(session.peer.host))
        self._census.leave(_EVERYBODY)
        if not self.sessions:
            self._emptied.set()


_REFUSALS = (replies.TOO_MANY_CONNECTIONS, replies.OVERLOADED, replies.NOT_ONE_OF_OURS)


class _NotAnnounced(Exception):
    """A proxy did not say for whom it speaks, or too many of them are about to."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.reply = reply


@lru_cache(maxsize=1024)  # the same few come all day
def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(host)


def _is_inside(host: str, networks: tuple[Network, ...]) -> bool:
    if not networks or not host:
        return False
    address = _address(host)
    return any(address.version == network.version and address in network for network in networks)


def _hang_up(sock: socket.socket, reply: Reply, *, aloud: bool) -> None:
    """Closes a socket that has no session yet, with a word where the client would understand one."""
    with contextlib.suppress(OSError):
        if aloud:
            sock.send(reply.encode())
        sock.shutdown(socket.SHUT_WR)
        sock.recv(4096)  # what is left unread would take the reply with it
    sock.close()


def _key(host: str) -> str:
    """What counts as one address."""
    if ":" not in host:
        return host
    return format(int(ipaddress.IPv6Address(host)) >> _IPV6_HOST_BITS, "x")
