"""From a delivery to the JSON of a call: pure. What may stand in which call is the provider's field table.

Only what is set is sent, never null. The misspelt field is the provider's.
"""

import base64
import json
from dataclasses import dataclass
from typing import Final, Literal, get_args

from bridge.message import Delivery, Sms, decode_sms

VALIDITY: Final = (60, 259_200)  # seconds, bounds of the provider's field validityPeriode
_MOST_PARTS: Final = 255
_INTERNATIONAL_DIGITS: Final = 7  # a number of fewer digits is a shortcode


Kind = Literal["text", "binary"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call: the last word of its path, and its body."""

    kind: Kind
    body: bytes


def request(delivery: Delivery, *, now: float, callback_url: str | None, test: bool) -> Request:
    """The call for a delivery, one recipient as ever.

    Raises ValueError, TypeError or AttributeError for a payload that cannot be read.
    """
    sms = decode_sms(delivery.payload)
    shortest, longest = VALIDITY
    fields: dict[str, object] = {
        "recipientAddressList": [delivery.recipient],
        **(_binary(sms) if sms.segments else _text(sms)),
        "clientMessageId": delivery.id,
        "validityPeriode": int(min(max(delivery.expires_at - now, shortest), longest)),
        **_optional(sms),
    }
    if callback_url is not None:
        fields["notificationCallbackUrl"] = callback_url
    if test:
        fields["test"] = True
    body = _encode(fields).encode()
    return Request(kind="binary" if sms.segments else "text", body=body)


def _text(sms: Sms) -> dict[str, object]:
    fields: dict[str, object] = {
        "messageContent": sms.text,
        "maxSmsPerMessage": min(max(sms.max_parts, 1), _MOST_PARTS),
    }
    if sms.voice:
        fields["messageType"] = "voice"
    return fields


def _binary(sms: Sms) -> dict[str, object]:
    """The standard alphabet of base64, unlike that of the notifications."""
    return {
        "messageContent": [base64.b64encode(segment).decode() for segment in sms.segments],
        "userDataHeaderPresent": sms.with_header,
    }


def _optional(sms: Sms) -> dict[str, object]:
    fields: dict[str, object] = {}
    if sms.originator:
        address, kind = sender_address(sms.originator)
        fields["senderAddress"] = address
        fields["senderAddressType"] = kind
    if sms.flash:
        fields["sendAsFlashSms"] = True
    if sms.priority is not None:
        fields["priority"] = sms.priority
    if sms.category is not None:
        fields["contentCategory"] = sms.category
    return fields


def sender_address(originator: str) -> tuple[str, str]:
    """senderAddress and senderAddressType for an originator: a number (leading ``+`` allowed), a shortcode,
    or letters.
    """
    digits = originator.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return originator, "alphanumeric"
    if len(digits) < _INTERNATIONAL_DIGITS:
        return digits, "shortcode"
    return digits, "national" if digits.startswith("0") else "international"
