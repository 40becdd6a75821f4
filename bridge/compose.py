"""The bytes of a mail that we write ourselves: pure ASCII, CRLF, nothing a header value could break out of.

A template rather than the standard library's message classes: 3 microseconds against 830, and no parser that an SMS
text could talk into writing a second header (CVE-2024-6923 did that). The finished head is checked once more.
"""

import base64
import binascii
import hashlib
import html as markup
import re
from collections.abc import Sequence
from email.utils import formatdate
from functools import lru_cache

# RFC 5321: a dot-atom or a quoted string (which may hold spaces), then a domain or an address literal.
_ADDRESS = re.compile(r"""(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+|"(?:[ !#-\[\]-~]|\\[ -~])*")@[A-Za-z0-9.:\[\]-]+\Z""")
_PHRASE = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]*\Z")
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_PRINTABLE = bytes(range(0x20, 0x7F))
_OWN_HEADERS = 3
_WORD_BYTES = 45  # of UTF-8, so that an encoded word stays below RFC 2047's 75 characters
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}\Z")
_CONTENT_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+(?:; charset=[a-z0-9-]+)?\Z")
# What may stand in no part: RFC 5322 2.1.1, RFC 2045 2.7.
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n|\x00|(?:\A|[\r\n])[^\r\n]{999}")
_UNSHOWN = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f]")  # characters that HTML may not hold
_LONG_LINE = 900  # RFC 5322 allows 998
_LONGEST_NAME = 120  # characters of a name beside an address; nobody shows more

LOOP_MARK = "X-Loop"
"""The header that names our domain in every SMS that became a mail: who hands it on to a phone closes a circle."""

SMS_MARK = "X-SMS-Notification-Id"
"""The header that every smsbridge gives to an SMS that became a mail."""

File = tuple[str, str, bytes]
"""An attachment: plain file name, content type, octets."""

Part = tuple[str, str, bytes]
"""Content type, transfer encoding, and the octets in it."""


def compose(headers: Sequence[tuple[str, str]], body: str, files: Sequence[File] = (), *, html: bool = False) -> bytes:
    """A complete message. Header values are what `encoded`, `mailbox` or `date` gave, or plain ASCII of ours.

    With `html` the body stands there as HTML too, for programs that fold plain text or turn it the wrong way round.

    Raises ValueError when a header would not be exactly one header, or an attachment's name or type is not plain,
    which is a bug of the caller.
    """
    text = body.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"
    part = _text("plain", text)
    if html:
        part = _multipart("alternative", [part, _text("html", _html(text))])
    if files:
        part = _multipart("mixed", [part, *(_file(*file) for file in files)])
    return _whole(headers, part)


def compose_report(headers: Sequence[tuple[str, str]], body: str, language: str, parts: Sequence[Part]) -> bytes:
    """A delivery status notification (RFC 6522): `body` for people in `language`, then the parts for programs.

    Is 8-bit where a part is. Raises ValueError as `compose` does, and for a part that is not what it says or could end.
    """
    content_type, encoding, data = _text("plain", body.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n")
    for kind, part_encoding, octets in parts:
        fits = part_encoding == "8bit" or octets.isascii()
        if not fits or not octets.endswith(b"\r\n") or _BARE.search(octets) or not _CONTENT_TYPE.match(kind):
            raise ValueError(f"no part of a report: {kind}, {part_encoding}")
    told = (f"{content_type}\r\nContent-Language: {language}", encoding, data)
    kind, encoding, data = _multipart("report; report-type=delivery-status", [told, *parts])
    wide = any(part_encoding == "8bit" for _, part_encoding, _ in parts)
    return _whole(headers, (kind.replace("; boundary", ";\r\n boundary"), "8bit" if wide else encoding, data))


def _whole(headers: Sequence[tuple[str, str]], part: Part) -> bytes:
    content_type, encoding, data = part
    head = "".join([f"{name}: {value}\r\n" for name, value in headers]) + (
        f"MIME-Version: 1.0\r\nContent-Type: {content_type}\r\nContent-Transfer-Encoding: {encoding}\r\n"
    )
    raw = head.encode("ascii")
    if not _holds(raw, [name for name, _ in headers]):
        raise ValueError("a header value holds a line break or a control character")
    return raw + b"\r\n" + data


def _holds(head: bytes, names: Sequence[str]) -> bool:
    """Whether it is these headers, then ours, and no more: all is printable but one line end for each and before what
    goes on, which is never blank; and no name is two.
    """
    ends = b"\r\n" * (len(names) + _OWN_HEADERS)
    if head.translate(None, _PRINTABLE) != ends:
        whole = head.replace(b"\r\n ", b"")
        if whole.translate(None, _PRINTABLE) != ends or b"\r\n \r\n" in head:
            return False
    return not names or "".join(names).replace("-", "").isalnum()


def encoded(text: str) -> str:
    """Free text as a header value: as it is when plain ASCII, else RFC 2047 words, folded."""
    text = _one_line(text)
    if _is_plain(text) and "=?" not in text and len(text) < _LONG_LINE:
        return text
    words, chunk = [], b""
    for character in text:
        encoded_character = character.encode("utf-8", "replace")
        if len(chunk) + len(encoded_character) > _WORD_BYTES:
            words.append(chunk)
            chunk = b""
        chunk += encoded_character
    words.append(chunk)
    return "\r\n ".join(f"=?utf-8?B?{base64.b64encode(word).decode()}?=" for word in words)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _one_line(text: str) -> str:
    return (text if _is_plain(text) else _BREAKS.sub(" ", text)).strip()


def mailbox(name: str | None, address: str) -> str:
    """``Name <address>``; the name quoted or encoded as it needs."""
    if not _ADDRESS.match(address):
        raise ValueError(f"not an ASCII mail address: {address!r}")
    name = _one_line(name or "")[:_LONGEST_NAME].strip()
    if not name:
        return address
    if _PHRASE.match(name) and "=?" not in name:
        return f"{name} <{address}>"
    if _is_plain(name) and "=?" not in name:
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}" <{address}>'
    return f"{encoded(name)}\r\n <{address}>"


