"""The nouns that cross the house: what a door takes in, what the spool keeps, what a carrier answers.

Frozen and slotted, so that what was committed is what is sent. Times are Unix seconds (UTC), phone numbers are E.164
digits without ``+`` (the provider's spelling), mail addresses have a lower-case domain.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter

from bridge.nouns import light

Clock = Callable[[], float]
"""Gives the present time in Unix seconds; a parameter everywhere so that tests can turn it."""

NewId = Callable[[], str]
"""Gives a fresh mail id: at most 28 characters of ``[A-Za-z0-9-]``."""


class Channel(StrEnum):
    """How a delivery leaves the house."""

    SMS = "sms"
    MAIL = "mail"


class State(StrEnum):
    """Where a delivery stands. ``deferred`` is `QUEUED` with attempts behind it."""

    QUEUED = "queued"
    SENDING = "sending"  # committed directly before the call; survives a crash as UNKNOWN (SMS) or QUEUED (mail)
    SENT = "sent"  # the provider or the smarthost took it
    DELIVERED = "delivered"  # the phone has it
    FAILED = "failed"
    UNKNOWN = "unknown"  # SMS only: the provider's answer was lost
    HELD = "held"
    DROPPED = "dropped"


class Verdict(StrEnum):
    """What an answer of a provider or a transport means for the delivery."""

    ACCEPTED = "accepted"
    PERMANENT = "permanent"  # this message never works: its author is told
    TEMPORARY = "temporary"  # surely not sent: try again later
    THROTTLED = "throttled"  # not sent, and everything else should slow down too
    OURS = "ours"  # our configuration, account or program is wrong: pause the scope, bounce nothing
    UNKNOWN = "unknown"  # it may have been sent


class Scope(StrEnum):
    """What an answer of the kind OURS or THROTTLED stops."""

    MESSAGE = "message"
    ROUTE = "route"
    ACCOUNT = "account"


class OnUnknown(StrEnum):
    """A route's choice between "nothing doubled" and "nothing lost" when an answer was lost."""

    HOLD = "hold"
    RESEND = "resend"
    FAIL = "fail"


class Reports(StrEnum):
    """Which outcomes an author is told without having asked."""

    FAILURES = "failures"
    ALL = "all"
    NONE = "none"


class ReportState(StrEnum):
    """A handset report in the bridge's words."""

    DELIVERED = "delivered"
    ACCEPTED = "accepted"  # not final
    UNDELIVERED = "undelivered"  # not final: the network goes on trying
    EXPIRED = "expired"
    DELETED = "deleted"
    REJECTED = "rejected"


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class Sms:
    """A text ready to be sent: the payload of a delivery on the sms channel."""

    text: str
    originator: str | None = None  # what the phone shows; None leaves it to the account
    max_parts: int = 3
    flash: bool = False
    priority: int | None = None
    category: str | None = None
    voice: bool = False  # read out in a call
    segments: tuple[bytes, ...] = ()  # not empty: a binary SMS, `text` only says what it is; at most 140 octets each
    with_header: bool = False  # every segment begins with a user data header


def encode_sms(sms: Sms) -> bytes:
    """The payload as it is spooled: JSON, UTF-8; what has its default is left out."""
    if not sms.segments:
        return f'{{"text":{_encode(sms.text)}{_others(_plain(sms))}}}'.encode()
    fields: dict[str, object] = {"text": sms.text}
    for name, default in _PLAIN.items():
        if (value := getattr(sms, name)) != default:
            fields[name] = value
    fields["segments"] = [base64.b64encode(segment).decode() for segment in sms.segments]
    return _encode(fields).encode()


def decode_sms(payload: bytes) -> Sms:
    """The inverse of `encode_sms`. Raises ValueError or TypeError for what is no payload."""
    fields = json.loads(payload.decode())
    if not isinstance(fields, dict):
        raise TypeError("a payload is an object")
    if "segments" in fields:
        fields["segments"] = tuple(base64.b64decode(segment) for segment in fields["segments"])
    return Sms(**fields)


