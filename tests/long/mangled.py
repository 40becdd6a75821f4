"""Mails as nobody should write them: the golden ones, damaged out of a seeded generator.

Damage of the structure (headers, types, boundaries, encodings, nesting) finds more than flipped octets do, because the
reader gets further before it meets it. So most damages know what a mail looks like.
"""

import random
import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

_GOLDEN = Path(__file__).parents[1] / "golden" / "mail"

_CHARSETS = (
    *("utf-8", "iso-8859-1", "windows-1252", "us-ascii", "koi8-r", "shift_jis", "iso-2022-jp", "gb18030", "utf-7"),
    *("utf-16", "utf-32le", "zip", "bz2", "hex", "rot13", "base64", "idna", "punycode", "undefined", "unicode_escape"),
    *("raw_unicode_escape", "mbcs", "", '"', "utf-8'en'", "x" * 300, "../../etc/passwd", "utf-8\x00", "ütf-8"),
)
_ENCODINGS = (
    "base64",
    "quoted-printable",
    "7bit",
    "8bit",
    "binary",
    "x-uuencode",
    "BASE64 ",
    "",
    "quoted-printable;x=1",
)
_TYPES = (
    *("text/plain", "text/html", "text/calendar", "image/png", "application/octet-stream", "message/rfc822"),
    *("multipart/mixed", "multipart/alternative", "multipart/signed", "multipart/encrypted", "multipart/report"),
    *(
        "application/pkcs7-mime",
        "application/ms-tnef",
        "message/partial",
        "message/external-body",
        "text/",
        "/",
        "text",
    ),
    *("message/delivery-status", "multipart/digest", "TEXT/PLAIN; format=flowed; delsp=yes", "text/plain; charset"),
)
_VALUES = (
    *(
        "",
        " ",
        "=?utf-8?q?=0ABcc:_x=40example.org?=",
        "=?utf-8?b?////?=",
        "=?utf-8?q?=?=",
        "=?x?y?z?=",
        "=?utf-8?q?" * 50,
    ),
    *(
        "(" * 3000,
        "(a)" * 2000,
        '"' * 99,
        "<" * 999,
        "\\" * 500,
        ", " * 800,
        "@" * 100,
        ":;" * 300,
        "a@b" * 500,
        "ü" * 300,
    ),
    *(
        "Thu, 99 Foo 99999 99:99:99 +9999",
        "0",
        "9" * 5000,
        "a\r\n b\r\n\tc",
        "\r\n " * 40 + "x",
        "\x00",
        "\x1b]0;x\x07",
    ),
    *("group: a@example.org, b@example.org;", "<>", "[127.0.0.1]", "\u202egnp.exe", "\ufeff", "x" * 8200, "-" * 70),
)
_NAMES = (
    *("From", "To", "Subject", "Date", "Message-ID", "Content-Type", "Content-Transfer-Encoding", "MIME-Version"),
    *("Content-Disposition", "Content-ID", "In-Reply-To", "References", "Auto-Submitted", "Precedence", "List-Id"),
    *("Received", "X-Loop", "Return-Path", "Reply-To", "Resent-From", "X-SMS-Notification-Id", "Bcc", "", "ä", "A B"),
)
_BODIES = (
    *(
        "<a " * 20_000,
        "<!--" * 15_000,
        "<div>" * 3000,
        "&#" * 9000,
        "<![CDATA[" * 3000,
        "<style>" * 5000,
        "</p>" * 9000,
    ),
    *("On " * 6000, "\r\n" * 16_000, "> " * 9000, ">" * 16_000, "Am schrieb:\r\n" * 1500, "-- \r\n" * 3000),
    *("-----Original Message-----\r\n" * 600, "From: a\r\n" * 3000, "_" * 9000, "a" * 16_000, "\U0001f600" * 4000),
    *("=\r\n" * 9000, "=" * 9000, "=C3" * 9000, "begin 644 x\r\n", "\x1b$B" * 4000, "\u0301" * 9000, "\u202e" * 999),
    *("", ".", "..\r\n.\r\n", "<html>" + "<table><tr><td>" * 900, "<script>" + "x" * 9000, "\x00", "\ud7ff\uffff" * 99),
)
_HEADER = re.compile(rb"^[!-9;-~]+[ \t]*:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*\r\n", re.MULTILINE)
_BOUNDARY = re.compile(rb'boundary="?([^"\r\n;]+)"?', re.IGNORECASE)

