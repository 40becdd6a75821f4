"""One mail as one intake: its deliveries, what would make it the same mail again, the conversations it opens. Pure."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address

from bridge import compose, dsn, subjects, text, translate
from bridge.access import Proof, inside
from bridge.config import Settings
from bridge.message import Channel, Delivery, Reports, encode_sms
from bridge.nouns import light
from bridge.proof.mail import without_foreign_results
from bridge.routing import Route
from bridge.smtpd.contract import Peer
from bridge.smtpd.wishes import asked, of_member, told_once
from bridge.spool import CONVERSATION_FOR, Conversation, Intake

_HEADER = re.compile(rb"[!-9;-~]+[ \t]*:")

FORWARD_LIFETIME = 5 * 86400.0


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One accepted recipient: the phones it means, on which row."""

    address: str
    route: Route
    numbers: tuple[str, ...]
    proof: Proof
    notify: str = ""  # RFC 3461, lower case: "never", "success,failure,delay"; "" where nothing was asked
    orcpt: str = ""  # RFC 3461, as it was written


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """postmaster, abuse, and what no bounce can be read from: forwarded unchanged to the operator."""

    address: str


def compile_intake(
    letter: text.Letter | None,
    content: bytes,
    *,
    mail_id: str,
    peer: Peer,
    sender: str,
    parameters: Mapping[str, str],
    targets: list[Target],
    forwards: list[Forward],
    settings: Settings,
    now: float,
) -> Intake:
    """All that the 250 to this mail will cover. Raises `translate.Untranslatable`.

    `letter` is None for a mail that cannot be read and is only forwarded.
    """
    size = len(content)
    deliveries: list[Delivery] = []
    seen: list[bytes | None] = []
    conversations: list[Conversation] = []
    if letter is not None:
        targets = [_wished(target, letter, sender) for target in targets]
        payloads = {id(target): encode_sms(translate.sms_from_mail(letter, target.route)) for target in targets}
        for count, (number, target) in enumerate(_phones(targets).items(), start=1):
            told = sender if target.proof.envelope else ""
            deliveries.append(
                _sms_delivery(f"{mail_id}-{count}", mail_id, number, target, payloads[id(target)], told, now)
            )
            seen.append(_seen_key(target.proof.sender or sender, number, letter))
            conversations += _conversation(target, number, letter, now)
    expanded = _expanded(targets, deliveries)
    tells = bool(expanded) or any(delivery.sender and delivery.notify != "never" for delivery in deliveries)
    full = parameters.get("RET", "").upper() == "FULL"
    original, whole = dsn.keep(content, full=full) if tells else (b"", False)
    if forwards:
        content = _without_foreign_results(content, settings, peer)
        postmaster = settings.postmaster
        deliveries.append(_forwarded(f"{mail_id}-{len(deliveries) + 1}", mail_id, postmaster, peer, content, now))
        seen.append(None if letter is None else _seen_key(sender, postmaster, letter))
    proof = targets[0].proof if targets else Proof()
    return Intake(
        id=mail_id,
        kind="mail",
        at=now,
        sender=sender,
        author=proof.sender,
        proof=proof.how or "peer",
        peer=peer.host,
        message_id=None if letter is None else letter.message_id,
        envid=parameters.get("ENVID", ""),
        ret=parameters.get("RET", "").lower(),
        size=size,
        deliveries=deliveries,
        seen=seen,
        conversations=conversations,
        original=original,
        whole=whole,
        expanded=expanded,
    )


def _phones(targets: list[Target]) -> dict[str, Target]:
    """Each phone once, however often it is named: twice, in a group, in two spellings. The first naming decides, but
    one that is never to be told of gives way to one that is: the 250 to that one was a promise.
    """
    phones: dict[str, Target] = {}
    for target in targets:
        for number in target.numbers:
            first = phones.setdefault(number, target)
            if first.notify == "never" != target.notify:
                phones[number] = target
    return phones


def _wished(target: Target, letter: text.Letter, sender: str) -> Target:
    notify = asked(target.notify, target.route, letter, sender)
    return target if notify == target.notify else replace(target, notify=notify)


