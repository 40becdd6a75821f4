"""Front door for SMS and handset reports: authenticate, route, translate, spool, then say 2000.

An authentic notification is never refused for what it holds: what cannot be read is kept as a dead letter, because
the provider would repeat it until the message dies, and it may be an SMS.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from aiohttp import web

from bridge import threads, translate
from bridge.access import inside
from bridge.config import Configuration
from bridge.log import get_logger
from bridge.message import (
    Channel,
    Clock,
    Delivery,
    IncomingSms,
    NewId,
    Report,
    Reports,
    StoreUnavailable,
    Unreadable,
)
from bridge.providers import Outcome, Provider
from bridge.spool import CONVERSATION_FOR, Conversation, Intake, Spool

MAX_BODY: Final = 256 * 1024
BODY_WITHIN: Final = 10.0
"""Seconds a peer has for its body."""

MAIL_LIFETIME: Final = 5 * 86400.0
_RETRY_AFTER: Final = {"Retry-After": "60"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Owner:
    """Whom an SMS belongs to, and why."""

    mailbox: str
    why: str
    conversation: Conversation | None = None


class Webhook:
    """Takes notifications; `app` is what a listener serves."""

    def __init__(
        self,
        *,
        provider: Callable[[], Provider],
        spool: Spool,
        configuration: Callable[[], Configuration],
        clock: Clock,
        new_id: NewId,
        wake: Callable[[Channel], None],
    ) -> None:
        self._provider = provider
        self._spool = spool
        self._configuration = configuration
        self._clock = clock
        self._new_id = new_id
        self._wake = wake
        self._log = get_logger("webhook")
        self.app = web.Application(client_max_size=MAX_BODY)
        self.app.router.add_route("*", "/websms/{secret}", self._by_path)
        self.app.router.add_route("*", "/websms", self._by_login)

    async def _by_path(self, request: web.Request) -> web.Response:
        if not self._genuine(request.match_info["secret"].encode()):
            raise web.HTTPNotFound
        return await self._take(request)

    async def _by_login(self, request: web.Request) -> web.Response:
        name, _, secret = _basic(request.headers.get("Authorization", "")).partition(b":")
        if name != b"websms" or not self._genuine(secret):
            return self._answer("denied", b"", {"WWW-Authenticate": 'Basic realm="smsbridge"'})
        return await self._take(request)

    def _genuine(self, secret: bytes) -> bool:
        valid = [hmac.compare_digest(secret, known.encode()) for known in self._configuration().secrets.webhook]
        return any(valid)

    async def _take(self, request: web.Request) -> web.Response:
        networks = self._configuration().settings.webhook.networks
        if networks and not inside(ip_address(request.remote or "0.0.0.0"), networks):  # noqa: S104  # matches nothing
            self._log.warning("reject", peer=request.remote, reason="not in webhook.networks")
            raise web.HTTPForbidden
        if request.method != "POST":
            raise web.HTTPMethodNotAllowed(request.method, ["POST"])
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            return self._answer("unsupported", b"")
        if (request.content_length or 0) > MAX_BODY:
            return self._answer("too_large", b"")
        try:
            async with asyncio.timeout(BODY_WITHIN):
                body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return self._answer("too_large", b"")
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        # A task of its own: a peer that hangs up must not cancel a commit half way.
        return await asyncio.shield(asyncio.ensure_future(self._keep(body)))

    async def _keep(self, body: bytes) -> web.Response:
        try:
            await self._store(body)
        except StoreUnavailable as error:
            self._log.error("spool unavailable", reason=str(error))
            return self._answer("unavailable", body, _RETRY_AFTER)
        except Exception:  # noqa: BLE001  # a mistake of ours must not lose an SMS: the provider repeats it
            self._log.exception("internal error")
            return self._answer("unavailable", body, _RETRY_AFTER)
        return self._answer("ok", body)

    async def _store(self, body: bytes) -> None:
        now = self._clock()
        try:
            notification = self._provider().read(body)
        except Unreadable as error:
            await self._spool.bury(hashlib.sha256(body).hexdigest(), body, str(error), now)
            self._log.error("dead letter", reason=str(error))
            return
        if isinstance(notification, Report):
            known = await self._spool.report(notification, now)
            self._log.info(
                "report",
                id=notification.client_message_id,
                transfer_id=notification.transfer_id,
                code=notification.state.value,
                known=known,
            )
            return
        await self._relay(notification, now)

    async def _relay(self, sms: IncomingSms, now: float) -> None:
        configuration = self._configuration()
        conversation = await self._spool.conversation(sms.phone, sms.line, now)
        owner = find_owner(configuration, conversation, sms)
        intake = relayed(configuration, owner, sms, self._new_id(), now)
        accepted = await self._spool.accept(intake)
        log = self._log.bind(id=accepted.id, phone=sms.phone, line=sms.line, mailbox=owner.mailbox)
        if accepted.repeated:
            log.info("repeated", notification=sms.notification_id)
            return
        log.info("queued", channel="mail", reason=owner.why, notification=sms.notification_id)
        self._wake(Channel.MAIL)

    def _answer(self, outcome: Outcome, body: bytes, headers: dict[str, str] | None = None) -> web.Response:
        status, content_type, data = self._provider().answer(outcome, body)
        return web.Response(status=status, body=data, headers={"Content-Type": content_type, **(headers or {})})


def find_owner(configuration: Configuration, conversation: Conversation | None, sms: IncomingSms) -> _Owner:
    """The mailbox of an SMS: its open conversation, else the row of its phone, of its line, else postmaster."""
    if conversation is not None:
        return _Owner(mailbox=conversation.author, why="conversation", conversation=conversation)
    by_phone = configuration.routes.by_number(sms.phone)
    if by_phone is not None and by_phone.mailbox is not None:
        return _Owner(mailbox=by_phone.mailbox, why="phone")
    by_line = configuration.routes.by_line(sms.line) if sms.line else None
    if by_line is not None and by_line.mailbox is not None:
        return _Owner(mailbox=by_line.mailbox, why="line")
    return _Owner(mailbox=configuration.settings.postmaster, why="postmaster")


def relayed(configuration: Configuration, owner: _Owner, sms: IncomingSms, mail_id: str, now: float) -> Intake:
    """The whole intake of an SMS: its mail as a delivery, and its conversation slid onwards."""
    settings, table = configuration.settings, configuration.routes
    domain = settings.domains[0]
    row = table.by_phone_any(sms.phone)
    token = _token(configuration, owner, sms, now)
    reply_to = f"r+{token}@{domain}" if token is not None else None
    addressed = translate.Addressed(
        mailbox=owner.mailbox,
        why=owner.why,
        name=row.display_name if row is not None else None,
        address=table.address_for(sms.phone, settings.domains) or reply_to or f"postmaster@{domain}",
        reply_to=reply_to,
        answers=owner.conversation.message_id if owner.conversation is not None else None,
    )
    delivery_id = f"{mail_id}-1"
    delivery = Delivery(
        id=delivery_id,
        mail=mail_id,
        channel=Channel.MAIL,
        recipient=owner.mailbox,
        payload=translate.mail_from_sms(sms, addressed, hostname=settings.hostname, at=now),
        sender=f"bounce+{delivery_id.lower()}@{domain}",
        route=row.name if row is not None else "",
        urgent=row.urgent if row is not None else False,
        reports=Reports.FAILURES,
        language=row.language if row is not None else settings.language,
        created_at=now,
        changed_at=now,
        next_at=now,
        expires_at=now + MAIL_LIFETIME,
    )
    slid = owner.conversation
    return Intake(
        id=mail_id,
        kind="sms",
        at=now,
        sender=sms.phone,
        proof="webhook",
        notification_id=sms.notification_id,
        deliveries=(delivery,),
        conversations=()
        if slid is None
        else (
            Conversation(
                phone=slid.phone,
                line=slid.line,
                author=slid.author,
                message_id=slid.message_id,
                expires_at=now + CONVERSATION_FOR,
            ),
        ),
    )


def _token(configuration: Configuration, owner: _Owner, sms: IncomingSms, now: float) -> str | None:
    """What lets the mailbox answer; over the account's own sender where the line is a name, not at all to a name."""
    for line in (sms.line, None):
        try:
            answer = threads.Answer(phone=sms.phone, line=line)
            return threads.token(configuration.keys[0], answer, owner.mailbox, now)
        except ValueError:
            continue
    return None


def _basic(header: str) -> bytes:
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""
