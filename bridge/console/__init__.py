"""The operator's window: for now its two lamps, /healthz and /readyz.

Health is whether this process still turns; readiness whether it can keep its promises: the spool answers, the doors are
open, nothing is being shut down. A paused account is shown and is no reason to be unready: intake goes on.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from bridge.message import StoreUnavailable

Readiness = Callable[[], Awaitable[Mapping[str, Any]]]
"""Gives what is shown; its key "ready" decides."""


def console(readiness: Readiness) -> web.Application:
    """The application that the console listener serves."""

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"healthy": True})

    async def readyz(_request: web.Request) -> web.Response:
        try:
            shown = await readiness()
        except StoreUnavailable as error:
            shown = {"ready": False, "reason": f"the spool is not available: {error}"}
        return web.json_response(dict(shown), status=200 if shown["ready"] else 503)

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    return app