def _sms_delivery(
    delivery_id: str, mail_id: str, phone: str, target: Target, payload: bytes, sender: str, now: float
) -> Delivery:
    route = target.route
    return Delivery(
        id=delivery_id,
        mail=mail_id,
        channel=Channel.SMS,
        recipient=phone,
        payload=payload,
        sender=sender,
        author=target.proof.sender,
        route=route.name,
        urgent=route.urgent,
        reports=route.reports,
        language=route.language,
        on_unknown=route.on_unknown,
        unknown_wait=route.unknown_wait,
        created_at=now,
        changed_at=now,
        next_at=now,
        expires_at=now + route.lifetime,
        notify=of_member(target.notify) if _is_told_once(target) else target.notify,
        orcpt=target.orcpt,
        address=target.address if len(target.numbers) == 1 else "",
        warn_at=now + route.warn_after if _wants_delays(target) else None,
    )


def _wants_delays(target: Target) -> bool:
    """What the client asked for comes before what the row says."""
    return "delay" in target.notify if target.notify else target.route.reports is not Reports.NONE


def _is_told_once(target: Target) -> bool:
    return told_once(target.notify, target.route, len(target.numbers))


def _expanded(targets: list[Target], deliveries: list[Delivery]) -> list[tuple[str, str]]:
    """The groups whose author is told that they were split up, each by a delivery that no other one is told by.

    One whose every phone tells of another group says nothing that its author does not hear already.
    """
    groups = {target.address: target for target in targets if _is_told_once(target) and target.proof.envelope}
    told_by: dict[str, str] = {}
    for address, group in groups.items():
        own = (one.id for one in deliveries if one.recipient in group.numbers and one.id not in told_by)
        if (delivery_id := next(own, None)) is not None:
            told_by[delivery_id] = address
    return list(told_by.items())


def _without_foreign_results(content: bytes, settings: Settings, peer: Peer) -> bytes:
    """No stranger's results under our relays' name: who reads the forwarded mail might believe them (RFC 8601, 5)."""
    authentication = settings.mail_authentication
    if authentication.authserv_id is None or (peer.host and inside(ip_address(peer.host), authentication.relays)):
        return content
    return without_foreign_results(content, authentication.authserv_id)


def _forwarded(delivery_id: str, mail_id: str, postmaster: str, peer: Peer, content: bytes, now: float) -> Delivery:
    received = (
        f"Received: from {_token(peer.helo)} ([{peer.host}]) by smsbridge with {'ESMTP' if peer.esmtp else 'SMTP'}\r\n"
        f"\tid {mail_id}; {compose.date(now)}\r\n"
    )
    return Delivery(
        id=delivery_id,
        mail=mail_id,
        channel=Channel.MAIL,
        recipient=postmaster,
        payload=received.encode("ascii", "replace") + _with_header(content),
        sender="",  # a bounce of a forwarded bounce has nowhere to go
        reports=Reports.FAILURES,  # there is nobody to tell but the log, and that must hear of it
        created_at=now,
        changed_at=now,
        next_at=now,
        expires_at=now + FORWARD_LIFETIME,
    )


def _with_header(content: bytes) -> bytes:
    """A mail whose first line is no header has an empty head, or that line would be folded into ours."""
    return content if _HEADER.match(content) else b"\r\n" + content


def _conversation(target: Target, number: str, letter: text.Letter, now: float) -> list[Conversation]:
    author = target.proof.sender
    if author is None or letter.is_automatic:
        return []
    originator = target.route.originator or ""
    line = originator if originator.isdigit() else ""
    return [
        Conversation(
            phone=number,
            line=line,
            author=author,
            message_id=letter.message_id,
            subject=subjects.topic(letter.subject),
            expires_at=now + CONVERSATION_FOR,
        )
    ]


def _seen_key(sender: str, recipient: str, letter: text.Letter) -> bytes | None:
    """What makes a mail the same mail; None without Message-ID and Date, since devices repeat all the rest.

    The subject counts like the body: to some devices it is all that tells one alarm from the next. `sender` is the
    author where one is proven: around a signed mail of his anybody may put a new envelope each time.
    """
    if letter.message_id is None or not letter.date:
        return None
    parts = (sender, recipient, letter.message_id, letter.date, letter.subject)
    return hashlib.sha256("\x00".join(parts).encode("utf-8", "replace") + letter.body_digest).digest()


def _token(word: str) -> str:
    return "".join(character for character in word if character.isalnum() or character in ".-:[]")[:255] or "unknown"
