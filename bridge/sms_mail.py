"""An SMS that the provider brings as a mail, read by patterns of the configuration. Pure.

The provider sells this way in and does not say what such a mail looks like. So the mail is written out plainly, in
lines any regular expression can be written for, and the configuration says where everything stands.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from bridge import normalize, text
from bridge.message import IncomingSms, Unreadable
from bridge.text import Letter, fields

LONGEST: Final = 64 * 1024
"""Characters of a mail that patterns are tried on."""

_LONGEST_HEADER: Final = 1000
_LONGEST_ID: Final = 100
_LONGEST_NUMBER: Final = 64


def read(content: bytes, patterns: Sequence[re.Pattern[str]], country: str) -> IncomingSms:
    """The SMS in a mail (CRLF); `country` is the region of national numbers. The first pattern that fits counts.

    Raises `Unreadable` for a mail that cannot be read, or that no pattern fits.
    """
    try:
        letter = text.read(content)
    except text.Refused as refused:
        raise Unreadable(f"the mail with the SMS cannot be read: {refused.sentence}") from None
    mail = written_out(letter)
    for pattern in patterns:
        found = pattern.search(mail)
        if found is not None:
            return _incoming(found, letter, content, country)
    raise Unreadable("none of websms_mail.patterns fits the mail with the SMS")


def written_out(letter: Letter) -> str:
    """What patterns are tried on: four lines of header, an empty line, and the text as it came."""
    values = {
        "From": fields.words(fields.first(letter.headers, "from")),
        "To": fields.words(fields.first(letter.headers, "to")),
        "Subject": letter.subject,
        "Message-ID": letter.message_id or "",
    }
    head = "".join(f"{name}: {value[:_LONGEST_HEADER]}".rstrip() + "\n" for name, value in values.items())
    # The whole of it: what looks like a quotation or a signature may be the phone's own words.
    return f"{head}\n{letter.raw_text}"[:LONGEST]


def _incoming(found: re.Match[str], letter: Letter, content: bytes, country: str) -> IncomingSms:
    groups = found.groupdict()
    phone = _number(groups["phone"], country)
    if not phone:
        raise Unreadable("the pattern that fits the mail with the SMS finds no phone in it")
    return IncomingSms(
        notification_id=_id(groups.get("id"), letter, content),
        phone=phone,
        line=_number(groups.get("line"), country) or None,
        text=(groups["text"] or "").strip("\n"),
    )


def _number(spelt: str | None, country: str) -> str:
    """International digits where it is a number, a short code or a name as it stands."""
    words = " ".join((spelt or "").split())[:_LONGEST_NUMBER]
    try:
        return normalize.line(words, country)
    except normalize.NotANumber:
        return words


def _id(given: str | None, letter: Letter, content: bytes) -> str:
    """The provider's own id, the same as a notification by HTTP has; else one that only the same mail has again."""
    written = (given or "").strip()
    if 0 < len(written) <= _LONGEST_ID and written.isascii() and written.isprintable():
        return written
    # Without a Message-ID the octets decide, headers included: people do write the same words twice.
    identity = written.encode("utf-8", "replace") or (letter.message_id or "").encode() or content
    return f"mail-{hashlib.sha256(identity).hexdigest()}"