def recipient(address: str) -> str:
    """A To value. An address that ASCII cannot spell stands in the envelope alone: nothing that was committed may
    depend on how somebody's address looks.
    """
    return address if _ADDRESS.match(address) else "undisclosed-recipients:;"


def date(at: float) -> str:
    """A Date header value, UTC."""
    return _dated(int(at // 1))


@lru_cache(maxsize=8)  # mails of one second share it
def _dated(second: int) -> str:
    return formatdate(second, usegmt=True).replace("GMT", "+0000")


def quoted_printable(data: bytes) -> bytes:
    """Text (CRLF) as quoted-printable, whatever it holds."""
    # b2a_qp breaks its soft lines as the data does, so the CRLF in it decides for the whole.
    return binascii.b2a_qp(data, quotetabs=False, istext=True, header=False)


def _multipart(kind: str, parts: Sequence[Part]) -> Part:
    joined = b"".join(data for _, _, data in parts)
    # The same for the same contents, and in none of them: nobody can write a text that holds its own hash.
    boundary = f"=_{hashlib.sha256(kind.encode() + joined).hexdigest()[:32]}"
    out = []
    for content_type, encoding, data in parts:
        head = f"--{boundary}\r\nContent-Type: {content_type}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
        out += [head.encode("ascii"), data, b"\r\n"]  # which belongs to the boundary
    out.append(f"--{boundary}--\r\n".encode())
    return f'multipart/{kind}; boundary="{boundary}"', "7bit", b"".join(out)


def _file(name: str, content_type: str, octets: bytes) -> Part:
    if not _FILE.match(name) or not _CONTENT_TYPE.match(content_type):
        raise ValueError(f"not a plain file name and type: {name!r}, {content_type!r}")
    described = f'{content_type}; name="{name}"\r\nContent-Disposition: attachment; filename="{name}"'
    return described, "base64", base64.encodebytes(octets).replace(b"\n", b"\r\n")


def _text(kind: str, text: str) -> Part:
    content_type = f"text/{kind}; charset=utf-8"
    short = len(text) < _LONG_LINE or max(map(len, text.split("\n"))) < _LONG_LINE
    if short and text.isascii() and "\x00" not in text:
        return content_type, "7bit", text.replace("\n", "\r\n").encode("ascii")
    data = text.encode("utf-8", "replace").replace(b"\n", b"\r\n")
    return content_type, "quoted-printable", quoted_printable(data)


def _html(text: str) -> str:
    """A text and nothing else: each line in the direction of its first letter, no links, nothing to fetch."""
    lines = (markup.escape(_UNSHOWN.sub("\ufffd", line)) for line in text.rstrip("\n").split("\n"))
    shown = "\n".join(f'<div dir="auto" style="white-space: pre-wrap">{line or "<br>"}</div>' for line in lines)
    return (
        f'<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title></title></head>\n<body>\n{shown}\n</body></html>\n'
    )
