"""Delivery status notifications: what programs read in a notice, and what comes back of the mail. Pure.

RFC 3464 says the fields, RFC 3461 what of a client's wishes comes back and how, RFC 6533 how addresses that ASCII
cannot spell are written. Values are words of clients, phones and providers: whatever they hold, each becomes one line,
and none can begin a field or end a part.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from bridge import compose

Action = Literal["failed", "delayed", "delivered", "relayed", "expanded"]
"""What became of a recipient, RFC 3464 2.3.3."""

KEPT_HEADER: Final = 16 * 1024
KEPT_MAIL: Final = 64 * 1024
"""Octets of a mail that are kept for its notices: of its header, and of all of it where the client asked for that."""

# Octets that stand together in one line of RFC 5322's 998.
_LONGEST: Final = 800
_LONGEST_CODE: Final = 200
_LONGEST_WORDS: Final = 600
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_STATUS: Final = re.compile(r"([245])\.\d{1,3}\.\d{1,3}")
_XTEXT: Final = re.compile(r"\+([0-9A-F]{2})")
_PRINTABLE: Final = re.compile(r"[ -~]+")
_QUCHAR: Final = re.compile(r"[^!-*,-<>-\[\]-~]")  # what RFC 6533 does not let stand for itself in a 7-bit address
_FIELDS: Final = re.compile(rb"(?:[!-9;-~]+[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*)*")
_LINE_ENDS: Final = re.compile(rb"\r\n|\r|\n")
# Looked for at the beginnings of lines only: else each octet would be the beginning of a look at a thousand.
_LONG_LINE: Final = re.compile(rb"(?:\A|[\r\n])[^\r\n]{999}")
_CLASSES: Final[dict[Action, str]] = {
    "failed": "54",  # 4 where it was a passing fault that lasted too long
    "delayed": "4",
    "delivered": "2",
    "relayed": "2",
    "expanded": "2",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailed:
    """What a notice is about: the fields for the whole mail."""

    hostname: str  # of the bridge, which reports
    arrived: float
    envid: str = ""  # as the client wrote it
    gateway: bool = False  # the outcome was first told in another system's words


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one recipient; an unfit `status` is replaced by its action's general one."""

    recipient: str  # a mail address
    action: Action
    status: str = ""  # RFC 3463
    orcpt: str = ""  # as the client wrote it
    kind: str = "x-unknown"  # whose code and words those are; a plain word
    code: str = ""
    words: str = ""
    attempted: float | None = None  # when last
    retry_until: float | None = None
    log_id: str = ""


def fields(mailed: Mailed, outcomes: Sequence[Outcome], *, wide: bool = False) -> compose.Part:
    """The machine's part. `wide` is RFC 6533's form in UTF-8, for mails that cannot travel without SMTPUTF8 anyway."""
    blocks = [_of_mail(mailed, wide=wide), *(_of_recipient(outcome, wide=wide) for outcome in outcomes)]
    text = "\r\n".join("".join(f"{name}: {value}\r\n" for name, value in block) for block in blocks)
    if wide:
        return "message/global-delivery-status", "8bit", text.encode("utf-8", "replace")
    return "message/delivery-status", "7bit", text.encode("ascii")


def status(action: Action, given: str) -> str:
    """`given` where it is a status that fits the action, else the action's general one."""
    found = _STATUS.fullmatch(given)
    fits = found is not None and found[1] in _CLASSES[action]
    return given if fits else f"{_CLASSES[action][0]}.0.0"


def keep(content: bytes, *, full: bool) -> tuple[bytes, bool]:
    """What is kept of a mail (CRLF) for its notices, and whether that is all of it."""
    if full and len(content) <= KEPT_MAIL:
        return content, True
    return _header(content), False


