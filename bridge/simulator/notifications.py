"""A notification as the provider writes it, and how it reads what we answered.

JSON looks like Gson's (``<`` ``>`` ``&`` ``=`` ``'`` as escapes, other letters raw, absent fields left out),
XML like JAXB's. Delivery and retries are `outbox`'s.
"""

import base64
import json
from dataclasses import dataclass, field
from typing import Any, Literal
from xml.etree import ElementTree

from .answers import PROLOG, xml_text
from .checks import address_type
from .clock import vienna
from .messages import Message
from .settings import SimulatorSettings

OK = 2000

_GSON = {ord(c): f"\\u{ord(c):04x}" for c in "<>&='\u2028\u2029"}
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One POST of a notification and what came back."""

    at: float
    http: int | None = None
    answer: str = ""
    error: str = ""
    ok: bool = False


@dataclass(slots=True, kw_only=True)
class Notification:
    """One notification on its way; `fields` in the order of the wire."""

    id: str
    url: str
    fields: dict[str, Any]
    format: Literal["json", "xml"]
    created: float
    due: float
    expires: float
    state: Literal["pending", "confirmed", "expired"] = "pending"
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        """UTF-8."""
        return (_json if self.format == "json" else _xml)(self.fields).encode("utf-8", "replace")


def _json(fields: dict[str, Any]) -> str:
    return _encode(fields).translate(_GSON)


def _xml(fields: dict[str, Any]) -> str:
    inner = "".join(
        f"<{name}>{xml_text(_xml_value(value))}</{name}>"
        for name, values in fields.items()
        for value in (values if isinstance(values, list) else [values])
    )
    return f"{PROLOG}<notification>{inner}</notification>"


def _xml_value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def report_fields(
    settings: SimulatorSettings, message: Message, recipient: str, status: str, *, id_: str, now: float
) -> dict[str, Any]:
    """The fields of a delivery report; absent ones are left out."""
    transfer_id = message.transfer_id if not settings.report_orphan else message.transfer_id[::-1]
    handset, ours = recipient, message.sender
    if settings.report_swap:
        handset, ours = ours, handset
    fields = {
        "messageType": "deliveryReport",
        "notificationId": id_,
        "transferId": transfer_id,
        "senderAddress": handset,
    }
    if settings.report_recipient or settings.report_swap:
        fields["recipientAddress"] = ours
    fields |= {"deliveryReportMessageStatus": status, "sentOn": vienna(message.at)}
    if status == "delivered":
        fields["deliveredOn"] = vienna(now)
        fields["deliveredAs"] = "voice" if message.voice else "sms"
    if settings.report_client_id and message.client_message_id is not None:
        fields["clientMessageId"] = message.client_message_id
    return fields


def incoming_fields(
    settings: SimulatorSettings,
    *,
    id_: str,
    phone: str,
    line: str,
    text: str = "",
    binary: tuple[bytes, ...] = (),
    user_data_header: bool = False,
    flash: bool = False,
    message_type: str | None = None,
) -> dict[str, Any]:
    """The fields of an incoming message; `message_type` overrides the type its content suggests."""
    fields: dict[str, Any] = {
        "messageType": message_type or ("binary" if binary else "text"),
        "notificationId": id_,
    }
    if flash:
        fields["messageFlashSms"] = True
    fields |= {
        "senderAddress": phone.removeprefix("+"),
        "senderAddressType": "international",
        "recipientAddress": line.removeprefix("+"),
        "recipientAddressType": address_type(line.removeprefix("+")),
    }
    if not binary:
        return fields | {"textMessageContent": text}
    if user_data_header:
        fields["userDataHeaderPresent"] = True
    return fields | {"binaryMessageContent": [_base64(settings, element) for element in binary]}


def _base64(settings: SimulatorSettings, element: bytes) -> str:
    if settings.base64_standard:
        return base64.b64encode(element).decode().rstrip("=")
    return base64.urlsafe_b64encode(element).decode()


def confirmed(settings: SimulatorSettings, form: str, body: bytes) -> bool:
    """Whether the body of a 200 says statusCode 2000 in the notification's own format."""
    try:
        if form == "xml":
            return _confirmed_xml(settings, body)
        answer = json.loads(body)
    except (ValueError, RecursionError, ElementTree.ParseError):
        return False
    code = answer.get("statusCode") if isinstance(answer, dict) else None
    return (isinstance(code, int) and code == OK) or (isinstance(code, str) and code.strip() == str(OK))


def _confirmed_xml(settings: SimulatorSettings, body: bytes) -> bool:
    if b"<!" in body:
        return False
    root = ElementTree.fromstring(body)  # noqa: S314 (no DTD: see above)
    if settings.xml_root is not None and root.tag != settings.xml_root:
        return False
    code = root.get("statusCode") or root.findtext("statusCode") or ""
    return code.strip() == str(OK)
