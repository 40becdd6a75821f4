"""The bridge itself: a mail read becomes an SMS, an SMS becomes a mail. Pure, both ways."""

import re
from dataclasses import dataclass

from bridge import compose, gsm, threads
from bridge.message import IncomingSms, Sms
from bridge.normalize import display
from bridge.routing import Route
from bridge.text import Letter

_TAGS = re.compile(
    r"\s*(?:(?:re|aw|antw|fwd?|wg|sv|tr|rif|r)\s*(?:\[\d{1,3}\])?\s*:|\[[^\]]{1,40}\])\s*", re.IGNORECASE
)
_MOST_NAMED = 5
_SPACES = re.compile(r"\s+")
_PLACES = re.compile(r"\{(?:subject|text)\}")


class Untranslatable(Exception):
    """A mail that makes no SMS on this route: the SMTP reply that says why."""

    def __init__(self, code: int, status: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.status = status
        self.sentence = sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressed:
    """Where an SMS goes as mail, and how the mail shows its phone."""

    mailbox: str
    why: str  # "conversation", "phone", "line", "postmaster"
    name: str | None  # the phone's name in the routing table
    address: str  # what one mails to reach this phone
    reply_to: str | None = None  # an address with an answer token
    answers: str | None = None  # Message-ID of the author's mail that the phone answers


def sms_from_mail(letter: Letter, route: Route) -> Sms:
    """The SMS that a mail becomes on a route. Raises `Untranslatable`."""
    text = gsm.clean(_words(letter, route.subject)).strip()
    if not text:
        raise Untranslatable(554, "5.6.0", "the mail has neither text nor a subject; nothing to send")
    fitted = gsm.fit(text, route.max_parts)
    if fitted.cut and route.too_long == "refuse":
        needed, costly = gsm.count(text), gsm.costly(text)[:_MOST_NAMED]
        why = f", because of {' '.join(f'U+{ord(one):04X}' for one in costly)}" if costly else ""
        raise Untranslatable(
            552,
            "5.2.3",
            f"the text needs {needed.parts} SMS ({needed.encoding}{why}) and may have {route.max_parts}; shorten it",
        )
    return Sms(
        text=fitted.text,
        originator=route.originator,
        max_parts=route.max_parts,
        flash=route.flash,
        priority=route.priority,
        category=route.category,
    )


def mail_from_sms(sms: IncomingSms, to: Addressed, *, hostname: str, at: float) -> bytes:
    """The mail that an SMS becomes; the same notification always gives the same Message-ID."""
    root = threads.root_id(sms.phone, to.mailbox, hostname)
    shown = display(sms.phone)
    parents = [root] if to.answers is None else [root, to.answers]
    headers = [
        ("From", compose.mailbox(to.name or shown, to.address)),
        ("To", compose.recipient(to.mailbox)),
        ("Subject", compose.encoded(f"SMS {to.name} ({shown})" if to.name else f"SMS {shown}")),
        ("Date", compose.date(at)),
        ("Message-ID", threads.message_id(sms.notification_id, to.mailbox, hostname)),
        ("In-Reply-To", parents[-1]),
        ("References", "\r\n ".join(parents)),
        ("Auto-Submitted", "auto-generated"),
        ("X-SMS-From", compose.encoded(shown)),
        ("X-SMS-Notification-Id", compose.encoded(sms.notification_id[:200])),
        ("X-SMS-Delivered-Because", to.why),
    ]
    if to.reply_to is not None:
        headers.insert(2, ("Reply-To", compose.mailbox(to.name or shown, to.reply_to)))
    if sms.line:
        headers.append(("X-SMS-To", compose.encoded(display(sms.line))))
    if sms.flash:
        headers.append(("X-SMS-Flash", "yes"))
    return compose.compose(headers, sms.text)


def _words(letter: Letter, policy: str) -> str:
    subject = _SPACES.sub(" ", _untagged(letter.subject)).strip()
    text = letter.text.strip()
    if policy == "only":
        return subject or text
    if not text:
        return subject
    if policy == "ignore":
        return text
    if policy != "prefix":
        given = {"{subject}": subject, "{text}": text}
        return _PLACES.sub(lambda place: given[place[0]], policy)  # in one pass: a subject may hold "{text}"
    if not subject or letter.is_reply or text.split("\n", 1)[0].strip() == subject:
        return text
    return f"{subject}\n{text}"


def _untagged(subject: str) -> str:
    """A subject without its leading Re:, AW:, [list] and the like, however many."""
    subject = subject[:500]
    while (found := _TAGS.match(subject)) and found.end() < len(subject):
        subject = subject[found.end() :]
    return subject
