"""Reading what websms tells us: SMS from phones and handset reports, in JSON or XML.

The Content-Type it sends is not documented, so the first byte decides. Nearly every field can be missing in
practice; only what makes a notification useless is insisted on. What cannot be used is `Unreadable`, and the
caller keeps it: it may be somebody's SMS. So does a type we do not know, as long as it brings a text.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Final

from bridge import normalize
from bridge.message import Attachment, IncomingSms, Report, Unreadable
from bridge.providers import Outcome, Reply
from bridge.providers.websms import contents, wire
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
    trimmed = _trimmed(body)
    fields = xml_fields(trimmed) if trimmed.startswith(b"<") else wire.json_object(trimmed)
    kind = _trimmed_word(fields.get("messageType"))
    notification_id = _notification_id(fields.get("notificationId"), body)
    if kind == "deliveryReport":
        return _report(fields, notification_id)
    if kind is None:
        raise Unreadable("the notification has no messageType")
    if kind in ("text", "binary") or isinstance(fields.get("textMessageContent"), str):
        named = wire.words(kind, 40)
        if named:
            return _incoming(fields, notification_id, named, country)
    raise Unreadable(f"notifications of type {wire.words(kind, 40) or 'that is no string'} are not supported")


def answer(outcome: Outcome, body: bytes, *, xml_root: str) -> Reply:
    """HTTP status, Content-Type and body for a notification with this `body`: JSON to JSON, XML to XML.

    The provider documents no root element for answers in XML, so `xml_root` is a setting.
    """
    status, code, message = _ANSWERS[outcome]
    if is_xml(body):
        xml = (
            '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
            f"<{xml_root}><statusCode>{code}</statusCode><statusMessage>{message}</statusMessage></{xml_root}>"
        )
        return status, "application/xml; charset=UTF-8", xml.encode()
    return (
        status,
        "application/json; charset=UTF-8",
        f'{{"statusCode":{code},"statusMessage":"{message}"}}'.encode(),
    )


def is_xml(body: bytes) -> bool:
    """Whether the first byte that is no space (or BOM) opens an element."""
    return _trimmed(body).startswith(b"<")


def _trimmed(body: bytes) -> bytes:
    return body.removeprefix(_BOM).lstrip(_SPACE)


def _incoming(fields: Mapping[str, object], notification_id: str, kind: str, country: str) -> IncomingSms:
    phone = _number(fields.get("senderAddress"))
    if phone is None:
        raise Unreadable("the SMS has no senderAddress")
    text, attachments = _octets(fields) if kind == "binary" else (_text(fields), ())
    return IncomingSms(
        notification_id=notification_id,
        phone=phone,
        line=_line(fields.get("recipientAddress"), fields.get("recipientAddressType"), country),
        text=text,
        flash=_is_true(fields.get("messageFlashSms")),
        attachments=attachments,
        kind=kind,
    )


def _text(fields: Mapping[str, object]) -> str:
    """The text; none at all is an empty SMS, which people do send."""
    content = fields.get("textMessageContent")
    if content is None:
        return ""
    if not isinstance(content, str):
        raise Unreadable("the textMessageContent of the SMS is no text")
    return wire.text(content)


def _octets(fields: Mapping[str, object]) -> tuple[str, tuple[Attachment, ...]]:
    """What can be read of the elements; those that cannot are attached as they came. Raises if that is all."""
    content = fields.get("binaryMessageContent")
    elements = content if isinstance(content, list) else [content]
    if all(element is None for element in elements):
        return "", ()
    parts: list[bytes] = []
    bad: list[Attachment] = []
    for number, element in enumerate(elements, start=1):
        try:
            parts.append(wire.octets(element))
        except Unreadable:
            bad.append(_as_it_came(number, element))
    if bad and not any(parts):
        raise Unreadable("the SMS holds something that is no base64")
    text, attachments = contents.read(parts, with_header=_is_true(fields.get("userDataHeaderPresent")))
    remark = f"[{len(bad)} of {len(elements)} parts unreadable, attached as received]" if bad else ""
    return "\n".join(filter(None, (text, remark))), (*attachments, *bad)


def _as_it_came(number: int, element: object) -> Attachment:
    written = element if isinstance(element, str) else json.dumps(element)
    return Attachment(
        name=f"element-{number}.txt",
        content_type="text/plain; charset=utf-8",
        data=written.encode("utf-8", "backslashreplace"),
    )


def _is_true(value: object) -> bool:
    """JSON's true and the spellings of xs:boolean; numbers of JSON arrive here as their digits."""
    return value is True or _trimmed_word(value) in ("true", "1")


def _trimmed_word(value: object) -> object:
    return value.strip(" \t\r\n") if isinstance(value, str) else value


def _report(fields: Mapping[str, object], notification_id: str) -> Report:
    """A report; one that names no message is unreadable: by a phone alone it could settle somebody else's."""
    word = fields.get("deliveryReportMessageStatus")
    state = REPORTS.get(word.strip()) if isinstance(word, str) else None
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
    """Our number that was written to, spelt as `line` in routes.toml is: else no row would ever match."""
    spelt = wire.words(value, 64).replace(" ", "")
    if kind == "international" and not spelt.startswith(("+", "0")):
        spelt = f"+{spelt}" if spelt else ""
    try:
        return normalize.line(spelt, country)
    except ValueError:
        return spelt.removeprefix("+") or None
