"""What a mail that came back says became of ours: failed for good, delayed, arrived, or a machine only replied. Pure.

The machine part (RFC 3464) decides where there is one. Else it must look like a bounce before its words are read:
taking a vacation for a failure would mark a mail failed that its reader has. What is neither is for a person.
"""

import hashlib
import re
from collections.abc import Iterator
from itertools import islice

from bridge import text
from bridge.message import Bounce, Fate
from bridge.text import Letter, Refused, fields, parts

_MOST_RECIPIENTS = 200
_LOOKED_AT = 2000
_LONGEST = 400  # characters of the remote's words that are kept

_REPORT = frozenset({"message/delivery-status", "message/global-delivery-status"})
_COMPLAINT = "message/feedback-report"
_ACTIONS = {
    "failed": Fate.FAILED,
    "delayed": Fate.DELAYED,
    "delivered": Fate.DELIVERED,
    "relayed": Fate.DELIVERED,
    "expanded": Fate.DELIVERED,
}
_CLASSES = {"5": Fate.FAILED, "4": Fate.DELAYED, "2": Fate.DELIVERED}
_WORST_FIRST = (Fate.FAILED, Fate.DELAYED, Fate.DELIVERED)

_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
_REPLY = re.compile(r"(?<![\w.:\-])([45]\d\d)[ \-](?=\S)")

_BOUNCER = re.compile(
    r"(?:mailer-?daemon|mail-daemon|postmaster|microsoftexchange[0-9a-f]*|mdaemon|noreply-bounce)@", re.IGNORECASE
)
_FAILING = re.compile(
    r"undeliver|returned (?:mail|to sender)|delivery (?:status notification|failure|failed|has failed|problem|report)"
    r"|failure notice|mail (?:delivery (?:failed|failure|error|problem|system)|system error)|non-?deliver"
    r"|could not be delivered|message could not|unzustellbar|nicht zu(?:ge)?stell|zustell\w* (?:ist )?fehlgeschlagen"
    r"|zustellungsfehler|fehler bei der (?:nachrichten)?zustellung|non remis|non distribué"
    r"|échec de (?:la )?(?:remise|distribution)|mancata consegna|impossibile recapitare"
    r"|no se (?:pudo|ha podido) entregar",
    re.IGNORECASE,
)
_OPENINGS = re.compile(
    r"this is the qmail-send program|created automatically by mail delivery software|this is the mail system at host"
    r"|the following addresses had permanent|your message did not reach some or all",
    re.IGNORECASE,
)
_SUCCEEDING = re.compile(
    r"successful mail delivery|(?:delivered|relayed|zugestellt|remis|consegnato)\s?:", re.IGNORECASE
)
_WAITING = re.compile(
    r"\b(?:delayed|delay\)|warning: (?:could not|message)|not been delivered yet|has not yet been delivered"
    r"|still (?:undelivered|being retried)|will (?:be retried|keep trying|continue|retry)|attempts will continue"
    r"|verzögert|verspätet|noch nicht zugestellt|weiter versucht|retardé|ritardat)",
    re.IGNORECASE,
)
_FINAL = re.compile(
    r"permanent|fatal error|given up|giving up|could not be delivered|couldn't be delivered|wasn't delivered"
    r"|not able to deliver|unable to deliver|wasn't able to deliver|did not reach|delivery (?:has )?failed"
    r"|not listed in|user unknown|unknown user|no such (?:user|address|mailbox)|unrouteable|mailbox (?:is )?full"
    r"|over quota"
    r"|konnte nicht zugestellt|nicht zugestellt werden|unzustellbar|endgültig",
    re.IGNORECASE,
)
_ORIGINAL = re.compile(
    r"^(?:-{2,40}|={3,40}|>).{0,20}(?:below this line|this is a copy|original|returned message|header of|unsent message"
    r"|kopie).*|^(?:return-path|received): ?.*",
    re.IGNORECASE | re.MULTILINE,
)


def read(content: bytes) -> Bounce | None:
    """What a mail to a bounce address says; None where it is for a person: unreadable, a complaint, a letter.

    `content` is the whole mail. Never raises; its bounds are those of `text.read`.
    """
    try:
        head, begin = fields.split(content)
        root = parts.tree(head, content[begin:])
        found = _reported(root) or _described(text.read(content), root)
    except Refused:
        return None
    if found is None:
        return None
    fate, status, said = found
    identity = (fields.message_id(head) or "").encode() or content
    return Bounce(
        fate=fate,
        status=status,
        text=" ".join(said.split())[:_LONGEST],
        # Some programs give all of their mails one Message-ID: what is said counts too.
        digest=hashlib.sha256(b"\x00".join([fate.encode(), status.encode(), identity])).digest(),
    )


