"""How mail programs put mails together, after what their makers say of it, and how they answer one.

Gmail: "Threading changes in Gmail conversation view" (Workspace Updates, March 2019) and its help page 5900: a mail
joins a conversation when it has the same subject and its References name a mail of it or what others in it name too;
a hundred mails are the most. Outlook: [MS-OXCMAIL] 2.2.3.2.6.1 and 2.2.3.2.7, [MS-OXOMSG] 2.2.1.2: without Thread-Index
the conversation is its topic, the Thread-Topic or else the subject without one prefix of up to three letters.
"""

import email
import email.policy
import re
from collections.abc import Sequence
from email.message import EmailMessage, Message
from email.utils import parseaddr

from tests.flows.rig import ANNA, letter

_MOST = 100
_PREFIX = re.compile(r"[^\W\d]{1,3}: ?")
_GMAIL_PREFIXES = re.compile(r"(?:(?:re|fwd?|aw|wg|r|sv|antw)\s*:\s*)*", re.IGNORECASE)


def gmail(mails: Sequence[bytes]) -> list[set[int]]:
    """The numbers of the mails (from 0) in each conversation, in the order in which they came."""
    found: list[tuple[str, set[str], set[int]]] = []
    for number, raw in enumerate(mails):
        mail = _read(raw)
        subject = _GMAIL_PREFIXES.sub("", str(mail["Subject"]), count=1).casefold()
        named = set(" ".join(str(mail[name] or "") for name in ("Message-ID", "References", "In-Reply-To")).split())
        for topic, ids, members in found:
            if topic == subject and ids & named and len(members) < _MOST:
                ids.update(named)
                members.add(number)
                break
        else:
            found.append((subject, named, {number}))
    return [members for _, _, members in found]


def outlook(mails: Sequence[bytes]) -> list[set[int]]:
    """The same for Outlook."""
    found: dict[str, set[int]] = {}
    for number, raw in enumerate(mails):
        mail = _read(raw)
        assert mail["Thread-Index"] is None
        topic = str(mail["Thread-Topic"] or _PREFIX.sub("", str(mail["Subject"]), count=1))
        found.setdefault(topic[:255].upper(), set()).add(number)
    return list(found.values())


def answer(mail: Message, text: str, *, prefix: str = "Re: ", author: str = ANNA) -> EmailMessage:
    """What a program makes of "answer"; some have their own word for "Re"."""
    shown = _read(mail.as_bytes())
    subject = str(shown["Subject"])
    return letter(
        f"{text}\n",
        From=author,
        To=address(mail["Reply-To"] or mail["From"]),
        Subject=subject if subject.startswith(prefix) else f"{prefix}{subject}",
        In_Reply_To=str(mail["Message-ID"]),
        References=" ".join([*str(mail["References"] or "").split(), str(mail["Message-ID"])]),
    )


def address(field: object) -> str:
    """The bare address of a header."""
    return parseaddr(str(field))[1]


def _read(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)
