"""Front door for SMS and handset reports: authenticate, route, translate, spool, then say 2000.

An authentic notification is never refused for what it holds: what cannot be read is kept as a dead letter, because
the provider would repeat it until the message dies, and it may be an SMS.
"""

import asyncio
import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Final

from aiohttp import web

from bridge import metrics
from bridge.access import inside
from bridge.config import Configuration
from bridge.listeners import PLAIN
from bridge.log import get_logger
from bridge.message import Channel, Clock, NewId, Report, StoreUnavailable
from bridge.posts import Answer, Post
from bridge.providers import Outcome, Provider
from bridge.relay import or_put_aside, take_in
from bridge.spool.contract import Taking

MAX_BODY: Final = 256 * 1024
BODY_WITHIN: Final = 10.0
"""Seconds a peer has for its body."""

_PATH: Final = "/websms"
_RETRY_AFTER: Final = {"Retry-After": "60"}


class Webhook:
    """Takes notifications; `app` is what a listener serves."""

    def __init__(
        self,
        *,
        provider: Callable[[], Provider],
        spool: Taking,
        configuration: Callable[[], Configuration],
        clock: Clock,
        new_id: NewId,
        wake: Callable[[Channel], None],
        heard: Callable[[str, float], None] = lambda _phone, _at: None,
        full: Callable[[], bool] = lambda: False,
    ) -> None:
        """`heard` is told of every phone that an SMS comes from, and when; while `full` nothing is taken."""
        self._provider = provider
        self._spool = spool
        self._configuration = configuration
        self._clock = clock
        self._new_id = new_id
        self._wake = wake
        self._heard = heard
        self._full = full
        self.heard_at: float | None = None  # when the last authentic notification came
        self._log = get_logger("webhook")
        self.app = web.Application(client_max_size=MAX_BODY)
        self.app.router.add_route("*", f"{_PATH}/{{secret}}", self._by_path)
        self.app.router.add_route("*", _PATH, self._by_login)
        self.app[PLAIN] = self._plain

    def _plain(self, post: Post) -> Awaitable[Answer] | None:
        """The answer to a notification; what is none, or not from whom it should be, is refused with all of HTTP."""
        start, _, secret = post.head.path.rpartition("/")
        if start == _PATH:
            genuine = self._genuine(secret.encode())
        else:
            genuine = post.head.path == _PATH and self._has_login(post.head.authorization)
        return self._keep(post.body) if genuine and self._admits(post.peer) else None

    async def _by_path(self, request: web.Request) -> web.Response:
        if not self._genuine(request.match_info["secret"].encode()):
            raise web.HTTPNotFound
        return await self._take(request)

    async def _by_login(self, request: web.Request) -> web.Response:
        if not self._has_login(request.headers.get("Authorization", "")):
            return _response(self._answer("denied", b"", {"WWW-Authenticate": 'Basic realm="smsbridge"'}))
        return await self._take(request)

    def _has_login(self, header: str) -> bool:
        name, _, secret = _basic(header).partition(b":")
        return name == b"websms" and self._genuine(secret)

    def _genuine(self, secret: bytes) -> bool:
        valid = [hmac.compare_digest(secret, known.encode()) for known in self._configuration().secrets.webhook]
        return any(valid)

    def _admits(self, peer: str) -> bool:
        networks = self._configuration().settings.webhook.networks
        return not networks or inside(ip_address(peer or "0.0.0.0"), networks)  # noqa: S104  # matches nothing

    async def _take(self, request: web.Request) -> web.Response:
        if not self._admits(request.remote or ""):
            self._log.warning("reject", peer=request.remote, reason="not in webhook.networks")
            raise web.HTTPNotFound  # what is not for somebody is not there for them
        if request.method != "POST":
            raise web.HTTPMethodNotAllowed(request.method, ["POST"])
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            return _response(self._answer("unsupported", b""))
        if (request.content_length or 0) > MAX_BODY:
            return _response(self._answer("too_large", b""))
        try:
            async with asyncio.timeout(BODY_WITHIN):
                body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _response(self._answer("too_large", b""))
        except TimeoutError:
            return _response(self._answer("unavailable", b"", _RETRY_AFTER))
        # A task of its own: a peer that hangs up must not cancel a commit half way.
        return _response(await asyncio.shield(asyncio.ensure_future(self._keep(body))))

    async def _keep(self, body: bytes) -> Answer:
        self.heard_at = now = self._clock()
        if self._full():
            return self._answer("unavailable", body, _RETRY_AFTER)
        try:
            await or_put_aside(self._store(body, now), body, spool=self._spool, now=now, log=self._log)
        except StoreUnavailable as error:
            self._log.error("spool unavailable", reason=str(error))
            return self._answer("unavailable", body, _RETRY_AFTER)
        return self._answer("ok", body)

    async def _store(self, body: bytes, now: float) -> None:
        notification = self._provider().read(body)
        if isinstance(notification, Report):
            await self._settle(notification, now)
            return
        accepted = await take_in(
            notification,
            body,
            spool=self._spool,
            configuration=self._configuration(),
            mail_id=self._new_id(),
            door="webhook",
            now=now,
            heard=self._heard,
            log=self._log,
        )
        if not accepted.repeated:
            self._wake(Channel.MAIL)

    async def _settle(self, report: Report, now: float) -> None:
        known = await self._spool.report(report, now)
        metrics.REPORTS.of(report.state.value).add()
        metrics.AWAITED.reported(report.client_message_id, now)
        self._log.info(
            "report", id=report.client_message_id, transfer_id=report.transfer_id, code=report.state.value, known=known
        )

    def _answer(self, outcome: Outcome, body: bytes, headers: dict[str, str] | None = None) -> Answer:
        metrics.WEBHOOK.of(outcome).add()
        status, content_type, data = self._provider().answer(outcome, body)
        return Answer(status=status, content_type=content_type, body=data, headers=headers or {})


def _response(answer: Answer) -> web.Response:
    headers = {"Content-Type": answer.content_type, **answer.headers}
    return web.Response(status=answer.status, body=answer.body, headers=headers)


def _basic(header: str) -> bytes:
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""
