"""The bridge itself: a mail read becomes an SMS, an SMS becomes a mail. Pure, both ways."""

import re
import unicodedata
from dataclasses import dataclass

from bridge import binary, compose, gsm, subjects, threads
from bridge.message import IncomingSms, Sms
from bridge.normalize import display
from bridge.nouns import light
from bridge.routing import Route
from bridge.text import ENCLOSURE, Enclosure, Letter

_MOST_NAMED = 3
_LONGEST_NAME = 60
_ENCLOSED = {"vcard": ("vCard", binary.VCARD), "vcalendar": ("vCalendar", binary.VCALENDAR), "binary": ("Binary", None)}
_REMARKS = {
    "en": {
        "empty": "(The SMS is empty.)",
        "flash": "(Sent as a flash SMS.)",
        "text/vcard": "(A contact is attached: {name})",
        "text/calendar": "(An appointment is attached: {name})",
        "binary": "(This SMS holds no text but {octets} octets. They are attached: {name})\n\n{hex}",
    },
    "de": {
        "empty": "(Die SMS ist leer.)",
        "flash": "(Als Flash-SMS gesendet.)",
        "text/vcard": "(Ein Kontakt hängt an: {name})",
        "text/calendar": "(Ein Termin hängt an: {name})",
        "binary": "(Diese SMS enthält keinen Text, sondern {octets} Byte. Sie hängen an: {name})\n\n{hex}",
    },
}
"""What a mail says of an SMS besides its text; by content type what is attached."""

_FILES = {"en": ("file", "files"), "de": ("Datei", "Dateien")}
_SPACES = re.compile(r"\s+")
_PLACES = re.compile(r"\{(?:subject|text)\}")


