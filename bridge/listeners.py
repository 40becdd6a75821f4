"""Where an aiohttp application is served: on addresses, or on sockets that systemd opened."""

import socket
from collections.abc import Sequence

from aiohttp import web

from bridge.config import Endpoint

KEEPALIVE = 15.0
SHUTDOWN = 5.0


class HttpListener:
    """Serves one application until closed."""

    def __init__(self, app: web.Application) -> None:
        self._runner = web.AppRunner(
            app,
            access_log=None,
            keepalive_timeout=KEEPALIVE,
            shutdown_timeout=SHUTDOWN,
            handle_signals=False,
            auto_decompress=False,  # what an encoding means is the application's answer, and nothing is inflated
        )

    async def open(self, endpoints: Sequence[Endpoint], sockets: Sequence[socket.socket] = ()) -> None:
        """Listen; sockets that were handed over take the place of the addresses. Raises OSError."""
        await self._runner.setup()
        if sockets:
            for handed in sockets:
                await web.SockSite(self._runner, handed).start()
            return
        for endpoint in endpoints:
            await web.TCPSite(self._runner, endpoint.host, endpoint.port).start()

    @property
    def ports(self) -> list[int]:
        """The ports listened on."""
        return [address[1] for address in self._runner.addresses if isinstance(address, tuple)]

    async def close(self) -> None:
        """Stop listening, let requests under way end."""
        await self._runner.cleanup()
