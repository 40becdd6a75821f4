"""A strict reader of delivery status notifications: raises AssertionError for whatever RFC 3464 or 6522 does not allow.

Written from the RFCs, on octets, and knowing nothing of the bridge or of the standard library's parser.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
FIELD = re.compile(r"([!-9;-~]+): ?(.*)", re.DOTALL)
HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*")
ADDRESS = re.compile(rf'(?:{ATOM}(?:\.{ATOM})*|"(?:[ !#-\[\]-~]|\\[ -~])*")@{HOST.pattern}')
WIDE = re.compile(r"[!-*,-<>-\[\]-~]*(?:\\x\{[0-9A-F]{2,6}\}[!-*,-<>-\[\]-~]*)+")  # RFC 6533 utf-8-addr-xtext
STATUS = re.compile(r"[245]\.(?:0|[1-9][0-9]{0,2})\.(?:0|[1-9][0-9]{0,2})")
DATE = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?[0-3]?[0-9] (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4} "
    r"[0-2][0-9]:[0-5][0-9](?::[0-6][0-9])? [+-][0-9]{4}"
)
CLASSES = {"failed": "45", "delayed": "4", "delivered": "2", "relayed": "2", "expanded": "2"}
OF_MAIL = {
    "original-envelope-id": 0,
    "reporting-mta": 1,
    "dsn-gateway": 0,
    "received-from-mta": 0,
    "arrival-date": 0,
}
OF_RECIPIENT = {
    "original-recipient": 0,
    "final-recipient": 1,
    "action": 1,
    "status": 1,
    "remote-mta": 0,
    "diagnostic-code": 0,
    "last-attempt-date": 0,
    "final-log-id": 0,
    "will-retry-until": 0,
}
"""Every field there is, and how often it must be there; none may be there twice."""

ADDRESS_TYPES = {"rfc822", "utf-8"}  # registered; "tel" is not
RETURNED = {"message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What was read. Fields by their names in lower case, unfolded."""

    head: dict[str, str]
    mail: dict[str, str]
    recipients: list[dict[str, str]]
    returned: tuple[str, bytes] | None  # content type and content as it stands


def read(octets: bytes) -> Notification:
    """One notification (CRLF), if it is one."""
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\x00", octets), "bare CR, bare LF or NUL"
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    header, body = _split(octets)
    head = _unique(_fields(header))
    for name in ("from", "to", "subject", "date", "message-id", "mime-version", "auto-submitted"):
        assert name in head, name
    assert head["mime-version"] == "1.0"
    assert head["auto-submitted"].startswith("auto-")
    kind, parameters = _content_type(head["content-type"])
    assert kind == "multipart/report"
    assert parameters["report-type"] == "delivery-status"
    wide = head["content-transfer-encoding"] == "8bit"
    assert wide or octets.isascii(), "7bit"
    parts = [_part(part) for part in _parts(body, parameters["boundary"].encode())]
    assert 2 <= len(parts) <= 3
    assert parts[0][0] == "text/plain"
    assert parts[1][0] in {"message/delivery-status", "message/global-delivery-status"}
    groups = parts[1][1].decode().removesuffix("\r\n").split("\r\n\r\n")
    assert len(groups) >= 2, "a block for the mail and one for each recipient"
    blocks = [_unique(_fields(group.encode() + b"\r\n")) for group in groups]
    is_wide = "global" in parts[1][0]
    _check_mail(blocks[0])
    for block in blocks[1:]:
        _check_recipient(block, wide=is_wide)
    if parts[2:]:
        assert parts[2][0] in RETURNED
    return Notification(head=head, mail=blocks[0], recipients=blocks[1:], returned=parts[2] if parts[2:] else None)


def _split(octets: bytes) -> tuple[bytes, bytes]:
    header, blank, body = octets.partition(b"\r\n\r\n")
    assert blank, "no empty line after the header"
    return header + b"\r\n", body


