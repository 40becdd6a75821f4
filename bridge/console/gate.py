"""Before every page: is this our name, who asks, may they, and did the request come from a page of ours.

A browser carries whatever somebody's page tells it to, so a request that changes something must come from our own
origin and hold the seal of the visitor's cookie; a name that only points at this machine (rebinding) is not served.
Nothing a page holds may run or be loaded but our own style and script.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

from aiohttp import web

from bridge.config import User
from bridge.config.operators import OPERATOR
from bridge.console import words
from bridge.console.sessions import LONGEST, Sessions, fresh, is_token
from bridge.console.sources import Sources
from bridge.log import get_logger
from bridge.message import StoreUnavailable

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "same-origin",  # with no-referrer browsers say "Origin: null" to our own forms, too
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}

BODY_WITHIN: Final = 10.0
"""Seconds from the header of a request to the end of its form: who sends it slowly holds a place of few."""

_COOKIE: Final = "smsbridge"
_SECURE: Final = "__Host-smsbridge"
_OWN_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_MOST_FIELDS: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request that may be answered."""

    request: web.Request
    token: str  # of the cookie
    seal: str  # for forms
    language: str
    user: User | None = None  # logged in; None also in a demonstration
    may_change: bool = False
    form: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Who it is, for the history."""
        return self.user.name if self.user is not None else "demo"


Page = Callable[[Visit], Awaitable[web.Response]]
Refusal = Callable[[Visit, int, str], web.Response]
"""Gives the page that says no: the HTTP status, and the key of a sentence."""


class Gate:
    """Lets requests through to pages."""

    def __init__(self, sources: Sources, sessions: Sessions, refuse: Refusal) -> None:
        self._sources = sources
        self._sessions = sessions
        self._refuse = refuse
        self._log = get_logger("console")

    def open_to_all(self, page: Page) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """A page that needs no login: the login itself."""
        return self._guarded(page, needs_login=False, changes=False)

    def looking(self, page: Page) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """A page for everybody who is logged in."""
        return self._guarded(page, needs_login=True, changes=False)

    def changing(self, page: Page) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """A page for operators."""
        return self._guarded(page, needs_login=True, changes=True)

    def _guarded(
        self, page: Page, *, needs_login: bool, changes: bool
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            visit = await self._visit(request)
            try:
                response = self._no(visit, needs_login=needs_login, changes=changes) or await page(visit)
            except StoreUnavailable as error:
                self._log.warning("spool unavailable", reason=str(error))
                response = self._refuse(visit, 503, "no_store")
            return self._with_cookie(visit, response)

        return answer

    async def _visit(self, request: web.Request) -> Visit:
        settings = self._sources.configuration().settings
        given = request.cookies.get(_SECURE if _is_secure(request) else _COOKIE, "")
        token = given if is_token(given) else fresh()
        user = self._sessions.find(token)
        is_demo = self._sources.phone is not None
        form: dict[str, str] = {}
        if request.method == "POST":
            form = await _form(request)
        return Visit(
            request=request,
            token=token,
            seal=self._sessions.seal(token),
            language=words.language(request.headers.get("Accept-Language", ""), settings.language),
            user=user,
            may_change=is_demo or (user is not None and user.role == OPERATOR),
            form=form,
        )

    def _no(self, visit: Visit, *, needs_login: bool, changes: bool) -> web.Response | None:
        """Why it is not answered."""
        request, is_demo = visit.request, self._sources.phone is not None
        if not is_demo and self._sources.configuration().settings.console.users_file is None:
            return self._refuse(visit, 403, "no_users")
        if not self._is_ours(request):
            return self._refuse(visit, 421, "other_host")
        if request.method == "POST" and not self._is_from_us(visit):
            self._log.warning("reject", peer=request.remote, reason="a form that is not ours", path=request.path)
            return self._refuse(visit, 403, "forged")
        if needs_login and not is_demo and visit.user is None:
            if request.method == "POST":
                return self._refuse(visit, 403, "ended")
            return see_other(f"/login?next={quote(request.path_qs, safe='')}" if request.path != "/" else "/login")
        if changes and not visit.may_change:
            if request.method == "POST":
                self._log.warning("reject", peer=request.remote, user=visit.name, reason="viewer", path=request.path)
            return self._refuse(visit, 403, "viewer")
        return None

    def _is_ours(self, request: web.Request) -> bool:
        """Whether the Host header names us: a page of somebody whose name was turned to this machine has his."""
        name = _host_of(f"//{request.host}")
        settings = self._sources.configuration().settings
        own = {settings.hostname, *settings.console.names, *(entry.host for entry in settings.console.listen)}
        local = request.get_extra_info("sockname")
        if isinstance(local, tuple):
            own.add(str(local[0]))
        return name in _OWN_NAMES | own

    def _is_from_us(self, visit: Visit) -> bool:
        request = visit.request
        origin = request.headers.get("Origin", "")
        if origin and origin.partition("://")[2] != request.host:
            return False
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
            return False
        return self._sessions.is_sealed(visit.token, visit.form.get("seal", ""))

    def _with_cookie(self, visit: Visit, response: web.Response) -> web.Response:
        secure = _is_secure(visit.request)
        name = _SECURE if secure else _COOKIE
        if name not in response.cookies and visit.request.cookies.get(name) != visit.token:
            set_cookie(visit.request, response, visit.token)
        return response


def set_cookie(request: web.Request, response: web.Response, token: str) -> None:
    """Give the visitor a token that only goes back to us, and that no script sees."""
    secure = _is_secure(request)
    response.set_cookie(
        _SECURE if secure else _COOKIE,
        token,
        max_age=int(LONGEST),
        path="/",
        httponly=True,
        samesite="Strict",
        secure=secure,
    )


def see_other(where: str) -> web.Response:
    """Go on with a GET."""
    return web.Response(status=303, headers={"Location": where})


def peer_of(request: web.Request) -> IPv4Address | IPv6Address | None:
    """Who asks; behind a web server on this machine whoever that names last."""
    try:
        peer = ip_address((request.remote or "").partition("%")[0])
        # Of several lines the last: a web server adds its own below what the visitor wrote.
        if peer.is_loopback and (named := request.headers.getall("X-Forwarded-For", [""])[-1]):
            peer = ip_address(_without_port(named.rpartition(",")[2].strip()))
    except ValueError:
        return None
    return peer


def _host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:  # brackets that are no IPv6 address
        return ""


def _without_port(written: str) -> str:
    """The address in ``192.0.2.1:443`` and ``[2001:db8::1]:443``, which some web servers write."""
    if written.startswith("["):
        return written[1:].partition("]")[0]
    return written.partition(":")[0] if written.count(":") == 1 else written


async def _form(request: web.Request) -> dict[str, str]:
    """What a form of ours sends, whatever its Content-Type says; nothing for what is none."""
    try:
        async with asyncio.timeout(BODY_WITHIN):
            body = await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    try:
        return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        return {}


def _is_secure(request: web.Request) -> bool:
    return request.secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https"


async def on_prepare(_request: web.Request, response: web.StreamResponse) -> None:
    """Every answer of the listener, errors too, says what a browser may do with it."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


def text(mapping: Mapping[str, Any], name: str, most: int = 200) -> str:
    """A field of a query or a form: short, without surrounding blanks and control characters."""
    return "".join(letter if letter.isprintable() else " " for letter in str(mapping.get(name, ""))[:most]).strip()
