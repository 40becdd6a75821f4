"""Every status code of websms and what it means for a delivery: one literal table.

It is a table and not branches so that a reader can hold it beside the provider's list line by line. Three
questions decide a row. Can the message ever work (PERMANENT)? Is it our account, our configuration or our bug
(OURS: nothing is bounced for it, because the author cannot repair it)? Can it have been sent (UNKNOWN)?
Scopes: what an account-wide refusal stops is the account; a bad parameter that routes.toml sets stops that
route; a bug that shows with one message stops that message.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from bridge.message import ReportState, Scope, Verdict

ACCEPTED, PERMANENT, TEMPORARY = Verdict.ACCEPTED, Verdict.PERMANENT, Verdict.TEMPORARY
THROTTLED, OURS, UNKNOWN = Verdict.THROTTLED, Verdict.OURS, Verdict.UNKNOWN
MESSAGE, ROUTE, ACCOUNT = Scope.MESSAGE, Scope.ROUTE, Scope.ACCOUNT


class Meaning(NamedTuple):
    """One row: what a code means to us."""

    verdict: Verdict
    scope: Scope
    status: str  # RFC 3463; of OURS, THROTTLED, TEMPORARY and UNKNOWN the one a delay notice carries
    alert: bool
    says: str  # for people, when the provider sent no words of its own
    pause: float | None = None  # seconds to stay away at first, where the code itself asks for slowness


CODES: Final[Mapping[int, Meaning]] = {
    2000: Meaning(ACCEPTED, MESSAGE, "2.0.0", False, "accepted"),
    2001: Meaning(ACCEPTED, MESSAGE, "2.0.0", False, "accepted and queued"),
    2002: Meaning(ACCEPTED, MESSAGE, "2.0.0", True, "accepted as a test: no phone gets it"),
    4000: Meaning(OURS, MESSAGE, "4.3.5", True, "the request was malformed"),
    4001: Meaning(OURS, ACCOUNT, "4.3.5", True, "credentials invalid, or the account is inactive"),
    4002: Meaning(PERMANENT, MESSAGE, "5.1.3", False, "the recipient is no valid number"),
    4003: Meaning(OURS, ROUTE, "4.3.5", True, "the sender is invalid or not assigned to the account"),
    4004: Meaning(OURS, ROUTE, "4.3.5", True, "the message type is invalid"),
    4005: Meaning(OURS, MESSAGE, "4.3.5", True, "the message alphabet is invalid"),
    4006: Meaning(OURS, MESSAGE, "4.3.5", True, "the message class is invalid"),
    4007: Meaning(OURS, MESSAGE, "4.3.5", True, "the message data is invalid"),
    # Never a reason for a new id; on a repeat see `ON_REPEAT`.
    4008: Meaning(OURS, MESSAGE, "4.3.5", True, "the message id is invalid"),
    4009: Meaning(PERMANENT, MESSAGE, "5.6.0", False, "the text is invalid"),
    4010: Meaning(OURS, MESSAGE, "4.3.5", True, "the segmentation setting is invalid"),
    4011: Meaning(OURS, MESSAGE, "4.3.5", True, "the report setting is invalid"),
    4012: Meaning(THROTTLED, ACCOUNT, "4.4.5", False, "too many messages", 30.0),
    4013: Meaning(THROTTLED, ACCOUNT, "4.3.2", True, "the account's message limit is used up", 300.0),
    4014: Meaning(OURS, ACCOUNT, "4.3.5", True, "our IP address is not allowed to use the account"),
    4015: Meaning(OURS, ROUTE, "4.3.5", True, "the priority is invalid or above the account's"),
    # The callback is not dropped quietly: reports are what resolves an unknown outcome.
    4016: Meaning(OURS, ROUTE, "4.3.5", True, "the address for notifications is invalid"),
    4017: Meaning(PERMANENT, MESSAGE, "5.2.3", False, "the text needs more than one part"),
    4018: Meaning(OURS, ACCOUNT, "4.3.5", True, "the account may not use this method"),
    4019: Meaning(OURS, ROUTE, "4.3.5", True, "a parameter is missing"),
    4020: Meaning(OURS, ACCOUNT, "4.3.5", True, "the API key is invalid"),
    4021: Meaning(OURS, ACCOUNT, "4.3.5", True, "the account is invalid"),
    4022: Meaning(OURS, ACCOUNT, "4.3.5", True, "access to the interface is denied"),
    4023: Meaning(THROTTLED, ACCOUNT, "4.4.5", False, "too many requests from our IP address", 30.0),
    4024: Meaning(THROTTLED, ACCOUNT, "4.4.5", False, "too many requests in a short time", 30.0),
    # "Too many recipients": with one recipient in a request it can only mean the rate.
    4025: Meaning(THROTTLED, ACCOUNT, "4.4.5", False, "the transfer rate is exceeded", 30.0),
    4026: Meaning(PERMANENT, MESSAGE, "5.2.3", True, "the text needs more parts than allowed"),
    # About segments of binary messages (see `ON_BINARY`); on a text it is our bug.
    4027: Meaning(OURS, MESSAGE, "4.3.5", True, "a segment is invalid"),
    4029: Meaning(PERMANENT, MESSAGE, "5.7.1", False, "the recipient is not allowed"),
    4031: Meaning(PERMANENT, MESSAGE, "5.7.1", False, "the recipient is blacklisted"),
    4034: Meaning(PERMANENT, MESSAGE, "5.6.1", False, "the attachment is invalid"),
    4035: Meaning(OURS, ACCOUNT, "4.3.5", True, "the account may not send SMS"),
    4040: Meaning(OURS, ROUTE, "4.3.5", True, "the content category is invalid"),
    4041: Meaning(OURS, ROUTE, "4.3.5", True, "the validity period is invalid"),
    4042: Meaning(PERMANENT, MESSAGE, "5.7.1", True, "the recipient is blocked by the quality rating"),
    4043: Meaning(PERMANENT, MESSAGE, "5.7.1", True, "the recipient is blocked by the spam check"),
    # Not TEMPORARY: an internal error can come after the message went out.
    5000: Meaning(UNKNOWN, MESSAGE, "4.3.0", False, "an internal error at the provider"),
    5003: Meaning(TEMPORARY, ACCOUNT, "4.3.2", False, "the service is unavailable"),
}

ON_BINARY: Final[Mapping[int, Meaning]] = {
    4027: Meaning(PERMANENT, MESSAGE, "5.6.0", False, "a segment of the binary message is invalid"),
    # The right to send binary SMS may be what is missing: texts on other routes must not wait for it.
    4018: Meaning(OURS, ROUTE, "4.3.5", True, "the account may not use this method for binary SMS"),
    4022: Meaning(OURS, ROUTE, "4.3.5", True, "access to the interface for binary SMS is denied"),
}
"""Codes that mean something else in answer to a binary message: its bytes are the author's, its endpoint another."""

