"""The operator's window: its pages, and the two lamps /healthz and /readyz.

Health is whether this process still turns; readiness whether it can keep its promises: the spool answers, the doors are
open, nothing is being shut down. A paused account is shown and is no reason to be unready: intake goes on. The lamps
and what the daemon adds to them (numbers for a monitoring system) are open to whoever reaches the listener; the pages
are behind a login (`bridge.console.gate`), and without users there are none.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from aiohttp import web

from bridge.console import gate
from bridge.console.pages import pages
from bridge.console.sources import Sources
from bridge.message import StoreUnavailable

Readiness = Callable[[], Awaitable[Mapping[str, Any]]]
"""Gives what is shown; its key "ready" decides."""

MAX_BODY = 128 * 1024


def console(
    readiness: Readiness, *, sources: Sources | None = None, more: Iterable[web.RouteDef] = ()
) -> web.Application:
    """The application that the console listener serves: the lamps, `more` that is open to all, and the pages."""

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"healthy": True})

    async def readyz(_request: web.Request) -> web.Response:
        try:
            shown = await readiness()
        except StoreUnavailable as error:
            reason = f"the spool is not available: {error}"
            shown = {"ready": False, "reason": reason, "reasons": [reason]}
        return web.json_response(dict(shown), status=200 if shown["ready"] else 503)

    app = web.Application(client_max_size=MAX_BODY)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_routes(more)
    if sources is not None:
        app.router.add_routes(pages(sources))
        app.on_response_prepare.append(gate.on_prepare)
    return app
