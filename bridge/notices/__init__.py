"""What falls due to be told, as ordinary mails: outcomes to authors, what nobody else would learn to the postmaster.

A notice is a delivery on the mail channel like any other. It is committed together with the mark that its outcome was
told, so a crash neither repeats nor forgets one. Outcomes of one mail that fall together become one notice.
"""

import email
import email.header
import email.policy
import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence

from bridge import compose
from bridge.config import Configuration
from bridge.log import get_logger
from bridge.message import Channel, Clock, Delivery, NewId, Reports, State, StoreUnavailable, decode_sms
from bridge.normalize import display
from bridge.notices.words import WORDS, Words, sentence
from bridge.spool import NOTICES, Alert, Intake, Spool, Telling

EVERY = 0.5
"""Seconds between two looks."""

Explain = Callable[[str, str], str | None]
"""A provider's code and a language to the sentence for people, where the provider has one."""

LIFETIME = 5 * 86400.0
_TOO_LATE = "4.4.7"
_LIMIT = 200
_MOST_TEXT = 2000


class Notices:
    """Turns outcomes and alerts into mails; the daemon calls `once`."""

    def __init__(
        self,
        *,
        spool: Spool,
        configuration: Callable[[], Configuration],
        clock: Clock,
        new_id: NewId,
        wake: Callable[[Channel], None],
        explain: Explain = lambda _code, _language: None,
    ) -> None:
        self._explain = explain
        self._spool = spool
        self._configuration = configuration
        self._clock = clock
        self._new_id = new_id
        self._wake = wake
        self._log = get_logger("notices")

    async def once(self) -> None:
        """One look: every notice that is due is spooled."""
        now = self._clock()
        configuration = self._configuration()
        collect = configuration.settings.notices.collect
        due = await self._spool.telling(now - collect, now, _LIMIT)
        for together in _by_notice(due):
            try:
                await self._tell(configuration, together, now)
            except StoreUnavailable:
                raise
            except Exception:  # noqa: BLE001  # logged with its traceback, and the others go on
                # One that cannot be written must not silence all others; it is told in the log and never again.
                self._log.exception("a notice could not be written", id=together[0].delivery.id)
                await self._give_up(together, now)
        alerts = await self._spool.alerts(_LIMIT)
        if alerts:
            await self._alert(configuration, alerts, now)

    async def _tell(self, configuration: Configuration, together: list[Telling], now: float) -> None:
        settings = configuration.settings
        first = together[0]
        told_to = _told_to(first.delivery)
        to = told_to or settings.postmaster
        told = [(item.delivery.id, item.told) for item in together]
        if first.delivery.channel is Channel.MAIL and first.delivery.recipient == settings.postmaster:
            # The postmaster's own mail failed: there is nobody left to tell but the log.
            self._log.critical("postmaster unreachable", id=first.delivery.id, reason=first.delivery.reason)
            to = ""
        language = settings.notices.language or first.delivery.language
        language = language if told_to else settings.language
        words = WORDS[language]
        notice_id = self._new_id()
        deliveries: tuple[Delivery, ...] = ()
        if to:
            reasons = [_why(words, item, self._explained(item, language)) for item in together]
            body = _body(words, together, reasons, for_author=bool(told_to))
            payload = _compose(configuration, to, words.subject(first.told, _shown(first.delivery)), body, first, now)
            deliveries = (_delivery(configuration, notice_id, to, payload, now),)
        await self._spool.accept(
            Intake(
                id=notice_id,
                kind="notice",
                at=now,
                sender="",
                proof="bridge",
                deliveries=deliveries,
                told=told,
            )
        )
        if to:
            self._log.info("notice", id=notice_id, recipient=to, about=first.delivery.mail, reason=first.told)
            self._wake(Channel.MAIL)

    def _explained(self, item: Telling, language: str) -> str | None:
        delivery = item.delivery
        return self._explain(delivery.code, language) if delivery.channel is Channel.SMS else None

    async def _give_up(self, together: list[Telling], now: float) -> None:
        told = [(item.delivery.id, item.told) for item in together]
        await self._spool.accept(Intake(id=self._new_id(), kind="notice", at=now, proof="bridge", told=told))
        await self._spool.alert(f"A notice about {together[0].delivery.mail} could not be written; see the log.", now)

    async def _alert(self, configuration: Configuration, alerts: Sequence[Alert], now: float) -> None:
        settings = configuration.settings
        words = WORDS[settings.language]
        notice_id = self._new_id()
        lines = "\n\n".join(f"{compose.date(alert.at)}\n{alert.text}" for alert in alerts)
        subject = words.alert.format(hostname=settings.hostname)
        payload = _compose(configuration, settings.postmaster, subject, lines, None, now, alerts[0].id)
        await self._spool.accept(
            Intake(
                id=notice_id,
                kind="notice",
                at=now,
                proof="bridge",
                deliveries=(_delivery(configuration, notice_id, settings.postmaster, payload, now),),
                alerts_told=[alert.id for alert in alerts],
            )
        )
        self._log.info("notice", id=notice_id, recipient=settings.postmaster, about="alert", count=len(alerts))
        self._wake(Channel.MAIL)


