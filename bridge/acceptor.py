"""Listening sockets, and accepting by hand: without descriptors left it is a pause, a line a minute, and no end.

Left to the loops that is a traceback a second (asyncio), or callers who are hung up on and a listening socket that may
be closed for good (uvloop). By hand also means that a PROXY header can be read before there is a session, and that one
of several processes behind a socket does not take all who wait there.
"""

import asyncio
import errno
import socket
from collections.abc import Callable

from bridge.log import get_logger

BACKLOG = 1024
PAUSE = 1.0  # seconds
DEFERENCE = 10  # turns of the loop, for each connection that somebody else has fewer
MOST_DEFERENCE = 100  # turns: some milliseconds where there is work, one where there is none
AT_ONCE = 64  # connections accepted before somebody else has a turn
_SILENCE = 60.0  # seconds between two lines about the same thing
_ABSENT = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


class Seldom:
    """A warning that is logged at once and then at most once a minute, with how often it would have been said."""

    def __init__(self, event: str, log: str) -> None:
        """`log`: whose line it is."""
        self._log = get_logger(log)
        self._event = event
        self._times = 0
        self._silent_until = 0.0  # loop time

    def say(self, **words: str) -> None:
        """Once more."""
        self._times += 1
        now = asyncio.get_running_loop().time()
        if now >= self._silent_until:  # a flood must not become one of lines
            self._log.warning(self._event, times=self._times, **words)
            self._times, self._silent_until = 0, now + _SILENCE


async def bind(host: str, port: int) -> list[socket.socket]:
    """Listening sockets on the addresses of `host` that this machine has; port 0 is any free one.

    Raises OSError, and then none is left open.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise _named(error, host, port) from None
    opened: list[socket.socket] = []
    absent: OSError | None = None
    for family, _, _, _, address in dict.fromkeys(found):
        try:
            opened.append(_listen(family, address))
        except OSError as error:
            if error.errno not in _ABSENT:
                _close(opened)
                raise _named(error, host, port) from None
            absent = error  # a name may have an address of a family that is switched off
    if not opened and absent is not None:
        raise _named(absent, host, port)
    return opened


def _named(error: OSError, host: str, port: int) -> OSError:
    return OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}")


def _listen(family: int, address: tuple[object, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # The other family has a socket of its own, or none by intention.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _close(sockets: list[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


class Acceptor:
    """Gives every connection that comes to a listening socket to `take`, until closed. `take` owns what it is given."""

    def __init__(
        self,
        sock: socket.socket,
        take: Callable[[socket.socket], None],
        exhausted: Seldom,
        *,
        at_once: int = AT_ONCE,
        lead: Callable[[], int] = lambda: 0,
    ) -> None:
        """`lead`: how many connections more than others that listen on the socket it has; so much longer these may
        have the next one first. Turns are waited and not milliseconds: a timer of the loop is late by one.
        """
        sock.setblocking(False)
        self._at_once = at_once
        self._lead = lead
        self._deferred = 0  # turns
        self.socket = sock
        self._take = take
        self._exhausted = exhausted
        self._loop = asyncio.get_running_loop()
        self._resumes: asyncio.TimerHandle | None = None
        self._loop.add_reader(sock, self._accept)

    def close(self) -> None:
        """Stops listening."""
        if self._resumes is not None:
            self._resumes.cancel()
        else:
            self._loop.remove_reader(self.socket)
        self.socket.close()

    def _accept(self) -> None:
        if self._deferred < min(self._lead() * DEFERENCE, MOST_DEFERENCE):
            self._deferred += 1  # who waits there is told of again in the next turn, unless somebody took him
        else:
            self._deferred = 0
            self._accept_some()

    def _accept_some(self) -> None:
        for _ in range(self._at_once):
            try:
                accepted, _ = self.socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._pause(error)
                return
            accepted.setblocking(False)
            self._take(accepted)

    def _pause(self, error: OSError) -> None:
        # The connection stays where it is: asked again at once, the kernel would say the same again at once.
        self._exhausted.say(reason=str(error))
        self._loop.remove_reader(self.socket)
        self._resumes = self._loop.call_later(PAUSE, self._resume)

    def _resume(self) -> None:
        self._resumes = None
        self._loop.add_reader(self.socket, self._accept)
