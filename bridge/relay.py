"""An SMS from a phone as one intake: whose it is, the mail it becomes, the conversation it keeps open.

Beside the doors, because SMS come in by more than one of them; from here on their path is the same.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from structlog.typing import FilteringBoundLogger

from bridge import heartbeat, metrics, threads, translate
from bridge.config import Configuration
from bridge.message import Channel, Delivery, IncomingSms, Reports, StoreUnavailable, Unreadable
from bridge.nouns import light
from bridge.routing import Route
from bridge.spool import CONVERSATION_FOR, Accepted, Conversation, Intake
from bridge.spool.contract import Taking

T = TypeVar("T")

MAIL_LIFETIME = 5 * 86400.0


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whom an SMS belongs to, and why."""

    mailbox: str
    why: str
    conversation: Conversation | None = None


def find_owner(configuration: Configuration, conversation: Conversation | None, sms: IncomingSms) -> Owner:
    """The mailbox of an SMS: its open conversation, else the row of its phone, of its line, else postmaster."""
    if conversation is not None:
        return Owner(mailbox=conversation.author, why="conversation", conversation=conversation)
    by_phone = configuration.routes.by_number(sms.phone)
    if by_phone is not None and by_phone.mailbox is not None:
        return Owner(mailbox=by_phone.mailbox, why="phone")
    by_line = configuration.routes.by_line(sms.line) if sms.line else None
    if by_line is not None and by_line.mailbox is not None:
        return Owner(mailbox=by_line.mailbox, why="line")
    return Owner(mailbox=configuration.settings.postmaster, why="postmaster")


def relayed(
    configuration: Configuration, owner: Owner, sms: IncomingSms, mail_id: str, now: float, *, door: str = "webhook"
) -> Intake:
    """The whole intake of an SMS: its mail as a delivery, and its conversation slid onwards."""
    return Intake(
        id=mail_id,
        kind="sms",
        at=now,
        sender=sms.phone,
        proof=door,
        notification_id=sms.notification_id,
        digest=digest(sms),
        message_id=threads.message_id(sms.notification_id, owner.mailbox, configuration.settings.hostname),
        line=sms.line or "",
        why=owner.why,
        deliveries=(_delivery(configuration, owner, sms, mail_id, now),),
        conversations=() if owner.conversation is None else (_slid(owner.conversation, now),),
    )


def _delivery(configuration: Configuration, owner: Owner, sms: IncomingSms, mail_id: str, now: float) -> Delivery:
    settings = configuration.settings
    row = _row(configuration, sms)
    delivery_id = f"{mail_id}-1"
    addressed = _addressed(configuration, owner, sms, row, now)
    return Delivery(
        id=delivery_id,
        mail=mail_id,
        channel=Channel.MAIL,
        recipient=owner.mailbox,
        payload=translate.mail_from_sms(sms, addressed, hostname=settings.hostname, at=now),
        sender=f"bounce+{threads.bounce_token(configuration.keys[0], delivery_id, now)}@{settings.domains[0]}",
        route=row.name if row is not None else "",
        urgent=row.urgent if row is not None else False,
        reports=Reports.FAILURES,
        language=row.language if row is not None else settings.language,
        created_at=now,
        changed_at=now,
        next_at=now,
        expires_at=now + MAIL_LIFETIME,
    )


def _row(configuration: Configuration, sms: IncomingSms) -> Route | None:
    """The row whose policy the mail follows: its phone's, else its line's."""
    routes = configuration.routes
    return routes.by_phone_any(sms.phone) or (routes.by_line(sms.line) if sms.line else None)


