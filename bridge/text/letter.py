"""Everything the bridge wants to know of a mail, read in one pass within bounds."""

import hashlib
import re
from dataclasses import dataclass

from bridge.text import containers, fields, markup, parts, plain, quotes
from bridge.text.enclosures import Enclosure, enclosures
from bridge.text.fields import Fields
from bridge.text.parts import Part
from bridge.text.refused import TEXT, unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail as the bridge sees it. Texts have LF and no control characters but tabs; "" where there is nothing."""

    subject: str  # decoded, one line
    text: str  # what its writer wrote: at most 16,384 characters
    raw_text: str  # the same with quotations and signatures
    message_id: str | None  # with its brackets; None when there is none or it is not sane
    date: str  # the field as it stands
    in_reply_to: str | None
    references: tuple[str, ...]  # at most 50: the first and the last ones
    from_addresses: tuple[str, ...]  # of all From fields; empty when any of them is not wholly understood
    auto_submitted: str  # the keyword in lower case
    precedence: str  # in lower case
    list_id: bool
    received_count: int
    content_language: str
    is_automatic: bool  # no person wrote it: generated, replied by a program, bulk, a list
    is_auto_reply: bool  # a program's answer: vacation, delivery report, read receipt. Alarms are none
    absence_subject: bool  # the subject alone looks like a vacation's; proves nothing
    body_digest: bytes  # SHA-256 of the body as it came
    attachments: int
    enclosures: tuple[Enclosure, ...]  # what of them could go as a binary SMS, in their order
    headers: Fields  # all fields, for what only one door needs

    @property
    def is_reply(self) -> bool:
        """Whether it answers a mail, by its fields."""
        return self.in_reply_to is not None or bool(self.references)


_ABSENCE = re.compile(
    r"(?:(?:re|aw|antw|sv|tr)\s?:\s?)?(?:auto(?:matic|matische|matisch)?[ -]?(?:reply|response|antwort)\b|auto\s?:"
    r"|automatische (?:antwort|abwesenheits)|abwesenheits?(?:notiz|nachricht|assistent|:|\b)|out of (?:the )?office"
    r"|réponse automatique|absence du bureau|risposta automatica|fuori sede|fuori ufficio|respuesta automática"
    r"|fuera de la oficina|automatisch antwoord|resposta automática|autosvar|vacation (?:reply|response))",
    re.IGNORECASE,
)
_BULK = {"bulk", "junk", "list", "auto_reply"}
_REPLY_FIELDS = ("x-ms-exchange-inbox-rules-loop", "x-autoreply", "x-autorespond", "x-auto-reply", "x-vacation")
_KEYWORD = re.compile(r"[a-z-]+")


def read(data: bytes) -> Letter:
    """Read a mail: header, blank line, body, with CRLF or LF.

    Never raises but for Refused: 552 5.3.4 for a header beyond the bounds, 554 5.6.0 for a structure beyond them,
    554 5.6.1 for what is encrypted or may not be put together. A mail without words has the text "".
    """
    head, begin = fields.split(data)
    body = data[begin:]
    root = parts.tree(head, body)
    found = parts.words(root)
    if found.encrypted and not found.leaves:
        raise unreadable("the mail is encrypted")
    answered = fields.ids(fields.first(head, "in-reply-to"))
    references = fields.ids(fields.first(head, "references"))
    raw, text = _texts(found.leaves, reply=bool(answered or references))
    subject = fields.words(fields.first(head, "subject"))
    submitted = _keyword(fields.first(head, "auto-submitted"))
    precedence = _keyword(fields.first(head, "precedence").replace("_", "-")).replace("-", "_")
    answers = _auto_reply(head, submitted, precedence, root.kind)
    return Letter(
        subject=subject,
        text=text,
        raw_text=raw,
        message_id=fields.message_id(head),
        date=fields.first(head, "date"),
        in_reply_to=answered[0] if answered else None,
        references=references,
        from_addresses=fields.addresses(head.get("from", ())),
        auto_submitted=submitted,
        precedence=precedence,
        list_id="list-id" in head,
        received_count=len(head.get("received", ())),
        content_language=fields.first(head, "content-language"),
        is_automatic=answers or submitted not in {"", "no"} or precedence in _BULK or "list-id" in head,
        is_auto_reply=answers,
        absence_subject=_ABSENCE.match(subject) is not None,
        body_digest=hashlib.sha256(body).digest(),
        attachments=found.attachments,
        enclosures=enclosures(root),
        headers=head,
    )


def _keyword(value: str) -> str:
    found = _KEYWORD.match(value.lower())
    return found[0] if found else ""


def _auto_reply(head: Fields, submitted: str, precedence: str, kind: str) -> bool:
    return (
        submitted in {"auto-replied", "auto-notified"}
        or precedence == "auto_reply"
        or kind == "multipart/report"
        or any(name in head for name in _REPLY_FIELDS)
    )


def _texts(leaves: list[Part], *, reply: bool) -> tuple[str, str]:
    """All the words, and those of the writer."""
    raws, owns = [], []
    for leaf in leaves:
        raw, own = _markup(leaf, reply=reply) if leaf.kind == "text/html" else _plain(leaf)
        raws.append(raw)
        owns.append(own)
    raw = "\n".join(filter(None, raws))[:TEXT]
    own = "\n".join(filter(None, owns))[:TEXT]
    if reply:
        own = quotes.own_words(own)
    return plain.tidy(raw), plain.tidy(quotes.unsigned(own))


def _plain(leaf: Part) -> tuple[str, str]:
    text = plain.unarmoured(plain.lines(leaf.text()))
    if leaf.parameters.get("format", "").lower() == "flowed":
        text = plain.flowed(text, delete_space=leaf.parameters.get("delsp", "").lower() == "yes")
    text = plain.tidy(text)
    return text, text


def _markup(leaf: Part, *, reply: bool) -> tuple[str, str]:
    root = markup.tree(leaf.text())
    if root is None:
        return "", ""
    raw = own = plain.tidy(plain.lines(markup.render(root)))
    for hide in (containers.hide_signatures, *((containers.hide_quotes,) if reply else ())):
        if hide(root):
            left = plain.tidy(plain.lines(markup.render(root)))
            own = left if quotes.has_words(left) else own
    return raw, own