def returned(original: bytes, *, whole: bool, wide: bool = False) -> compose.Part | None:
    """The part with the original mail, or with its header where not `whole`, or where it cannot travel as it is."""
    header = _header(original)
    if not header:
        return None
    if whole and not _LONG_LINE.search(original) and b"\x00" not in original and (header.isascii() or wide):
        data = _lines(original)
        kind = "message/rfc822" if header.isascii() else "message/global"
        return kind, "7bit" if data.isascii() else "8bit", data
    data = _lines(header)
    if data.isascii() and not _LONG_LINE.search(data) and b"\x00" not in data:
        return "text/rfc822-headers", "7bit", data
    return "text/rfc822-headers", "quoted-printable", compose.quoted_printable(data)


def _of_mail(mailed: Mailed, *, wide: bool) -> list[tuple[str, str]]:
    host = _verbatim(mailed.hostname, wide=wide)
    return [
        ("Reporting-MTA", f"dns; {host}"),
        *([("DSN-Gateway", f"dns; {host}")] if mailed.gateway else []),
        *([("Original-Envelope-Id", _verbatim(_from_xtext(mailed.envid), wide=wide))] if mailed.envid else []),
        ("Arrival-Date", compose.date(mailed.arrived)),
    ]


def _of_recipient(outcome: Outcome, *, wide: bool) -> list[tuple[str, str]]:
    found = [("Original-Recipient", _original(outcome.orcpt, wide=wide))] if outcome.orcpt else []
    found += [
        ("Final-Recipient", _address(outcome.recipient, wide=wide)),
        ("Action", outcome.action),
        ("Status", status(outcome.action, outcome.status)),
    ]
    code = _cut(_verbatim(outcome.code, wide=wide), _LONGEST_CODE)
    if said := f"{code} {_line(outcome.words, wide=wide)}".strip():
        found.append(("Diagnostic-Code", f"{outcome.kind}; {said}"))
    if outcome.attempted is not None:
        found.append(("Last-Attempt-Date", compose.date(outcome.attempted)))
    if outcome.log_id:
        found.append(("Final-Log-ID", _verbatim(outcome.log_id, wide=wide)))
    if outcome.retry_until is not None and outcome.action == "delayed":
        found.append(("Will-Retry-Until", compose.date(outcome.retry_until)))
    return found


def _line(text: str, *, wide: bool) -> str:
    """Words: one line without controls. Other than ASCII becomes encoded words (RFC 2047), if it has to."""
    text = " ".join(_CONTROLS.sub(" ", text).split())
    return _cut(text, _LONGEST_WORDS) if wide else compose.encoded(text[:_LONGEST_WORDS])


def _verbatim(text: str, *, wide: bool) -> str:
    """What programs compare: never folded, and as it was but for controls and, if need be, letters beyond ASCII."""
    text = _CONTROLS.sub(" ", text).strip()
    if not wide and not text.isascii():
        text = _QUCHAR.sub(lambda found: f"\\x{{{ord(found[0]):X}}}", text)
    return _cut(text, _LONGEST)


def _cut(text: str, most: int) -> str:
    return text.encode()[:most].decode("utf-8", "ignore")


def _address(address: str, *, wide: bool) -> str:
    return f"{'rfc822' if address.isascii() else 'utf-8'}; {_verbatim(address, wide=wide)}"


def _original(orcpt: str, *, wide: bool) -> str:
    kind, _, address = orcpt.partition(";")
    if kind.lower() != "utf-8":  # that one has an encoding of its own, good in both forms
        address = _from_xtext(address)
    return f"{_verbatim(kind, wide=wide)}; {_verbatim(address, wide=wide)}"


def _from_xtext(text: str) -> str:
    """What RFC 3461's xtext stands for; what would not be printable ASCII, and so may not be there, stays as it is."""
    decoded = _XTEXT.sub(lambda found: chr(int(found[1], 16)), text)
    return decoded if _PRINTABLE.fullmatch(decoded) else text


def _header(content: bytes) -> bytes:
    """The fields at the beginning of a mail, as many as may be kept; none where it begins with something else."""
    found = _FIELDS.match(content, 0, KEPT_HEADER)
    return b"" if found is None else found[0]


def _lines(data: bytes) -> bytes:
    """With CRLF at the end of each line and of the whole."""
    data = _LINE_ENDS.sub(b"\r\n", data)
    return data if data.endswith(b"\r\n") else data + b"\r\n"