Damage = Callable[[random.Random, bytes], bytes]


def compose(chance: random.Random, mark: str) -> bytes:
    """One mail with CRLF line ends and without its final dot. `mark` makes it unlike all others."""
    mail = chance.choice(_golden())
    for _ in range(chance.choice((0, 1, 1, 2, 3, 6))):
        mail = chance.choice(_DAMAGES)(chance, mail)
    if chance.random() < 0.95:
        mail = re.sub(rb"(?im)^message-id:.*(?:\r\n[ \t].*)*\r\n", b"", mail)
        mail = f"Message-ID: <{mark}@example.org>\r\n".encode() + mail
    if chance.random() < 0.97:
        mail = re.sub(rb"\r\n|\r|\n", b"\r\n", mail)
    if chance.random() < 0.97:
        mail = mail.replace(b"\0", b"")
    return mail if mail.endswith(b"\r\n") else mail + b"\r\n"


@cache
def _golden() -> Sequence[bytes]:
    mails = sorted(_GOLDEN.glob("*.eml"))
    assert mails
    return [re.sub(rb"\r\n|\r|\n", b"\r\n", mail.read_bytes()) for mail in mails]


# Headers.


def _header(chance: random.Random, mail: bytes) -> Sequence[int] | None:
    """Where one of them lies, or None."""
    head = mail.partition(b"\r\n\r\n")[0] if chance.random() < 0.6 else mail
    found = [match.span() for match in _HEADER.finditer(head + b"\r\n")]
    return chance.choice(found) if found else None


def _change_header(chance: random.Random, mail: bytes) -> bytes:
    span = _header(chance, mail)
    if span is None:
        return mail
    start, end = span
    line, kind = mail[start:end], chance.randrange(6)
    if kind == 0:
        new = b""
    elif kind == 1:
        new = line * chance.choice((2, 2, 60, 700))
    elif kind == 2:
        new = line.partition(b":")[0] + b": " + chance.choice(_VALUES).encode() + b"\r\n"
    elif kind == 3:
        new = line.replace(b":", chance.choice((b"", b" :", b"::", b"\t: ")), 1)
    elif kind == 4:
        new = b" " + line
    else:
        new = chance.choice(_NAMES).encode() + b":" + line.partition(b":")[2]
    return mail[:start] + new + mail[end:]


def _new_header(chance: random.Random, mail: bytes) -> bytes:
    name, value = chance.choice(_NAMES), chance.choice((*_VALUES, *_CHARSETS, "auto-generated", "bulk", "yes"))
    return f"{name}: {value}\r\n".encode() + mail


def _type(chance: random.Random, mail: bytes) -> bytes:
    return _replaced(chance, mail, rb"(?i)content-type:\s*([^;\r\n]*)", chance.choice(_TYPES))


def _charset(chance: random.Random, mail: bytes) -> bytes:
    return _replaced(chance, mail, rb'(?i)charset="?([^";\r\n]*)', chance.choice(_CHARSETS))


def _encoding(chance: random.Random, mail: bytes) -> bytes:
    return _replaced(chance, mail, rb"(?i)content-transfer-encoding:\s*([^\r\n]*)", chance.choice(_ENCODINGS))


def _replaced(chance: random.Random, mail: bytes, pattern: bytes, by: str) -> bytes:
    found = [match.span(1) for match in re.finditer(pattern, mail)]
    if not found:
        return f"MIME-Version: 1.0\r\nContent-Type: {by}\r\n".encode() + mail
    start, end = chance.choice(found)
    return mail[:start] + by.encode() + mail[end:]


# Parts.


