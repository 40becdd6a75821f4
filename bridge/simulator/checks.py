"""The provider's checks of a send request: one ordered table, the first row that bites decides.

Rows are named as in the specification of the simulator (its section 3); the order and some codes are choices,
which ``SimulatorSettings.check_order`` and ``codes`` can turn.
"""

import base64
import binascii
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from . import segments
from .accounts import Ledger
from .fields import BOOLEANS, Submission
from .settings import Account, SimulatorSettings

_MSISDN = re.compile(r"[1-9][0-9]{4,14}")
_TYPES = frozenset({"national", "international", "alphanumeric", "shortcode"})
_CATEGORIES = frozenset({"informational", "advertisement"})
_LONGEST_ALPHANUMERIC = 11
_LONGEST_SHORTCODE = 6
_SEGMENT_BYTES = 140
_MOST_PARTS = 255


@dataclass(slots=True, kw_only=True)
class Case:
    """A submission in front of the account that sent it."""

    submission: Submission
    account: Account
    settings: SimulatorSettings
    ledger: Ledger
    peer: str  # IP address
    parts: int = 0  # set as soon as the content is known to be good
    offending: str = ""  # strict only: which liberty was taken

    def get(self, name: str) -> Any:
        """The field's value; None when unset."""
        return self.submission.fields.get(name)

    @property
    def category(self) -> str:
        return str(self.get("contentCategory") or self.account.default_category)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One row: its name, the statusCode and statusMessage it answers, and when it bites."""

    row: str
    code: int
    message: str
    bites: Callable[[Case], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The answer of the row that bit."""

    row: str
    code: int
    message: str


def refuse(case: Case) -> Refusal | None:
    """The first row that bites, or None: the request is good."""
    for check in ordered(case.settings.check_order):
        if check.bites(case):
            message = f"{check.message}: {case.offending}" if case.offending else check.message
            return Refusal(row=check.row, code=case.settings.codes.get(check.row, check.code), message=message)
    return None


def ordered(first: Collection[str]) -> "tuple[Check, ...]":
    """The table, with the rows named in `first` moved to its head."""
    if not first:
        return CHECKS
    return (
        *(c for name in first for c in CHECKS if c.row == name),
        *(c for c in CHECKS if c.row not in first),
    )


def address_type(address: str) -> str:
    """What kind of originator or line `address` is by its spelling."""
    if not (address.isascii() and address.isdigit()):
        return "alphanumeric"
    if address.startswith("0"):
        return "national"
    return "shortcode" if len(address) <= _LONGEST_SHORTCODE else "international"


def _not_unicode(text: str) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in text) if not text.isascii() else False


def _text(case: Case) -> bool:
    if case.submission.kind != "text":
        return False
    text = case.get("messageContent")
    if not isinstance(text, str) or not text or _not_unicode(text):
        return True
    if case.settings.refuse_white_text and text.isspace():
        return True
    case.parts = segments.count(text)
    return False


def binary_segments(content: list[str]) -> list[bytes]:
    """The bytes of each element (standard base64, padded); ValueError when one is not."""
    try:
        return [base64.b64decode(element, validate=True) for element in content]
    except (binascii.Error, TypeError) as error:
        raise ValueError(str(error)) from error


def _binary(case: Case) -> bool:
    if case.submission.kind != "binary":
        return False
    content = case.get("messageContent")
    if not isinstance(content, list) or not content or not all(isinstance(e, str) for e in content):
        return True
    try:
        elements = binary_segments(content)
    except ValueError:
        return True
    case.parts = len(elements)
    return any(not 0 < len(element) <= _SEGMENT_BYTES for element in elements)


def _user_data_header(case: Case) -> bool:
    if case.submission.kind != "binary" or case.get("userDataHeaderPresent") is not True:
        return False
    return any(element[0] + 1 > len(element) for element in binary_segments(case.get("messageContent")))


def _message_type(case: Case) -> bool:
    wanted = case.get("messageType")
    return wanted not in (None, "default", "voice") or (wanted == "voice" and "voice" not in case.account.rights)


def _sender(case: Case) -> bool:
    given = case.get("senderAddress")
    if given is None:
        return False
    if not isinstance(given, str):
        return True
    address = given.removeprefix("+")
    kind = address_type(address)
    if kind == "alphanumeric" and not 0 < len(address) <= _LONGEST_ALPHANUMERIC:
        return True
    if case.get("senderAddressType") not in (None, kind):
        return True
    return case.account.senders is not None and address not in case.account.senders


def _whole(case: Case, name: str, low: int, high: int) -> bool:
    """True when the field is set and is not an integer within the bounds."""
    value = case.get(name)
    if value is None:
        return False
    return not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high


def _client_message_id(case: Case) -> bool:
    value = case.get("clientMessageId")
    if value is None:
        return False
    return not isinstance(value, str) or len(value) > case.settings.max_client_message_id or _not_unicode(value)


def _callback_url(case: Case) -> bool:
    value = case.get("notificationCallbackUrl")
    if value is None:
        return False
    if not isinstance(value, str):
        return True
    try:
        url = urlsplit(value)
        port = url.port
    except ValueError:
        return True
    return url.scheme not in {"http", "https"} or not url.hostname or port == 0