_Found = tuple[Fate, str, str]


def _reported(root: parts.Part) -> _Found | None:
    """By the machine part: the worst that it says of any recipient."""
    report = next((part for part in _leaves(root) if part.kind in _REPORT), None)
    if report is None:
        return None
    found = [said for block in islice(_blocks(report.text()), _MOST_RECIPIENTS) if (said := _of_recipient(block))]
    return next((said for fate in _WORST_FIRST for said in found if said[0] is fate), None)


def _leaves(part: parts.Part) -> Iterator[parts.Part]:
    """All leaves; a mail inside of the mail is one."""
    if not part.children:
        yield part
    for child in part.children:
        yield from _leaves(child)


def _blocks(report: str) -> Iterator[dict[str, str]]:
    """The groups of fields of a machine part (RFC 3464, 2.1), unfolded, the first of each name."""
    for block in re.split(r"\n[ \t]*\n", report.replace("\r\n", "\n").strip()):
        found: dict[str, str] = {}
        for line in re.sub(r"\n[ \t]+", " ", block).split("\n"):
            name, colon, value = line.partition(":")
            if colon:
                found.setdefault(name.strip().lower(), value.strip())
        yield found


def _of_recipient(block: dict[str, str]) -> _Found | None:
    code = _STATUS.search(block.get("status", ""))
    action = re.match(r"[a-z]+", block.get("action", "").lower())
    fate = _ACTIONS.get(action[0]) if action else None
    if fate is None:
        fate = _CLASSES.get(code[0][0]) if code else None
    if fate is None:
        return None
    recipient = block.get("final-recipient") or block.get("original-recipient", "")
    recipient = recipient.rpartition(";")[2].strip()
    said = block.get("diagnostic-code") or block.get("status", "")
    remote = block.get("remote-mta", "").rpartition(";")[2].strip()
    words = f"{recipient}: {said}" if recipient else said
    return (
        fate,
        code[0] if code else _general(fate),
        fields.words((f"{words} ({remote})" if remote else words)[:_LOOKED_AT]),
    )


def _described(letter: Letter, root: parts.Part) -> _Found | None:
    """By what is written for people."""
    kinds = {part.kind for part in _leaves(root)}
    if _COMPLAINT in kinds:
        return None
    words = letter.raw_text
    original = _ORIGINAL.search(words)
    # What it returns was written by somebody else, and may look like anything.
    words = words[: original.start()] if original else words
    if not letter.absence_subject and _is_bounce(letter, words):
        return _judged(letter.subject, words)
    if kinds & _REPORT:
        return None  # of which nothing can be understood
    if letter.is_auto_reply or letter.absence_subject or letter.auto_submitted not in {"", "no"}:
        return Fate.REPLIED, "", letter.subject
    return None


def _is_bounce(letter: Letter, words: str) -> bool:
    return (
        "x-failed-recipients" in letter.headers
        or any(_BOUNCER.match(address) for address in letter.from_addresses)
        or any(pattern.search(letter.subject) for pattern in (_FAILING, _SUCCEEDING))
        or _OPENINGS.search(words) is not None
    )


def _judged(subject: str, words: str) -> _Found | None:
    code, reply = _STATUS.search(words), _REPLY.search(words)
    said = _line(words, code or reply or _FINAL.search(words)) or subject
    if _SUCCEEDING.match(subject):
        return Fate.DELIVERED, "2.0.0", said
    if _WAITING.search(subject) or (_WAITING.search(words) and not _FINAL.search(words)):
        return Fate.DELAYED, code[0] if code and code[0][0] == "4" else "4.0.0", said
    if code and code[0][0] != "2":
        return Fate.FAILED, code[0], said  # a 4 too: it says nothing of trying on
    if reply:
        return Fate.FAILED, f"{reply[0][0]}.0.0", said
    if _FINAL.search(words) or _FAILING.search(subject):
        return Fate.FAILED, "5.0.0", said
    return None


def _line(words: str, found: re.Match[str] | None) -> str:
    """The line in which something was found."""
    if found is None:
        return ""
    begin = words.rfind("\n", 0, found.start()) + 1
    end = words.find("\n", found.end())
    return fields.words(words[begin : end if end >= 0 else len(words)][:_LOOKED_AT])


def _general(fate: Fate) -> str:
    return {Fate.FAILED: "5.0.0", Fate.DELAYED: "4.0.0"}.get(fate, "2.0.0")