def _boundary(chance: random.Random, mail: bytes) -> bytes:
    match = _BOUNDARY.search(mail)
    if match is None:
        return _nest(chance, mail)
    name = match[1]
    kind = chance.randrange(6)
    if kind == 0:
        return mail.replace(name, b"", 1)
    if kind == 1:
        return mail.replace(b"--" + name, b"--" + name + b"x", chance.choice((1, 2, 99)))
    if kind == 2:
        return mail.replace(b"--" + name + b"--", b"")
    if kind == 3:
        return mail.replace(b"--" + name, (b"--" + name + b"\r\n") * chance.choice((2, 50, 400)), 1)
    if kind == 4:
        return mail.replace(name, chance.choice((b"a" * 300, b" ", b"=", b"()", b"--", "ü".encode())))
    return mail.replace(b"--" + name, b"--" + name + b"--", 1)


def _nest(chance: random.Random, mail: bytes) -> bytes:
    for level in range(chance.choice((1, 2, 5, 15, 21, 60))):
        if chance.random() < 0.7:
            name = chance.choice(("same", f"b{level}"))
            kind = chance.choice(("mixed", "alternative", "related", "signed"))
            head = f'MIME-Version: 1.0\r\nContent-Type: multipart/{kind}; boundary="{name}"\r\n\r\n--{name}\r\n'
            mail = head.encode() + mail + f"\r\n--{name}--\r\n".encode()
        else:
            mail = b"MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\n" + mail
    return mail


def _parts(chance: random.Random, mail: bytes) -> bytes:
    part = b"--p\r\nContent-Type: text/plain\r\n\r\n" + chance.choice((b"", b"x\r\n"))
    many = part * chance.choice((1, 50, 199, 201, 3000))
    return (
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=p\r\n\r\n"
        + many
        + b"--p\r\n"
        + mail
        + b"\r\n--p--\r\n"
    )


# Bodies and octets.


def _body(chance: random.Random, mail: bytes) -> bytes:
    head, _, body = mail.partition(b"\r\n\r\n")
    new = chance.choice(_BODIES).encode()
    if chance.random() < 0.3:
        new = b64encode(new)
    if chance.random() < 0.4:
        head = re.sub(rb"(?i)text/plain", b"text/html", head)
    return head + b"\r\n\r\n" + chance.choice((new, new + body, body + new))


def _large(chance: random.Random, mail: bytes) -> bytes:
    size = chance.choices((30_000, 300_000, 1_040_000, 1_060_000, 2_000_000), (8, 4, 1, 1, 1))[0]
    return mail + chance.choice((b"wort ", b"x" * 60 + b"\r\n", b"<b>\r\n", b"QUJD" * 18 + b"\r\n")) * (size // 60)


def _octets(chance: random.Random, mail: bytes) -> bytes:
    damaged = bytearray(mail)
    for _ in range(chance.choice((1, 5, 50))):
        at = chance.randrange(len(damaged))
        damaged[at : at + chance.randrange(2)] = bytes([chance.randrange(256)])
    return bytes(damaged)


def _cut(chance: random.Random, mail: bytes) -> bytes:
    start, end = sorted(chance.randrange(len(mail) + 1) for _ in range(2))
    return chance.choice((mail[:end], mail[start:], mail[:start] + mail[end:])) or b"\r\n"


def _splice(chance: random.Random, mail: bytes) -> bytes:
    other = chance.choice(_golden())
    return mail[: chance.randrange(len(mail) + 1)] + other[chance.randrange(len(other)) :]


def _without_blank(chance: random.Random, mail: bytes) -> bytes:
    return mail.replace(b"\r\n\r\n", chance.choice((b"\r\n", b"\r\n \r\n", b"\r\n\r\n\r\n")), chance.choice((1, 2, 99)))


_DAMAGES: Sequence[Damage] = (
    *(_change_header, _change_header, _change_header, _new_header, _type, _charset, _charset, _encoding),
    *(_boundary, _boundary, _nest, _parts, _body, _body, _large, _octets, _octets, _cut, _splice, _without_blank),
)