def _told_to(delivery: Delivery) -> str:
    """The proven envelope sender of an SMS; "" where nobody but the operator may be told."""
    return delivery.sender if delivery.channel is Channel.SMS else ""


def _by_notice(due: list[Telling]) -> Iterator[list[Telling]]:
    def key(item: Telling) -> tuple[str, str, str]:
        return (item.delivery.mail, item.told, _told_to(item.delivery))

    for _, group in itertools.groupby(sorted(due, key=key), key=key):
        yield list(group)


def _shown(delivery: Delivery) -> str:
    return display(delivery.recipient) if delivery.channel is Channel.SMS else delivery.recipient


def _body(words: Words, together: list[Telling], reasons: list[str], *, for_author: bool) -> str:
    first = together[0]
    parts = [words.opening[(first.delivery.channel, first.told)]]
    for item, reason in zip(together, reasons, strict=True):
        delivery = item.delivery
        parts.append(f"  {_shown(delivery)}")
        if item.told != "delivered":
            answer = f"{delivery.code} {delivery.reason}".strip()
            parts[-1] += f"\n    {reason}"
            parts[-1] += f"\n    {words.answer}: {answer}" if answer else ""
    text = _text(first.delivery)
    if text:
        indented = "\n".join(f"  {line}" for line in text[:_MOST_TEXT].split("\n"))
        parts.append(f"{words.text}:\n{indented}")
    if not for_author:
        parts.append(words.nobody_else)
    parts.append(words.identifier.format(id=first.delivery.mail))
    return "\n\n".join(parts)


def _why(words: Words, item: Telling, explained: str | None) -> str:
    """What is the case and what to do: in the provider's sentence where it has one, else in that of the status."""
    delivery = item.delivery
    if item.told != "delayed" or delivery.state is State.UNKNOWN:
        general = sentence(words, delivery.status)
        return f"{general} {explained}" if explained and delivery.status == _TOO_LATE else explained or general
    if delivery.state is State.HELD:
        return f"{words.held} {explained or ''}".rstrip()
    said = explained or (sentence(words, delivery.status) if delivery.status else "")
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


def _compose(
    configuration: Configuration,
    to: str,
    subject: str,
    body: str,
    first: Telling | None,
    now: float,
    alert: int = 0,
) -> bytes:
    settings = configuration.settings
    seed = f"{first.delivery.id}/{first.told}" if first is not None else f"alert/{alert}/{now}"
    digest = hashlib.sha256(seed.encode()).hexdigest()[:24]
    headers = [
        ("From", compose.mailbox("smsbridge", f"postmaster@{settings.domains[0]}")),
        ("To", compose.recipient(to)),
        ("Subject", compose.encoded(subject)),
        ("Date", compose.date(now)),
        ("Message-ID", f"<notice.{digest}@{settings.hostname}>"),
        (
            "Auto-Submitted",
            "auto-replied" if first is not None and _told_to(first.delivery) else "auto-generated",
        ),
    ]
    if first is not None:
        headers.append(("X-SMS-Id", first.delivery.mail))
        if first.message_id is not None and first.kind == "mail":
            headers += [("In-Reply-To", first.message_id), ("References", first.message_id)]
    return compose.compose(headers, body)


def _delivery(configuration: Configuration, notice_id: str, to: str, payload: bytes, now: float) -> Delivery:
    # A notice that fails goes to the postmaster once; what fails there is logged and goes nowhere.
    return Delivery(
        id=f"{notice_id}-1",
        mail=notice_id,
        channel=Channel.MAIL,
        recipient=to,
        payload=payload,
        sender="",
        route=NOTICES,
        reports=Reports.FAILURES,
        language=configuration.settings.language,
        created_at=now,
        changed_at=now,
        next_at=now,
        expires_at=now + LIFETIME,
    )