def _fields(block: bytes) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for line in block.decode().removesuffix("\r\n").split("\r\n"):
        assert line.strip(), "an empty line inside a block"
        assert line == line.rstrip(), "blanks at the end of a line"
        if line[0] in " \t":
            name, value = found.pop()
            found.append((name, value + line))
            continue
        match = FIELD.fullmatch(line)
        assert match is not None, line
        found.append((match[1].lower(), match[2]))
    return found


def _unique(found: list[tuple[str, str]]) -> dict[str, str]:
    assert len(dict(found)) == len(found), f"a field twice: {found}"
    return dict(found)


def _content_type(value: str) -> tuple[str, dict[str, str]]:
    kind, *rest = (one.strip() for one in value.split(";"))
    return kind.lower(), {name.lower(): text.strip('"') for name, _, text in (one.partition("=") for one in rest)}


def _parts(body: bytes, boundary: bytes) -> list[bytes]:
    preamble, *parts, end = (b"\r\n" + body).split(b"\r\n--" + boundary)
    assert not preamble.strip()
    assert end == b"--\r\n"
    assert all(part.startswith(b"\r\n") for part in parts)
    return [part[2:] + b"\r\n" for part in parts]


def _part(octets: bytes) -> tuple[str, bytes]:
    header, body = _split(octets)
    head = _unique(_fields(header))
    kind, _ = _content_type(head["content-type"])
    encoding = head.get("content-transfer-encoding", "7bit")
    assert encoding in {"7bit", "8bit", "quoted-printable"}
    assert encoding == "8bit" or body.isascii()
    if kind == "message/delivery-status":
        assert encoding == "7bit"
    if kind == "message/rfc822":
        assert encoding in {"7bit", "8bit"}
    assert body.endswith(b"\r\n\r\n"), "the boundary's line end is not the part's"
    return kind, body.removesuffix(b"\r\n")


def _known(block: dict[str, str], names: dict[str, int]) -> None:
    assert set(block) <= set(names), set(block) - set(names)
    assert {name for name, least in names.items() if least} <= set(block)


def _typed(value: str) -> tuple[str, str]:
    kind, mark, text = value.partition(";")
    assert mark, value
    assert re.fullmatch(ATOM, kind), value
    assert text.strip(), value
    return kind.lower(), text.strip()


def _date(value: str) -> datetime:
    assert DATE.fullmatch(value), value
    return parsedate_to_datetime(value)


def _check_mail(block: dict[str, str]) -> None:
    _known(block, OF_MAIL)
    for name in ("reporting-mta", "dsn-gateway", "received-from-mta"):
        if name in block:
            kind, host = _typed(block[name])
            assert kind != "dns" or HOST.fullmatch(host), host
    if "original-envelope-id" in block:
        assert re.fullmatch(r"[ -~]+", block["original-envelope-id"])
    if "arrival-date" in block:
        _date(block["arrival-date"])


def _check_recipient(block: dict[str, str], *, wide: bool) -> None:
    _known(block, OF_RECIPIENT)
    for name in ("original-recipient", "final-recipient"):
        if name in block:
            kind, address = _typed(block[name])
            if name == "final-recipient":
                assert kind in ADDRESS_TYPES, kind
            if kind == "rfc822" and name == "final-recipient":
                assert ADDRESS.fullmatch(address), address
            if kind == "utf-8" and not wide and name == "final-recipient":
                assert WIDE.fullmatch(address), address
            assert wide or address.isascii()
    action = block["action"].lower()
    assert action in CLASSES
    assert STATUS.fullmatch(block["status"]), block["status"]
    assert block["status"][0] in CLASSES[action], (action, block["status"])
    if "diagnostic-code" in block:
        _typed(block["diagnostic-code"])
    if "remote-mta" in block:
        _typed(block["remote-mta"])
    if "last-attempt-date" in block:
        _date(block["last-attempt-date"])
    if "will-retry-until" in block:
        _date(block["will-retry-until"])
        assert action == "delayed", "only who tries again can say until when"
