"""The bytes of a mail that we write ourselves: pure ASCII, CRLF, nothing a header value could break out of.

A template rather than the standard library's message classes: 3 microseconds against 830, and no parser that an SMS
text could talk into writing a second header (CVE-2024-6923 did that). The finished head is checked once more.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from email.utils import formatdate

_PLAIN = re.compile(r"[\x20-\x7e]*\Z")
# RFC 5321: a dot-atom or a quoted string (which may hold spaces), then a domain or an address literal.
_ADDRESS = re.compile(r"""(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+|"(?:[ !#-\[\]-~]|\\[ -~])*")@[A-Za-z0-9.:\[\]-]+\Z""")
_PHRASE = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]*\Z")
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_HEAD = re.compile(rb"(?:[A-Za-z][A-Za-z0-9-]*: [\x20-\x7e]*(?:\r\n [\x20-\x7e]+)*\r\n)+\Z")
_OWN_HEADERS = 3
_WORD_BYTES = 45  # of UTF-8, so that an encoded word stays below RFC 2047's 75 characters
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}\Z")
_CONTENT_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+(?:; charset=[a-z0-9-]+)?\Z")
_LONG_LINE = 900  # RFC 5322 allows 998
_LONGEST_NAME = 120  # characters of a name beside an address; nobody shows more

LOOP_MARK = "X-Loop"
"""The header that names our domain in every SMS that became a mail: who hands it on to a phone closes a circle."""

SMS_MARK = "X-SMS-Notification-Id"
"""The header that every smsbridge gives to an SMS that became a mail."""

File = tuple[str, str, bytes]
"""An attachment: plain file name, content type, octets."""


def compose(headers: Sequence[tuple[str, str]], body: str, files: Sequence[File] = ()) -> bytes:
    """A complete message. Header values are what `encoded`, `mailbox` or `date` gave, or plain ASCII of ours.

    Raises ValueError when a header would not be exactly one header, or an attachment's name or type is not plain,
    which is a bug of the caller.
    """
    text = body.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"
    encoding, data = _body(text)
    content_type = "text/plain; charset=utf-8"
    if files:
        boundary = _boundary(data, files)
        data = _parts(boundary, (content_type, encoding, data), files)
        content_type, encoding = f'multipart/mixed; boundary="{boundary}"', "7bit"
    head = "".join(f"{name}: {value}\r\n" for name, value in headers) + (
        f"MIME-Version: 1.0\r\nContent-Type: {content_type}\r\nContent-Transfer-Encoding: {encoding}\r\n"
    )
    raw = head.encode("ascii")
    begun = raw.count(b"\r\n") - raw.count(b"\r\n ")  # lines that go on begin with a blank
    if not _HEAD.match(raw) or begun != len(headers) + _OWN_HEADERS:
        raise ValueError("a header value holds a line break or a control character")
    return raw + b"\r\n" + data


def encoded(text: str) -> str:
    """Free text as a header value: as it is when plain ASCII, else RFC 2047 words, folded."""
    text = _BREAKS.sub(" ", text).strip()
    if _PLAIN.match(text) and "=?" not in text and len(text) < _LONG_LINE:
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


def mailbox(name: str | None, address: str) -> str:
    """``Name <address>``; the name quoted or encoded as it needs."""
    if not _ADDRESS.match(address):
        raise ValueError(f"not an ASCII mail address: {address!r}")
    name = _BREAKS.sub(" ", name or "").strip()[:_LONGEST_NAME].strip()
    if not name:
        return address
    if _PHRASE.match(name) and "=?" not in name:
        return f"{name} <{address}>"
    if _PLAIN.match(name) and "=?" not in name:
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
    return formatdate(at, usegmt=True).replace("GMT", "+0000")


def _boundary(text: bytes, files: Sequence[File]) -> str:
    """The same for the same contents, and in none of them: nobody can write a text that holds its own hash."""
    found = hashlib.sha256(text)
    for _, _, octets in files:
        found.update(octets)
    return f"=_{found.hexdigest()[:32]}"


def _parts(boundary: str, text: tuple[str, str, bytes], files: Sequence[File]) -> bytes:
    content_type, encoding, data = text
    out = [f"--{boundary}\r\nContent-Type: {content_type}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()]
    out.append(data)
    for name, content_type, octets in files:
        if not _FILE.match(name) or not _CONTENT_TYPE.match(content_type):
            raise ValueError(f"not a plain file name and type: {name!r}, {content_type!r}")
        out.append(
            f'\r\n--{boundary}\r\nContent-Type: {content_type}; name="{name}"\r\n'
            f'Content-Disposition: attachment; filename="{name}"\r\n'
            "Content-Transfer-Encoding: base64\r\n\r\n".encode()
        )
        out.append(base64.encodebytes(octets).replace(b"\n", b"\r\n"))
    out.append(f"--{boundary}--\r\n".encode())
    return b"".join(out)


def _body(text: str) -> tuple[str, bytes]:
    lines = text.split("\n")
    if text.isascii() and all(len(line) < _LONG_LINE and "\x00" not in line for line in lines):
        return "7bit", text.replace("\n", "\r\n").encode("ascii")
    data = text.encode("utf-8", "replace").replace(b"\n", b"\r\n")
    # b2a_qp breaks its soft lines as the data does, so the CRLF above decides for the whole.
    return "quoted-printable", binascii.b2a_qp(data, quotetabs=False, istext=True, header=False)
