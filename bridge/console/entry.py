"""Login and logout. Who guesses waits longer each time and is locked out, as at the mail door."""

import asyncio
from typing import Final

from aiohttp import web

from bridge.console.gate import Visit, peer_of, see_other, set_cookie, text
from bridge.console.sessions import Sessions, fresh
from bridge.console.show import Shown
from bridge.console.sources import Sources
from bridge.log import get_logger
from bridge.proof.logins import Busy, Locked, Logins

DELAY: Final = 1.0
LONGEST_DELAY: Final = 16.0
"""Seconds before a wrong login is answered: the first doubled each time, up to the second."""

_LONGEST_PASSWORD: Final = 1000


class Entry:
    """The door of the console."""

    def __init__(self, sources: Sources, sessions: Sessions, logins: Logins, shown: Shown) -> None:
        self._sources = sources
        self._sessions = sessions
        self._logins = logins
        self._shown = shown
        self._log = get_logger("console")

    async def ask(self, visit: Visit) -> web.Response:
        """GET /login"""
        where = _own_path(visit.request.query.get("next", ""))
        if visit.user is not None or self._sources.phone is not None:
            return see_other(where)
        return self._shown.page(visit, "login.html", problem="", where=where, name="")

    async def login(self, visit: Visit) -> web.Response:
        """POST /login"""
        name, password = text(visit.form, "name", 64), visit.form.get("password", "")[:_LONGEST_PASSWORD]
        where, peer = _own_path(visit.form.get("next", "")), peer_of(visit.request)
        problem, status = "login_wrong", 403
        try:
            outcome = await self._logins.check(name, password.encode("utf-8", "replace"), peer)
        except (Busy, Locked) as error:
            problem, status = "login_locked" if isinstance(error, Locked) else "login_busy", 429
            self._log.warning("login", peer=str(peer), code=status, reason=type(error).__name__.lower())
        else:
            user = self._sources.configuration().operators.get(name)
            if outcome.right and user is not None:
                self._log.info("login", peer=str(peer), user=name, reason="right")
                self._sessions.end(visit.token)
                response = see_other(where)
                # A token of its own: the one before may have been planted.
                set_cookie(visit.request, response, self._sessions.begin(user))
                return response
            # Not the name: people do type their password where it belongs.
            self._log.warning("login", peer=str(peer), code=status, reason="wrong")
            await asyncio.sleep(min(LONGEST_DELAY, DELAY * 2**outcome.doublings))
        return self._shown.page(visit, "login.html", status=status, problem=problem, where=where, name=name)

    async def logout(self, visit: Visit) -> web.Response:
        """POST /logout"""
        self._sessions.end(visit.token)
        response = see_other("/login")
        set_cookie(visit.request, response, fresh())
        return response


def _own_path(written: str) -> str:
    """A path of ours to go on to: never another host, which ``//host`` or ``/\\host`` would be."""
    is_own = written.startswith("/") and not written.startswith(("//", "/\\")) and written.isprintable()
    return written if is_own and "\\" not in written else "/"
