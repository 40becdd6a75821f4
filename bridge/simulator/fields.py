"""A send request read the way the provider reads it: generously, but noting each liberty taken.

Old clients send numbers as text, empty strings for "unset" and fields nobody knows; the provider bears all
that, so the simulator does too. Each such liberty is written down by field name, and ``strict`` refuses on
it.
"""

import json
from dataclasses import dataclass, field
from typing import Any, NoReturn
from xml.etree import ElementTree

BOOLEANS = frozenset({"sendAsFlashSms", "test", "userDataHeaderPresent"})
INTEGERS = frozenset({"priority", "validityPeriode", "maxSmsPerMessage"})
_SHARED = frozenset({
    "recipientAddressList", "messageContent", "senderAddress", "senderAddressType", "clientMessageId",
    "contentCategory", "notificationCallbackUrl", "priority", "sendAsFlashSms", "test", "validityPeriode",
})  # fmt: skip
KNOWN = {
    "text": _SHARED | {"maxSmsPerMessage", "messageType"},
    "binary": _SHARED | {"userDataHeaderPresent"},
}
_KEEP_EMPTY = frozenset({"messageContent", "recipientAddressList"})  # empty is their mistake, not "unset"


class Unparseable(Exception):
    """The body is not in the format it claims: HTTP 400."""


@dataclass(slots=True, kw_only=True)
class Submission:
    """One request. `fields` holds what was set, in its proper type where it could be read as one."""

    kind: str  # "text" or "binary"
    is_object: bool
    fields: dict[str, Any] = field(default_factory=dict)
    liberties: list[str] = field(default_factory=list)  # sentences naming the field

    @property
    def client_message_id(self) -> str | None:
        """What every answer echoes: the value if it was a string."""
        value = self.fields.get("clientMessageId")
        return value if isinstance(value, str) else None

    @property
    def recipients(self) -> list[str]:
        """Digits, without the leading ``+``; only after the checks passed."""
        return [entry.removeprefix("+") for entry in self.fields["recipientAddressList"]]

    @property
    def test(self) -> bool:
        """Simulate only."""
        return self.fields.get("test") is True


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decoder = json.JSONDecoder(parse_constant=_no_constant)


def read_json(body: bytes) -> object:
    """The JSON value of a body in UTF-8, or `Unparseable`."""
    try:
        return _decoder.decode(body.decode())
    except (ValueError, RecursionError) as error:
        raise Unparseable(str(error)) from error


def submission(kind: str, value: object) -> Submission:
    """Read a parsed body leniently; see `Submission`."""
    if not isinstance(value, dict):
        return Submission(kind=kind, is_object=False)
    fields: dict[str, Any] = {}
    liberties: list[str] = []
    known = KNOWN[kind]
    for name, given in value.items():
        if name not in known:
            liberties.append(f'field "{name}" is unknown')
            continue
        if given is None:
            liberties.append(f'field "{name}" is null')
            continue
        if given == "" and name not in _KEEP_EMPTY:
            liberties.append(f'field "{name}" is empty')
            continue
        read = _read_field(name, given, liberties)
        if read is not None:
            fields[name] = read
    return Submission(kind=kind, is_object=True, fields=fields, liberties=liberties)


def _read_field(name: str, given: object, liberties: list[str]) -> object:
    """One field in its proper type; left as it is where it cannot be read; None for unset."""
    if name in BOOLEANS and isinstance(given, str) and given.lower() in {"true", "false"}:
        liberties.append(f'field "{name}" is a boolean written as text')
        return given.lower() == "true"
    if name in INTEGERS and isinstance(given, str) and _is_integer(given):
        liberties.append(f'field "{name}" is a number written as text')
        given = int(given)
    if name == "priority" and given == 0 and not isinstance(given, bool):
        liberties.append('field "priority" is 0')
        return None
    if name == "recipientAddressList" and isinstance(given, list):
        return _read_recipients(given, liberties)
    return given


def _is_integer(text: str) -> bool:
    return text.isascii() and text.removeprefix("-").isdecimal() and len(text) <= 18  # noqa: PLR2004 (64 bits)


def _read_recipients(given: list[object], liberties: list[str]) -> list[object]:
    read: list[object] = []
    for place, entry in enumerate(given):
        if isinstance(entry, int) and not isinstance(entry, bool):
            liberties.append(f'field "recipientAddressList": entry {place} is a number')
            read.append(str(entry))
            continue
        if isinstance(entry, str) and entry.startswith("+"):
            liberties.append(f'field "recipientAddressList": entry {place} has a plus sign')
        read.append(entry)
    return read


def from_pairs(pairs: list[tuple[str, str]]) -> dict[str, object]:
    """Parameters of ``simple`` as the JSON object they stand for: everything arrives as text there."""
    value: dict[str, object] = {}
    recipients: list[str] = []
    for name, text in pairs:
        if name == "recipientAddressList":
            recipients += [entry.strip() for entry in text.split(",") if entry.strip()]
        elif name in BOOLEANS and text.lower() in {"true", "false", "1", "0"}:
            value[name] = text.lower() in {"true", "1"}
        elif name in INTEGERS and _is_integer(text):
            value[name] = int(text)
        elif name != "access_token":
            value[name] = text
    if recipients:
        value["recipientAddressList"] = list(recipients)
    return value


def read_xml(kind: str, body: bytes) -> object:
    """``textSmsSendRequest`` or its binary twin as the JSON object it stands for, or `Unparseable`."""
    if b"<!" in body.replace(b"\0", b""):  # a DTD (in UTF-16 too), and with it entities: no honest client sends one
        raise Unparseable("document type declarations are not read")
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 (no DTD: see above)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise Unparseable(str(error)) from error
    if root.tag != f"{kind}SmsSendRequest":
        raise Unparseable(f"root element is not {kind}SmsSendRequest")
    value = from_pairs(
        [
            (e.tag, e.text or "")
            for e in root
            if e.tag != "recipientAddressList" and not (kind == "binary" and e.tag == "messageContent")
        ]
    )
    recipients = [e.text or "" for e in root.iter("recipientAddressList")]
    if recipients:
        value["recipientAddressList"] = recipients
    if kind == "binary":
        value["messageContent"] = [e.text or "" for e in root.iter("messageContent")]
    return value