REFUSE_FOR: Final[Mapping[int, float]] = {4031: 86400.0}
"""Seconds for which a recipient is refused at the door after a code that speaks of nothing but it."""

ON_REPEAT: Final[Mapping[int, Meaning]] = {
    # The provider may know the id from the attempt whose answer was lost: then the phone has the message.
    4008: Meaning(UNKNOWN, MESSAGE, "4.4.2", True, "the message id is known already, or invalid"),
}
"""Codes that mean something else in answer to a message that may have gone before."""

HTTP: Final[Mapping[int, Meaning]] = {
    # About this body, whatever is odd in it: others need not wait.
    400: Meaning(OURS, MESSAGE, "4.3.5", True, "the provider did not understand the request"),
    401: Meaning(OURS, ACCOUNT, "4.3.5", True, "the provider refuses our credentials"),
    403: Meaning(OURS, ACCOUNT, "4.3.5", True, "the provider refuses our account"),
    404: Meaning(OURS, ACCOUNT, "4.3.5", True, "there is no SMS interface at the configured address"),
    405: Meaning(OURS, ACCOUNT, "4.3.5", True, "the configured address takes no messages"),
    406: Meaning(OURS, ACCOUNT, "4.3.5", True, "the provider does not answer in JSON"),
    407: Meaning(OURS, ACCOUNT, "4.3.5", True, "a proxy asks for credentials"),
    # A 408 may have been said to an idle connection just before our request came in.
    408: Meaning(UNKNOWN, MESSAGE, "4.4.2", False, "the provider waited in vain for the request"),
    415: Meaning(OURS, ACCOUNT, "4.3.5", True, "the provider does not take JSON"),
    429: Meaning(THROTTLED, ACCOUNT, "4.4.5", False, "too many requests", 30.0),
    503: Meaning(TEMPORARY, ACCOUNT, "4.3.2", False, "the service is unavailable"),
}