def _strict(case: Case) -> bool:
    if case.settings.strict and case.submission.liberties:
        case.offending = "; ".join(case.submission.liberties[:5])
        return True
    return False


def _blocked(case: Case, blocks: Callable[[Case, str], bool]) -> bool:
    hits = [blocks(case, recipient) for recipient in case.submission.recipients]
    return all(hits) or (case.settings.mixed_lists == "refuse" and any(hits))


def _foreign(case: Case, recipient: str) -> bool:
    prefixes = case.account.allowed_prefixes
    return bool(prefixes) and not recipient.startswith(prefixes)


def _blacklisted(case: Case, recipient: str) -> bool:
    return recipient in case.account.blacklist or f"{recipient}:{case.category}" in case.account.blacklist


def rejected_recipients(case: Case) -> frozenset[str]:
    """Of an accepted mixed list: those that get a ``rejected`` report."""
    account = case.account
    if not (account.allowed_prefixes or account.blacklist or account.quality_list or account.spam_list):
        return frozenset()
    return frozenset(
        r
        for r in case.submission.recipients
        if _foreign(case, r) or _blacklisted(case, r) or r in account.quality_list or r in account.spam_list
    )


def _bad_recipient(entry: object) -> bool:
    return not isinstance(entry, str) or _MSISDN.fullmatch(entry.removeprefix("+")) is None


CHECKS: tuple[Check, ...] = (
    Check(row="2", code=4000, message="malformed request", bites=lambda c: not c.submission.is_object),
    Check(row="3", code=4023, message="request limit exceeded",
          bites=lambda c: c.ledger.ip_exhausted(c.peer)),
    Check(row="4", code=4012, message="message rate exceeded",
          bites=lambda c: c.ledger.rate_exhausted(c.account)),
    Check(row="5", code=4019, message='parameter "recipientAddressList" invalid',
          bites=lambda c: c.get("recipientAddressList") in (None, "", [])),
    Check(row="6", code=4002, message="recipientAddressList is not a list",
          bites=lambda c: not isinstance(c.get("recipientAddressList"), list)),
    Check(row="7", code=4025, message="too many entries in recipientAddressList",
          bites=lambda c: len(c.get("recipientAddressList")) > c.settings.max_recipients),
    Check(row="8", code=4002, message="recipientAddressList contains an invalid recipient",
          bites=lambda c: any(map(_bad_recipient, c.get("recipientAddressList")))),
    Check(row="9", code=4019, message='parameter "messageContent" invalid',
          bites=lambda c: c.get("messageContent") is None),
    Check(row="10", code=4009, message="messageContent is not a valid text", bites=_text),
    Check(row="11", code=4027, message="messageContent contains an invalid segment", bites=_binary),
    Check(row="12", code=4027, message="messageContent: user data header is longer than its segment",
          bites=_user_data_header),
    Check(row="13", code=4004, message="messageType is invalid", bites=_message_type),
    Check(row="14", code=4003, message="senderAddressType is invalid",
          bites=lambda c: c.get("senderAddressType") not in (None, *_TYPES)),
    Check(row="15", code=4003, message="senderAddress is invalid", bites=_sender),
    Check(row="16", code=4015, message="message priority is invalid",
          bites=lambda c: _whole(c, "priority", 0, min(9, c.account.max_priority))),
    Check(row="17", code=4008, message="clientMessageId is invalid", bites=_client_message_id),
    Check(row="18", code=4016, message="notificationCallbackUrl is invalid", bites=_callback_url),
    Check(row="19", code=4040, message="contentCategory is invalid",
          bites=lambda c: c.get("contentCategory") not in (None, *_CATEGORIES)),
    Check(row="20", code=4041, message="validityPeriode is invalid",
          bites=lambda c: _whole(c, "validityPeriode", 60, 259_200)),
    Check(row="21", code=4026, message="maxSmsPerMessage is invalid",
          bites=lambda c: _whole(c, "maxSmsPerMessage", 0, _MOST_PARTS)),
    Check(row="22", code=4026, message="messageContent needs more parts than maxSmsPerMessage allows",
          bites=lambda c: c.parts > (c.get("maxSmsPerMessage") or c.settings.max_segments)),
    # These two are no rows of the specification: a boolean that is none, and what strict mode forbids.
    Check(row="boolean", code=4000, message="malformed request: a boolean field is not a boolean",
          bites=lambda c: any(not isinstance(c.get(name), bool | None) for name in BOOLEANS)),
    Check(row="strict", code=4000, message="malformed request (strict)", bites=_strict),
    Check(row="23", code=4029, message="recipients not allowed", bites=lambda c: _blocked(c, _foreign)),
    Check(row="24", code=4031, message="all recipients blacklisted",
          bites=lambda c: _blocked(c, _blacklisted)),
    Check(row="25", code=4042, message="all recipients blocked by quality rating",
          bites=lambda c: _blocked(c, lambda case, r: r in case.account.quality_list)),
    Check(row="25b", code=4043, message="all recipients blocked by spam check",
          bites=lambda c: _blocked(c, lambda case, r: r in case.account.spam_list)),
    Check(row="26", code=4013, message="message limit is reached",
          bites=lambda c: c.ledger.over_quota(c.account, c.parts * len(c.submission.recipients))),
)  # fmt: skip
