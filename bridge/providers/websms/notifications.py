"""Reading what websms tells us: texts from phones and handset reports, in JSON or XML.

The Content-Type it sends is not documented, so the first byte decides. Nearly every field can be missing in
practice; only what makes a notification useless is insisted on. What cannot be used is `Unreadable`, and the
caller keeps it: it may be somebody's SMS.
"""

import hashlib
from collections.abc import Mapping
from typing import Final

from bridge import normalize
from bridge.message import IncomingSms, Report, Unreadable
from bridge.providers import Outcome, Reply
from bridge.providers.websms import wire
from bridge.providers.websms.codes import REPORTS
from bridge.providers.websms.xml import xml_fields

_BOM: Final = b"\xef\xbb\xbf"
_SPACE: Final = b" \t\r\n"

_ANSWERS: Final[Mapping[Outcome, tuple[int, int, str]]] = {
    "ok": (200, 2000, "ok"),
    "unavailable": (503, 5003, "not stored, try again later"),
    "denied": (401, 4001, "wrong credentials"),
    "too_large": (413, 4000, "the notification is too large"),
    "unsupported": (415, 4000, "the encoding of the notification is not supported"),
}
"""HTTP status, statusCode, statusMessage. Anything but 2000 makes websms repeat the notification."""


def read(body: bytes, *, country: str) -> IncomingSms | Report:
    """One notification; `country` is the region of national numbers. Raises `Unreadable`."""
    fields = xml_fields(_trimmed(body)) if is_xml(body) else wire.json_object(_trimmed(body))
    kind = fields.get("messageType")
    notification_id = _notification_id(fields.get("notificationId"), body)
    if kind == "text":
        return _incoming(fields, notification_id, country)
    if kind == "deliveryReport":
        return _report(fields, notification_id)
    if kind is None:
        raise Unreadable("the notification has no messageType")
    raise Unreadable(f"notifications of type {wire.words(kind, 40) or 'that is no string'} are not supported")


def answer(outcome: Outcome, body: bytes) -> Reply:
    """HTTP status, Content-Type and body for a notification with this `body`: JSON to JSON, XML to XML.

    The root element of the XML is our guess: the provider documents none.
    """
    status, code, message = _ANSWERS[outcome]
    if is_xml(body):
        xml = (
            '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
            f"<notificationResponse><statusCode>{code}</statusCode>"
            f"<statusMessage>{message}</statusMessage></notificationResponse>"
        )
        return status, "application/xml; charset=UTF-8", xml.encode()
    return (
        status,
        "application/json; charset=UTF-8",
        f'{{"statusCode":{code},"statusMessage":"{message}"}}'.encode(),
    )


def is_xml(body: bytes) -> bool:
    """Whether the first byte that is no space (or BOM) opens an element."""
    return _trimmed(body[:1024]).startswith(b"<")


def _trimmed(body: bytes) -> bytes:
    return body.removeprefix(_BOM).lstrip(_SPACE)


def _incoming(fields: Mapping[str, object], notification_id: str, country: str) -> IncomingSms:
    phone = _number(fields.get("senderAddress"))
    if phone is None:
        raise Unreadable("the SMS has no senderAddress")
    content = fields.get("textMessageContent")
    if not isinstance(content, str):
        raise Unreadable("the SMS has no textMessageContent")
    return IncomingSms(
        notification_id=notification_id,
        phone=phone,
        line=_line(fields.get("recipientAddress"), fields.get("recipientAddressType"), country),
        text=wire.text(content),
        flash=fields.get("messageFlashSms") in (True, "true"),
    )


def _report(fields: Mapping[str, object], notification_id: str) -> Report:
    word = fields.get("deliveryReportMessageStatus")
    state = REPORTS.get(word) if isinstance(word, str) else None
    if state is None:
        raise Unreadable(f"the report has an unknown status: {wire.words(word, 40) or 'none'}")
    client_message_id = wire.identifier(fields.get("clientMessageId"))
    transfer_id = wire.identifier(fields.get("transferId"))
    if client_message_id is None and transfer_id is None:
        raise Unreadable("the report names neither clientMessageId nor transferId")
    return Report(
        notification_id=notification_id,
        state=state,
        client_message_id=client_message_id,
        transfer_id=transfer_id,
        # In the reports seen so far the handset is the sender; a recipient alone can only be the handset too.
        phone=_number(fields.get("senderAddress")) or _number(fields.get("recipientAddress")),
        text=_told(fields),
    )


def _told(fields: Mapping[str, object]) -> str:
    """The report's own words in one line."""
    names = ("deliveryReportMessageStatus", "deliveredAs", "sentOn", "deliveredOn")
    told = [(name, wire.words(fields.get(name), 40)) for name in names]
    return " ".join(f"{name}={value}" for name, value in told if value)


def _notification_id(value: object, body: bytes) -> str:
    """The provider's id, or one made of what it sent, so that a repeat is still known as one."""
    usable = wire.identifier(value)
    if usable is not None:
        return usable
    written = value.encode("utf-8", "surrogatepass") if isinstance(value, str) and value.strip() else body
    return f"sha256-{hashlib.sha256(written).hexdigest()}"


def _number(value: object) -> str | None:
    """A number as digits, without ``+``, ``00`` and spaces; what is no number stays as it was spelt; None for
    nothing.
    """
    spelt = wire.words(value, 64)
    digits = spelt.replace(" ", "").removeprefix("+")
    if digits.isascii() and digits.isdigit():
        return digits.removeprefix("00") or None
    return spelt or None


def _line(value: object, kind: object, country: str) -> str | None:
    """Our number that was written to: international digits where it is one, a shortcode as it is."""
    spelt = wire.words(value, 64).replace(" ", "")
    if kind == "shortcode" or not spelt:
        return spelt or None
    national = kind == "national" or (spelt.startswith("0") and not spelt.startswith("00"))
    if not national:
        return _number(spelt)
    try:
        return normalize.line(spelt, country)
    except ValueError:
        return spelt