class Untranslatable(Exception):
    """A mail that makes no SMS on this route: the SMTP reply that says why."""

    def __init__(self, code: int, status: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.status = status
        self.sentence = sentence


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class Addressed:
    """Where an SMS goes as mail, and how the mail shows its phone."""

    mailbox: str
    why: str  # "conversation", "phone", "line", "postmaster"
    name: str | None  # the phone's name in the routing table
    address: str  # what one mails to reach this phone
    reply_to: str | None = None  # an address with an answer token
    answers: str | None = None  # Message-ID of the author's mail that the phone answers
    topic: str = ""  # subject of that mail, without Re: and the like
    language: str = "en"  # of whoever reads the mailbox
    html: bool = False  # whether the mail has the text as HTML too


def sms_from_mail(letter: Letter, route: Route) -> Sms:
    """The SMS that a mail becomes on a route. Raises `Untranslatable`.

    On a route for binary SMS an attached card, appointment or segment goes to the phone, and the mail's words do not:
    one mail is one SMS, so several of them are refused rather than dropped.
    """
    if route.binary and letter.enclosures:
        if len(letter.enclosures) > 1:
            count = len(letter.enclosures)
            raise Untranslatable(554, "5.6.1", f"{count} attachments could go as binary SMS; send one in a mail")
        return _binary_sms(letter.enclosures[0], route)
    if route.attachments == "refuse" and letter.attachments:
        raise Untranslatable(554, "5.6.1", f"the mail has attachments ({letter.attachments}) and an SMS takes none")
    text = gsm.clean(words(letter, route)).strip()
    if not text:
        raise Untranslatable(554, "5.6.0", "the mail has neither text nor a subject; nothing to send")
    text = _counted(text, letter.attachments, route)
    fitted = gsm.fit(text, route.max_parts)
    if fitted.cut and route.too_long == "refuse":
        raise Untranslatable(552, "5.2.3", _too_long(text, route.max_parts))
    return Sms(
        text=fitted.text,
        originator=route.originator,
        max_parts=route.max_parts,
        flash=route.flash,
        priority=route.priority,
        category=route.category,
        voice=route.voice,
    )


def _too_long(text: str, most: int) -> str:
    """How long it is, and what made it so; ASCII, for a reply."""
    needed, costly = gsm.count(text), gsm.costly(text)
    said = f"the text has {len(text)} characters, needs {needed.parts} SMS and may have {most}; shorten it"
    if not costly:
        return said
    named = ", ".join(_named(one) for one in costly[:_MOST_NAMED])
    others = f" and {len(costly) - _MOST_NAMED} more" if len(costly) > _MOST_NAMED else ""
    without = gsm.count("".join(one for one in text if one not in costly)).parts
    return f"{said}; without {named}{others} it needs {without or 'none'}"


def _named(character: str) -> str:
    name = unicodedata.name(character, "")[:_LONGEST_NAME]
    return f"U+{ord(character):04X} {name}".rstrip()


def mail_from_sms(sms: IncomingSms, to: Addressed, *, hostname: str, at: float) -> bytes:
    """The mail that an SMS becomes; the same notification always gives the same Message-ID."""
    root = threads.root_id(sms.phone, to.mailbox, hostname)
    shown = display(sms.phone)
    parents = [root] if to.answers is None else [root, to.answers]
    sender = compose.mailbox(to.name or shown, to.address)
    headers = [
        ("From", sender),
        ("To", compose.recipient(to.mailbox)),
        ("Subject", compose.encoded(_subject(to, shown))),
        ("Date", compose.date(at)),
        ("Message-ID", threads.message_id(sms.notification_id, to.mailbox, hostname)),
        ("In-Reply-To", parents[-1]),
        ("References", "\r\n ".join(parents)),
        ("Auto-Submitted", "auto-generated"),
        (compose.LOOP_MARK, to.address.rpartition("@")[2]),
        ("X-SMS-From", compose.encoded(shown)),
        (compose.SMS_MARK, compose.encoded(sms.notification_id[:200])),
        ("X-SMS-Delivered-Because", to.why),
    ]
    if to.reply_to is not None:
        answered = sender if to.reply_to == to.address else compose.mailbox(to.name or shown, to.reply_to)
        headers.insert(2, ("Reply-To", answered))
    if sms.line:
        headers.append(("X-SMS-To", compose.encoded(display(sms.line))))
    if sms.kind != "text":
        headers.append(("X-SMS-Type", compose.encoded(sms.kind)))
    if sms.flash:
        headers.append(("X-SMS-Flash", "yes"))
    files = [(one.name, one.content_type, one.data) for one in sms.attachments]
    return compose.compose(headers, _shown(sms, _REMARKS[to.language]), files, html=to.html)


def _subject(to: Addressed, shown: str) -> str:
    """The same for the phone for years; in a conversation that a mail began, the subject of that mail.

    Gmail and Outlook compare subjects before they show two mails as one conversation.
    """
    own = f"SMS {to.name} ({shown})" if to.name else f"SMS {shown}"
    return f"Re: {to.topic}" if to.topic and to.topic != own else own


def _shown(sms: IncomingSms, remarks: dict[str, str]) -> str:
    """What the mail says: the phone's words as they are, and below them what they do not tell. Never nothing."""
    paragraphs = [sms.text] if sms.text.strip() else []
    for attachment in sms.attachments:
        kind = attachment.content_type.partition(";")[0]
        remark = remarks.get(kind, remarks["binary"])
        paragraphs.append(remark.format(name=attachment.name, octets=len(attachment.data), hex=_hex(attachment.data)))
    if not paragraphs:
        paragraphs.append(remarks["empty"])
    if sms.flash:
        paragraphs.append(remarks["flash"])
    return "\n\n".join(paragraphs)


def _hex(data: bytes) -> str:
    """The first octets of one SMS, sixteen a line."""
    lines = [data[at : at + 16].hex(" ") for at in range(0, min(len(data), binary.SEGMENT), 16)]
    return "\n".join([*lines, "…"] if len(data) > binary.SEGMENT else lines)


def _binary_sms(enclosed: Enclosure, route: Route) -> Sms:
    kind, port = _ENCLOSED[enclosed.kind]
    name = _SPACES.sub(" ", gsm.clean(f"{kind} {enclosed.name}")).strip()
    segments = _segments(name, enclosed, port)
    if len(segments) > route.max_parts:
        raise Untranslatable(552, "5.2.3", f"{name} needs {len(segments)} SMS and may have {route.max_parts}")
    return Sms(
        text=f"{name}, {len(segments)} SMS",
        originator=route.originator,
        max_parts=route.max_parts,
        flash=route.flash,
        priority=route.priority,
        category=route.category,
        segments=segments,
        with_header=enclosed.with_header or port is not None or len(segments) > 1,
    )


def _segments(name: str, enclosed: Enclosure, port: int | None) -> tuple[bytes, ...]:
    data = enclosed.data
    if data is None:
        raise Untranslatable(554, "5.6.0", f"{name} arrived damaged: it cannot be decoded")
    if not data:
        raise Untranslatable(554, "5.6.0", f"{name} is empty; nothing to send")
    if len(data) > ENCLOSURE:
        raise Untranslatable(552, "5.2.3", f"{name} is larger than {ENCLOSURE // 1024} KiB")
    try:
        if not enclosed.with_header:
            return binary.segments(data, port=port)
        binary.parse(data)
    except ValueError as error:
        code, status = (554, "5.6.0") if enclosed.with_header else (552, "5.2.3")
        raise Untranslatable(code, status, f"{name} cannot be sent as SMS: {error}") from None
    if len(data) > binary.SEGMENT:
        raise Untranslatable(
            552, "5.2.3", f"{name} has its own header, is one SMS by that, and may have {binary.SEGMENT} octets"
        )
    return (data,)


def _counted(text: str, attachments: int, route: Route) -> str:
    """The text with the number of files below it, where that needs no further SMS: nobody pays for "[1 file]"."""
    if not attachments or route.attachments != "count" or route.voice:
        return text
    counted = f"{text}\n[{attachments} {_FILES[route.language][attachments != 1]}]"
    return counted if gsm.count(counted).parts == gsm.count(text).parts <= route.max_parts else text


def words(letter: Letter, route: Route) -> str:
    """All that a mail says on this row, by its subject policy and up to its end mark; neither cleaned nor fitted."""
    policy = route.subject
    subject = subjects.bare(letter.subject, answers=letter.is_reply)
    text = _ended(letter.text, route.end_mark).strip()
    if policy == "only":
        return subject or text
    if not text:
        return subject
    if policy == "ignore" or (not subject and "{subject}" in policy):
        return text
    if policy != "prefix":
        given = {"{subject}": subject, "{text}": text}
        return _PLACES.sub(lambda place: given[place[0]], policy)  # in one pass: a subject may hold "{text}"
    answers = letter.is_reply and not subjects.forwards(letter.subject)
    if not subject or answers or subjects.repeated(subject, text):
        return text
    return f"{subject}\n{text}"


def _ended(text: str, mark: str) -> str:
    """What stands above the first line that begins with the mark; "" is no mark."""
    if not mark or mark not in text:
        return text
    above: list[str] = []
    for line in text.split("\n"):
        if line.lstrip().startswith(mark):
            break
        above.append(line)
    return "\n".join(above)
