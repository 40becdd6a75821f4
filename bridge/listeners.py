"""Where an aiohttp application is served: on addresses, or on sockets that systemd opened, within limits.

A peer that opens connections and says little, or reads no answer, must not take the places of the others: there are
deadlines for its header and for what it leaves unread, and connections are counted, in all and by address. Peers on
this machine and those that are `spared` are not counted: a reverse proxy is one address; behind it stands everybody.

An application that has a `PLAIN` answers plain requests without aiohttp (see `bridge.posts`), which costs a tenth.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.log import server_logger
from aiohttp.typedefs import Handler

from bridge.acceptor import AT_ONCE, Acceptor, Seldom, bind
from bridge.census import Census
from bridge.config import Endpoint
from bridge.crowd import BOUNDS, Bounds, Crowd
from bridge.log import get_logger
from bridge.posts import Answer, Ask, Post, Posts
from bridge.routing import Network
from bridge.sluice import Sluice

KEEPALIVE = 15.0
SHUTDOWN = 5.0

PLAIN: Final[web.AppKey[Ask]] = web.AppKey("plain")
"""What answers an application's plain requests, a `bridge.posts.Ask`."""


class HttpListener:
    """Serves one application until closed; `spared` gives the networks whose connections are not counted."""

    def __init__(
        self,
        app: web.Application,
        *,
        bounds: Bounds = BOUNDS,
        spared: Callable[[], tuple[Network, ...]] = tuple,
        census: Census | None = None,
        at_once: int = AT_ONCE,
        at_a_time: int | None = None,
    ) -> None:
        """`census`: where those of one address are counted, with other processes' perhaps; `at_once`: connections that
        are accepted before others get to it; `at_a_time`: plain requests that are begun in one turn of the loop.
        """
        app.middlewares.append(_header_came)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=_OursAlone(server_logger, {}),
            keepalive_timeout=KEEPALIVE,
            shutdown_timeout=SHUTDOWN,
            handle_signals=False,
            auto_decompress=False,  # what an encoding means is the application's answer, and nothing is inflated
        )
        self._crowd = Crowd(bounds, spared, census or Census())
        ask = app.get(PLAIN)
        self._ask = _in_turn(ask, Sluice(at_a_time)) if ask is not None and at_a_time is not None else ask
        self._open: set[_Bounded] = set()
        self._under_way: set[asyncio.Task[None]] = set()
        self._at_once = at_once
        self._acceptors: list[Acceptor] = []
        self._arriving: set[asyncio.Task[None]] = set()  # accepted, and no connection yet
        self._exhausted = Seldom("accepting paused", "listeners")
        self._log = get_logger("listeners")

    async def open(self, endpoints: Sequence[Endpoint], sockets: Sequence[socket.socket] = ()) -> None:
        """Listen; sockets that were handed over take the place of the addresses. Raises OSError."""
        await self._runner.setup()
        for handed in sockets:
            self._listen(handed)
        for endpoint in () if sockets else endpoints:
            for opened in await bind(endpoint.host, endpoint.port):
                self._listen(opened)

    def _listen(self, sock: socket.socket) -> None:
        accepting = Acceptor(sock, self._take, self._exhausted, at_once=self._at_once, lead=self._crowd.lead)
        self._acceptors.append(accepting)

    @property
    def descriptors(self) -> list[int]:
        """Of the sockets that are listened on."""
        return [accepting.socket.fileno() for accepting in self._acceptors]

    @property
    def ports(self) -> list[int]:
        """The ports listened on."""
        names = [accepting.socket.getsockname() for accepting in self._acceptors]
        return [name[1] for name in names if isinstance(name, tuple)]

    async def close(self) -> None:
        """Stop listening, let requests under way end."""
        for accepting in self._acceptors:
            accepting.close()
        self._acceptors.clear()
        await asyncio.gather(*self._arriving)
        for connection in tuple(self._open):
            connection.end()
        under_way = set(self._under_way)  # those of now: the last may end before they are waited for
        answering = [asyncio.wait(under_way, timeout=SHUTDOWN)] if under_way else []
        await asyncio.gather(self._runner.cleanup(), *answering)

    def _take(self, sock: socket.socket) -> None:
        task = asyncio.get_running_loop().create_task(self._begin(sock))
        self._arriving.add(task)
        task.add_done_callback(self._arriving.discard)

    async def _begin(self, sock: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(self._connection, sock)
        except OSError:  # it is gone already
            sock.close()
        except Exception:  # noqa: BLE001  # nobody waits for this task, and there is nobody to tell
            self._log.exception("connection failed")
            sock.close()

    def _connection(self) -> asyncio.Protocol:
        server = self._runner.server
        if server is None:
            raise RuntimeError("nothing is listened on before the runner is set up")
        return _Bounded(server, self._crowd, self._ask, self._open, self._under_way)


def _in_turn(ask: Ask, sluice: Sluice) -> Ask:
    async def answered(answer: Awaitable[Answer]) -> Answer:
        return await sluice.through(answer)  # in its own task: whose turn it is, is seen when that begins

    def asked(post: Post) -> Awaitable[Answer] | None:
        answer = ask(post)
        return answered(answer) if answer is not None else None

    return asked


class _OursAlone(logging.LoggerAdapter[logging.Logger]):
    """aiohttp's log, without a traceback for whatever a stranger says that is no HTTP; he is answered 400."""

    def exception(self, msg: object, *args: object, exc_info: Any = True, **more: Any) -> None:
        if not isinstance(exc_info, HttpProcessingError):
            super().exception(msg, *args, exc_info=exc_info, **more)


class _Bounded(asyncio.Protocol):
    """One connection behind the bounds: plain requests are answered here, from anything else on it is aiohttp's."""

    def __init__(
        self,
        make: Callable[[], asyncio.Protocol],
        crowd: Crowd,
        ask: Ask | None,
        open_ones: "set[_Bounded]",
        under_way: set[asyncio.Task[None]],
    ) -> None:
        """`make` gives aiohttp's own protocol; `open_ones` and `under_way` are the listener's."""
        self._make = make
        self._crowd = crowd
        self._ask = ask
        self._open = open_ones
        self._under_way = under_way
        self._inner: asyncio.Protocol | None = None
        self._posts: Posts | None = None
        self._transport: asyncio.Transport | None = None
        self._peer = ""
        self._counted: bool | None = False
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None  # while the peer does not read

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("peername")
        self._peer = str(name[0]) if isinstance(name, tuple) else ""
        self._counted = self._crowd.enter(self._peer)
        if self._counted is False:
            transport.close()  # nothing was written, so it is gone at once
            return
        if self._ask is None:
            self._hand_over(b"")
            return
        self._open.add(self)
        self._posts = Posts(
            self._transport,
            self._peer,
            self._ask,
            idle=KEEPALIVE,
            came=self.header_came,
            hand_over=self._hand_over,
            under_way=self._under_way,
        )
        self._expect_header()

    def _hand_over(self, data: bytes) -> None:
        """What was read goes to aiohttp, and all that follows."""
        if self._transport is None:
            return
        self._posts = None
        self._open.discard(self)
        self._inner = self._make()
        self._inner.connection_made(self._transport)
        self._expect_header()
        if data:
            self._inner.data_received(data)

    def end(self) -> None:
        """Take no further plain request."""
        if self._posts is not None:
            self._posts.end()

    def _expect_header(self) -> None:
        if self._deadline is None and self._transport is not None:
            within = self._crowd.bounds.header_within
            self._deadline = asyncio.get_running_loop().call_later(within, self._transport.close)

    def header_came(self) -> None:
        """A request was read to the end of its header; for the next one the limit of an idle connection runs."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def data_received(self, data: bytes) -> None:
        if self._inner is not None:
            self._inner.data_received(data)
        elif self._posts is not None:
            self._posts.feed(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._inner is not None else None

    def pause_writing(self) -> None:
        if self._transport is not None:
            within = self._crowd.bounds.unread_within
            self._unread = asyncio.get_running_loop().call_later(within, self._transport.abort)
        if self._inner is not None:
            self._inner.pause_writing()
        elif self._transport is not None:
            self._transport.pause_reading()  # who does not read answers needs ask nothing

    def resume_writing(self) -> None:
        self._reads()
        if self._inner is not None:
            self._inner.resume_writing()
        elif self._transport is not None:
            self._transport.resume_reading()

    def _reads(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._reads()
        if self._counted is False:
            return
        self.header_came()
        self._open.discard(self)
        self._crowd.leave(self._peer, counted=self._counted is True)
        if self._posts is not None:
            self._posts.stop()
        if self._inner is not None:
            self._inner.connection_lost(exc)


@web.middleware
async def _header_came(request: web.Request, handler: Handler) -> web.StreamResponse:
    transport = request.transport  # None when the peer has gone already
    protocol = transport.get_protocol() if transport is not None else None
    if isinstance(protocol, _Bounded):
        protocol.header_came()
    return await handler(request)