def _addressed(
    configuration: Configuration, owner: Owner, sms: IncomingSms, row: Route | None, now: float
) -> translate.Addressed:
    domain = configuration.settings.domains[0]
    token = _token(configuration, owner, sms, now)
    reply_to = f"r+{token}@{domain}" if token is not None else None
    address = configuration.routes.address_for(sms.phone, configuration.settings.domains)
    return translate.Addressed(
        mailbox=owner.mailbox,
        why=owner.why,
        name=configuration.routes.name_of(sms.phone),
        address=address or reply_to or f"postmaster@{domain}",
        reply_to=reply_to,
        answers=owner.conversation.message_id if owner.conversation is not None else None,
        topic=owner.conversation.subject if owner.conversation is not None else "",
        language=row.language if row is not None else configuration.settings.language,
        html=row is not None and row.html,
    )


def _slid(conversation: Conversation, now: float) -> Conversation:
    return replace(conversation, expires_at=now + CONVERSATION_FOR)


def _token(configuration: Configuration, owner: Owner, sms: IncomingSms, now: float) -> str | None:
    """What lets the mailbox answer; over the account's own sender where the line is a name, not at all to a name."""
    for line in (sms.line, None):
        try:
            answer = threads.Answer(phone=sms.phone, line=line)
            return threads.token(configuration.keys[0], answer, owner.mailbox, now)
        except ValueError:
            continue
    return None


async def take_in(
    sms: IncomingSms,
    raw: bytes,
    *,
    spool: Taking,
    configuration: Configuration,
    mail_id: str,
    door: str,
    now: float,
    heard: Callable[[str, float], None],
    log: FilteringBoundLogger,
) -> Accepted:
    """Commit an SMS that came as `raw` through the named door; `heard` is told of its phone. Raises `StoreUnavailable`.

    A repeat makes no second mail. One that says something else than the first of its id did becomes a dead letter:
    nobody can know which of the two is right, and it may be somebody's SMS. Our own heartbeat becomes no mail.
    """
    beat = heartbeat.read(configuration.keys, sms.text)
    if beat is not None:
        return await heartbeat.returned(beat, sms, spool=spool, now=now)
    conversation = await spool.conversation(sms.phone, sms.line, now)
    owner = find_owner(configuration, conversation, sms)
    accepted = await spool.accept(relayed(configuration, owner, sms, mail_id, now, door=door))
    about = {"id": accepted.id, "phone": sms.phone, "line": sms.line, "mailbox": owner.mailbox}
    if accepted.differs:
        reason = f"its id came before with other contents: {sms.notification_id}"
        await put_aside(raw, reason, spool=spool, now=now, log=log.bind(**about))
    elif accepted.repeated:
        log.info("repeated", **about, notification=sms.notification_id)
    else:
        heard(sms.phone, now)
        log.info("queued", **about, channel="mail", reason=owner.why, notification=sms.notification_id)
    return accepted


async def or_put_aside(
    taking: Awaitable[T], raw: bytes, *, spool: Taking, now: float, log: FilteringBoundLogger
) -> T | None:
    """What `taking` gives; None when anything but the store stopped it, and then `raw` is kept for a person to read.

    Repeating would meet the same fault again, so the sender is never asked to. Raises `StoreUnavailable`.
    """
    try:
        return await taking
    except StoreUnavailable:
        raise
    except Unreadable as error:
        reason = str(error)
    except Exception as error:  # logged with its traceback, and nothing is lost
        log.exception("internal error")
        reason = f"internal error: {type(error).__name__}"
    await put_aside(raw, reason, spool=spool, now=now, log=log)
    return None


async def put_aside(raw: bytes, reason: str, *, spool: Taking, now: float, log: FilteringBoundLogger) -> None:
    """Keep what cannot be relayed as a dead letter, once."""
    await spool.bury(hashlib.sha256(raw).hexdigest(), raw, reason, now)
    metrics.DEAD_LETTERS.add()
    log.error("dead letter", reason=reason)


def digest(sms: IncomingSms) -> bytes:
    """Of who says what. Not of the line and of blanks, which depend on the way an SMS came in."""
    made = hashlib.sha256(" ".join([sms.phone, *sms.text.split()]).encode("utf-8", "replace"))
    for attachment in sms.attachments:
        made.update(b"\x00" + attachment.data)
    return made.digest()
