"""What the provider port says, in its three forms: JSON, XML and the text of ``simple``."""

import json
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote
from xml.sax.saxutils import escape

from .settings import SimulatorSettings

Form = Literal["json", "xml", "simple"]

CONTENT_TYPES: dict[Form, str] = {
    "json": "application/json;charset=UTF-8",
    "xml": "application/xml;charset=UTF-8",
    "simple": "text/plain",
}
PROLOG = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The five fields of a send response; a refusal has neither transferId nor SMS."""

    code: int
    message: str
    client_message_id: str | None = None
    transfer_id: str | None = None
    sms_count: int = 0


def choose_form(settings: SimulatorSettings, prefix: str, simple: bool, accept: str | None) -> Form | None:
    """The form of the answer by path and Accept header; None is a 406."""
    wanted = {part.partition(";")[0].strip().lower() for part in (accept or "*/*").split(",")}
    if simple:
        return "simple" if wanted & {"*/*", "text/*", "text/plain", ""} else None
    if prefix != "rest":
        return "xml" if prefix == "xml" else "json"
    if "application/json" in wanted:
        return "json"
    if "application/xml" in wanted:
        return "xml"
    return settings.wildcard_format if wanted & {"*/*", ""} else None


def render(answer: Answer, form: Form) -> bytes:
    """The body, UTF-8 (a lone surrogate in an echo becomes a question mark)."""
    return _RENDERERS[form](answer).encode("utf-8", "replace")


def _json(answer: Answer) -> str:
    return _encode(
        {
            "statusCode": answer.code,
            "statusMessage": answer.message,
            "clientMessageId": answer.client_message_id,
            "transferId": answer.transfer_id,
            "smsCount": answer.sms_count,
        }
    )


def _xml(answer: Answer) -> str:
    fields = [("statusMessage", answer.message), ("statusCode", str(answer.code))]
    fields += [("clientMessageId", answer.client_message_id or ""), ("transferId", answer.transfer_id or "")]
    fields.append(("smsCount", str(answer.sms_count)))
    inner = "".join(f"<{name}>{xml_text(value)}</{name}>" for name, value in fields if value)
    return f"{PROLOG}<smsSendResponse>{inner}</smsSendResponse>"


def _simple(answer: Answer) -> str:
    pairs = [("statusCode", str(answer.code)), ("statusMessage", answer.message)]
    pairs += [("transferId", answer.transfer_id or ""), ("clientMessageId", answer.client_message_id or "")]
    return "&".join(f"{name}={quote(value, safe='', errors='replace')}" for name, value in pairs if value)


_RENDERERS = {"json": _json, "xml": _xml, "simple": _simple}


def xml_text(text: str) -> str:
    """`text` as element content the way JAXB writes it; what XML 1.0 cannot hold becomes U+FFFD."""
    legal = "".join(c if (c >= " " and c not in "\ufffe\uffff") or c in "\t\n\r" else "\ufffd" for c in text)
    return escape(legal, {'"': "&quot;", "\r": "&#13;"})