_PLAIN = {name: value for name, value in asdict(Sms(text="")).items() if name != "text"}
_plain = attrgetter(*_PLAIN)
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@lru_cache(maxsize=256)  # the same for all texts of a row
def _others(values: tuple[object, ...]) -> str:
    """What stands behind the text, for values in the order of `_PLAIN`."""
    fields = zip(_PLAIN.items(), values, strict=True)
    return "".join(f',"{name}":{_encode(value)}' for (name, default), value in fields if value != default)


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One ready-to-send payload for one recipient on one channel."""

    id: str  # "<mail>-<n>"; also the clientMessageId, chosen before the call
    mail: str  # id of what came through the door; for a mail its "queued as"
    channel: Channel
    recipient: str  # sms: E.164 digits; mail: the mailbox
    payload: bytes  # sms: `encode_sms`; mail: the finished message, CRLF
    state: State = State.QUEUED
    sender: str = ""  # mail: envelope sender, "" is the null path; sms: who may be told of it, "" is nobody
    author: str | None = None  # the proven writer
    route: str = ""  # name of the row that sent it here: the scope of a pause
    urgent: bool = False
    reports: Reports = Reports.FAILURES
    language: str = "en"
    on_unknown: OnUnknown = OnUnknown.HOLD
    unknown_wait: float = 180.0  # seconds
    created_at: float
    changed_at: float = 0.0  # last change of state
    next_at: float
    expires_at: float
    warn_at: float | None = None  # when the author is told of the delay; None: never or done
    attempts: int = 0
    code: str = ""  # the last answer's own code
    reason: str = ""  # the last answer's own words
    status: str = ""  # RFC 3463, for example "5.1.3"
    transfer_id: str | None = None
    notify: str = ""  # RFC 3461, lower case; "": the route's `reports` decide
    orcpt: str = ""  # RFC 3461, as the client wrote it
    address: str = ""  # of an SMS: what was mailed to, where it means this phone alone


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a carrier (provider or transport) answered to one delivery."""

    verdict: Verdict
    code: str = ""  # the carrier's own code: "4002", "http 502", "550"
    text: str = ""  # the carrier's own words
    status: str = ""  # RFC 3463
    scope: Scope = Scope.MESSAGE
    alert: bool = False  # the operator should look, whatever becomes of the message
    transfer_id: str | None = None
    parts: int | None = None
    retry_after: float | None = None  # seconds the carrier asked us to wait
    refuse_for: float = 0.0  # seconds for which this recipient need not be tried again


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """What a binary SMS held and text cannot show."""

    name: str  # a file name
    content_type: str
    data: bytes


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingSms:
    """A text from a phone, as a provider's notification told it."""

    notification_id: str
    phone: str  # E.164 digits, or as the provider spelt it when it is no number
    line: str | None  # our number it was written to, E.164 digits where it can be read as one
    text: str
    flash: bool = False
    attachments: tuple[Attachment, ...] = ()
    kind: str = "text"  # the provider's word: "binary", "whatsapp" …


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A handset report."""

    notification_id: str
    state: ReportState
    client_message_id: str | None = None  # the delivery's id, when the provider echoes it
    transfer_id: str | None = None
    phone: str | None = None
    text: str = ""  # the provider's own words, kept for the events


class Fate(StrEnum):
    """What a bounce says became of a mail of ours."""

    FAILED = "failed"  # for good
    DELAYED = "delayed"
    DELIVERED = "delivered"
    REPLIED = "replied"  # nothing: a machine answered, so it arrived somewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """What came back to the envelope sender of a mail of ours."""

    fate: Fate
    status: str = ""  # RFC 3463
    text: str = ""  # the remote's own words, one line
    digest: bytes = b""  # of what makes it the same when it comes again


class Unreadable(Exception):
    """A notification that is authentic but cannot be understood; it is kept as a dead letter."""


class StoreUnavailable(Exception):
    """The spool could not commit: nothing was kept, the sender must try again."""
