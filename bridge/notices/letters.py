"""Each kind of notice as a finished mail. Pure.

An author gets a delivery status notification, which programs read too; the operator gets plain words, since to him it
is about somebody else's mail.
"""

import email
import email.header
import email.policy
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from bridge import compose, dsn
from bridge.config import Settings
from bridge.message import Channel, Delivery, OnUnknown, State, decode_sms
from bridge.normalize import display
from bridge.notices.statuses import sentence
from bridge.notices.words import WORDS, Words
from bridge.spool import Alert, Original, Telling

OWN_WORDS: Final = "x-smsbridge"
"""The type of a diagnostic in the bridge's own words."""

_OWN_CODES: Final = frozenset({"", "expired"})
_TOO_LATE: Final = "4.4.7"
_MOST_TEXT: Final = 2000  # characters
_LONGEST_ID: Final = 900  # characters of a Message-ID, so that with the field's name it fits into a line
_MOST_LINES: Final = 2000  # of a list
_MOST_ANSWER: Final = 200  # characters of a provider's words in it
_WITH_TEXT: Final = frozenset({"failed", "delayed"})
_ACTIONS: Final[dict[str, dsn.Action]] = {"corrected": "delivered"}
_LANGUAGE: Final = re.compile(rb"^content-language:[ \t]*([a-z]{2})\b", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Outcomes of one mail that are told together, and to whom."""

    to: str
    together: Sequence[Telling]  # at least one, all with the same outcome
    explained: Sequence[str | None]  # the provider's sentence for each, where it has one
    language: str
    original: Original | None = field(default=None)
    kind: str = OWN_WORDS  # the type of diagnostics in the provider's words


def author_language(original: Original | None) -> str | None:
    """The language its author wrote the mail in, as the mail says, where notices can speak it."""
    header = b"" if original is None else original.original.partition(b"\r\n\r\n")[0]
    found = _LANGUAGE.search(header)
    language = found[1].decode("ascii").lower() if found is not None else ""
    return language if language in WORDS else None


def to_author(settings: Settings, notice: Notice, now: float) -> bytes:
    """A delivery status notification in the thread of the author's mail."""
    first, original = notice.together[0], notice.original
    text = "" if original is not None and original.ret == "hdrs" else _text(first.delivery)
    body = _body(notice, text if first.told in _WITH_TEXT else "", [])
    # A mail to such an address needs SMTPUTF8 anyway; anybody else's mail server may not know what that is.
    wide = not notice.to.rpartition("@")[0].isascii()
    domain = settings.domains[0]
    outcomes = [_outcome(item, domain, notice.kind) for item in notice.together]
    mailed = dsn.Mailed(
        hostname=settings.hostname,
        arrived=first.delivery.created_at if original is None else original.at,
        envid="" if original is None else original.envid,
        gateway=any(outcome.kind == notice.kind for outcome in outcomes),
    )
    parts = [dsn.fields(mailed, outcomes, wide=wide)]
    if original is not None:
        whole = original.whole and original.ret == "full" and first.told == "failed"
        returned = dsn.returned(original.original, whole=whole, wide=wide)
        parts += [returned] if returned is not None else []
    headers = _headers(settings, notice.to, _subject(notice), _seed(first), "auto-replied", now)
    return compose.compose_report([*headers, *_about(first)], body, notice.language, parts)


def to_operator(settings: Settings, notice: Notice, now: float) -> bytes:
    """What nobody else can be told, in plain words."""
    first = notice.together[0]
    body = _body(notice, _text(first.delivery), [WORDS[notice.language].nobody_else])
    headers = _headers(settings, notice.to, _subject(notice), _seed(first), "auto-generated", now)
    return compose.compose([*headers, *_about(first)], body)


def digest(settings: Settings, to: str, language: str, owed: Sequence[Telling], now: float) -> bytes:
    """One list in place of many notices."""
    words = WORDS[language]
    lines = [
        f"{compose.date(item.delivery.changed_at)}  {_named(item)}: {words.outcomes[item.told]}"
        f"  {_answer(item.delivery)[:_MOST_ANSWER] if item.told in _WITH_TEXT else ''}".rstrip()
        + f"  ({item.delivery.id})"
        for item in owed[:_MOST_LINES]
    ]
    if len(owed) > _MOST_LINES:
        lines.append(words.digest_more.format(count=len(owed) - _MOST_LINES))
    subject = words.digest_subject.format(count=len(owed))
    seed = f"digest/{to}/{owed[0].delivery.id}/{now}"
    headers = _headers(settings, to, subject, seed, "auto-generated", now)
    return compose.compose(headers, "\n".join([words.digest, "", *lines]))


def alert(settings: Settings, alerts: Sequence[Alert], now: float) -> bytes:
    """What the operator must look at."""
    subject = WORDS[settings.language].alert.format(hostname=settings.hostname)
    seed = f"alert/{alerts[0].id}/{now}"
    headers = _headers(settings, settings.postmaster, subject, seed, "auto-generated", now)
    return compose.compose(headers, "\n\n".join(f"{compose.date(one.at)}\n{one.text}" for one in alerts))


def _headers(settings: Settings, to: str, subject: str, seed: str, submitted: str, now: float) -> list[tuple[str, str]]:
    found = hashlib.sha256(seed.encode("utf-8", "replace")).hexdigest()[:24]
    return [
        # A person who answers reaches the operator; no program should, since the envelope sender is empty.
        ("From", compose.mailbox("smsbridge", f"postmaster@{settings.domains[0]}")),
        ("To", compose.recipient(to)),
        ("Subject", compose.encoded(subject)),
        ("Date", compose.date(now)),
        ("Message-ID", f"<notice.{found}@{settings.hostname}>"),
        ("Auto-Submitted", submitted),
    ]


def _seed(first: Telling) -> str:
    return f"{first.delivery.id}/{first.told}"


def _about(first: Telling) -> list[tuple[str, str]]:
    found = [("X-SMS-Id", first.delivery.mail)]
    if first.message_id is not None and len(first.message_id) <= _LONGEST_ID and first.kind == "mail":
        found += [("In-Reply-To", first.message_id), ("References", first.message_id)]
    return found


def _subject(notice: Notice) -> str:
    first = notice.together[0]
    return WORDS[notice.language].subject(first.told, _named(first), len(notice.together) - 1)


def _outcome(item: Telling, domain: str, kind: str) -> dsn.Outcome:
    delivery = item.delivery
    action = _ACTIONS.get(item.told) or cast("dsn.Action", item.told)
    given = {"delivered": "2.1.5", "relayed": "2.0.0", "expanded": "2.0.0"}.get(action, delivery.status)
    said = action != "expanded" and bool(delivery.code or delivery.reason)
    goes_again = delivery.state is not State.UNKNOWN or delivery.on_unknown is OnUnknown.RESEND
    return dsn.Outcome(
        recipient=delivery.address or f"+{delivery.recipient}@{domain}",
        action=action,
        status=given,
        orcpt=delivery.orcpt,
        kind=OWN_WORDS if delivery.code in _OWN_CODES else kind,
        code=delivery.code if said else "",
        words=delivery.reason if said else "",
        attempted=item.attempted,
        retry_until=delivery.expires_at if goes_again else None,
        log_id=delivery.id,
    )


def _shown(delivery: Delivery) -> str:
    return display(delivery.recipient) if delivery.channel is Channel.SMS else delivery.recipient


def _named(item: Telling) -> str:
    return item.delivery.address if item.told == "expanded" else _shown(item.delivery)


def _answer(delivery: Delivery) -> str:
    """Code and words of whoever answered, in one line."""
    said = f"{delivery.code} {delivery.reason}"
    return " ".join("".join(letter if letter.isprintable() else " " for letter in said).split())


def _body(notice: Notice, text: str, remarks: list[str]) -> str:
    words, first = WORDS[notice.language], notice.together[0]
    parts = [words.opening[(first.delivery.channel, first.told)], *_recipients(notice, words)]
    if text:
        indented = "\n".join(f"  {line}" for line in text[:_MOST_TEXT].split("\n"))
        parts.append(f"{words.text}:\n{indented}")
    return "\n\n".join([*parts, *remarks, words.identifier.format(id=first.delivery.mail)])


def _recipients(notice: Notice, words: Words) -> list[str]:
    """A paragraph for each reason, with all whom it met."""
    paragraphs: dict[str, list[str]] = {}
    for item, explained in zip(notice.together, notice.explained, strict=True):
        delivery = item.delivery
        reason = ""
        if item.told in _WITH_TEXT:
            answer = _answer(delivery)
            reason = f"\n    {_why(notice.language, item, explained)}"
            reason += f"\n    {words.answer}: {answer}" if answer else ""
        paragraphs.setdefault(reason, []).append(f"  {_named(item)}")
    return ["\n".join(whom) + reason for reason, whom in paragraphs.items()]


def _why(language: str, item: Telling, explained: str | None) -> str:
    """What is the case and what to do: in the provider's sentence where it has one, else in that of the status."""
    words, delivery = WORDS[language], item.delivery
    if item.told != "delayed" or delivery.state is State.UNKNOWN:
        general = sentence(delivery.status, language)
        return f"{general} {explained}" if explained and delivery.status == _TOO_LATE else explained or general
    if delivery.state is State.HELD:
        return f"{words.held} {explained or ''}".rstrip()
    said = explained or (sentence(delivery.status, language) if delivery.status else "")
    return f"{said} {words.goes_on}".lstrip()


def _text(delivery: Delivery) -> str:
    if not delivery.payload:  # erased after keep_text
        return ""
    if delivery.channel is Channel.SMS:
        return decode_sms(delivery.payload).text
    relayed = email.message_from_bytes(delivery.payload, policy=email.policy.compat32)
    decoded = relayed.get_payload(decode=True)
    subject = str(email.header.make_header(email.header.decode_header(relayed.get("Subject", ""))))
    head = f"Subject: {subject}\n\n" if relayed.get_content_type() == "text/plain" else ""
    return head + decoded.decode("utf-8", "replace").replace("\r\n", "\n") if isinstance(decoded, bytes) else ""