REPORTS: Final[Mapping[str, ReportState]] = {
    "delivered": ReportState.DELIVERED,
    "accepted": ReportState.ACCEPTED,
    "undelivered": ReportState.UNDELIVERED,
    "expired": ReportState.EXPIRED,
    "deleted": ReportState.DELETED,
    "rejected": ReportState.REJECTED,
}
"""The values of deliveryReportMessageStatus."""

_OWN_WORDS: Final = frozenset(
    {"lost", "connect", "dns", "tls", "certificate", "contradiction", "odd success", "payload", "error"}
)
"""Codes of receipts that no provider sent."""

_ODD_ACCEPTED = Meaning(ACCEPTED, MESSAGE, "2.0.0", True, "accepted with a code we do not know")
_ODD_REFUSED = Meaning(OURS, MESSAGE, "4.3.0", True, "refused with a code we do not know")
_ODD_UNKNOWN = Meaning(UNKNOWN, MESSAGE, "4.3.0", True, "answered with a code we do not know")
_MOVED = Meaning(OURS, ACCOUNT, "4.3.5", True, "redirected elsewhere, which we never follow with our credentials")
_HTTP_REFUSED = Meaning(OURS, MESSAGE, "4.3.0", True, "the provider refuses the request")
_HTTP_LOST = Meaning(UNKNOWN, MESSAGE, "4.4.2", False, "the provider's answer was lost behind a gateway")
_HTTP_ODD = Meaning(UNKNOWN, MESSAGE, "4.4.2", True, "the provider's answer says nothing about the message")


def by_code(code: int, *, binary: bool = False, repeat: bool = False) -> Meaning:
    """The meaning of a statusCode; one that is not in the table is judged by its family.

    `binary`: the message was one; `repeat`: the message was tried before.
    """
    if binary and code in ON_BINARY:
        return ON_BINARY[code]
    if repeat and code in ON_REPEAT:
        return ON_REPEAT[code]
    if code in CODES:
        return CODES[code]
    families = {2: _ODD_ACCEPTED, 4: _ODD_REFUSED, 5: _ODD_UNKNOWN}
    return families.get(code // 1000, _ODD_UNKNOWN)


def by_http(status: int) -> Meaning:
    """The meaning of an HTTP status whose body carries no statusCode."""
    if status in HTTP:
        return HTTP[status]
    families = {3: _MOVED, 4: _HTTP_REFUSED, 5: _HTTP_LOST}
    return families.get(status // 100, _HTTP_ODD)


def label(code: str) -> str:
    """Under which name a receipt's code is counted: its own where a table has it, else its family, else "other"."""
    if not code.isascii():
        return "other"
    if code in _OWN_WORDS or (code.isdecimal() and int(code[:9]) in CODES):
        return code
    kind, _, status = code.rpartition(" ")
    if kind == "http" and status.isdecimal():
        return code if int(status[:9]) in HTTP else f"http {status[0]}xx"
    return "other"
