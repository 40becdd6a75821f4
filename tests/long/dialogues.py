"""SMTP as nobody should speak it: real dialogues, then damaged, out of a seeded generator.

Wrong talk is only interesting where it comes late: after a right EHLO, between a MAIL and a RCPT, in the line behind
AUTH. So every dialogue begins as a real one, and most of its lines stay whole.
"""

import random
import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.flows.rig import ADDRESS, ANNA, BERND, SILENT_ADDRESS
from tests.long.doors import DENIED_ADDRESS, GUEST_ADDRESS, PASSWORD, USER

LINE = re.compile(rb"[^\n]*\n|[^\n]+$")

_SENDERS = (
    *(f"<{address}>" for address in (ANNA, BERND, "mallory@example.com", "", "anna@[127.0.0.1]", "a@[IPv6:::1]")),
    *("<anna@example.org", "anna@example.org", " <anna@example.org>", '<"anna"@example.org>', "<jörg@example.org>"),
    *(
        "<@a,@b:anna@example.org>",
        "<=?utf-8?q?anna?=@example.org>",
        "<anna@example.org> trailing",
        "<anna@exämple.org>",
    ),
    *(f"<{'a' * 64}@example.org>", f"<{'a' * 65}@example.org>", f"<a@{'b.' * 130}org>", "<>>", "<<>>", "<anna@>"),
)
_RECIPIENTS = (
    *(f"<{to}>" for to in (ADDRESS, SILENT_ADDRESS, DENIED_ADDRESS, GUEST_ADDRESS, "postmaster", "Postmaster")),
    *(f"<{local}@sms.example.com>" for local in ("postmaster", "abuse", "nobody", "r+abc", "check+1", "bounce+x-1")),
    *(f"<{local}@sms.example.com>" for local in ("+436600000001", "00436600000002", "0660/0000003", '"0660 0000004"')),
    *(f"<{local}@sms.example.com>" for local in ("133", "0900123456", "+8821234567", "٠٦٦٠", "06600000001" * 8)),
    *("<anna@example.org>", "<a%b@sms.example.com>", "<a!b@sms.example.com>", '<"a@b"@sms.example.com>', "<>"),
    *("<phone@SMS.EXAMPLE.COM>", "<phone@sms.example.com.>", "<phone @sms.example.com>", "phone@sms.example.com"),
)
_MAIL_WORDS = (
    *("SIZE=500", "SIZE=999999999", "SIZE=-1", "SIZE=", "SIZE", "BODY=8BITMIME", "body=7bit", "BODY=BINARYMIME"),
    *("SMTPUTF8", "SMTPUTF8=1", "AUTH=<>", "AUTH=anna+40example.org", "RET=HDRS", "RET=ALL", "ENVID=Qq+2B1", "ENVID=+"),
    *("X=1", "=", "SIZE=1 SIZE=2", "HOLDFOR=9", "\u2028=1"),
)
_RCPT_WORDS = (
    *("NOTIFY=NEVER", "NOTIFY=SUCCESS,FAILURE", "NOTIFY=NEVER,DELAY", "NOTIFY=", "ORCPT=rfc822;a@example.org"),
    *("ORCPT=a", f"ORCPT=x;{'y' * 500}", "SIZE=1", "RRVS=1"),
)
_IDLE = ("NOOP", "RSET", "VRFY anna", "EXPN list", "HELP", "NOOP x y", "VRFY", "HELO again", "EHLO again.example.org")
_STRANGE = (
    *("", " ", "\t", "GET / HTTP/1.1", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2", "XCLIENT ADDR=127.0.0.1", "TURN", "."),
    *(
        "MAIL",
        "MAIL FROM:",
        "MAIL FROM <a@example.org>",
        "RCPT",
        "RCPT TO:",
        "DATA now",
        "QUIT",
        "STARTTLS",
        "STARTTLS x",
    ),
    *("AUTH", "AUTH PLAIN", "AUTH LOGIN", "AUTH CRAM-MD5", "AUTH PLAIN =", "auth plain *", "EHLO", "HELO", "ETRN x"),
    *("SEND FROM:<a@example.org>", "*", "=", "\x7f", "\u0000", "Ä", "HELP\vX", "MAIL\tFROM:<a@example.org>"),
)
_JUNK = (
    b"\0",
    b"\r",
    b"\xff",
    b"\xc3",
    b"\x80",
    b"<",
    b">",
    b'"',
    b"\\",
    b"=",
    b"@",
    b":",
    b" ",
    b"\t",
    b"\x1b[31m",
    b"\x85",
)

Damage = Callable[[random.Random, bytes], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Octets that are sent at once; `content` follows if the daemon then wants a mail."""

    octets: bytes
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """What one connection says. `early`: before it was greeted."""

    early: bool
    batches: Sequence[Batch]


def compose(chance: random.Random, mark: str, *, tls: bool) -> Dialogue:
    """A dialogue with some wrong lines; its mails hold `mark`."""
    lines = [line.encode() for line in _course(chance, tls=tls)]
    lines = _disorder(chance, lines)
    rate = chance.choice((0.0, 0.1, 0.25, 0.6))
    whole = [damaged(chance, line) if chance.random() < rate else line for line in lines]
    ended = [line + _end(chance) for line in whole]
    return Dialogue(early=chance.random() < 0.01, batches=_batches(chance, ended, mark))


def damaged(chance: random.Random, line: bytes) -> bytes:
    """The line with one or two faults."""
    for _ in range(chance.choice((1, 1, 2))):
        line = chance.choice(_DAMAGES)(chance, line)
    return line


def course_of_content(chance: random.Random, mark: str) -> bytes:
    """A small mail with its end; sometimes one that must not be taken, or has no end."""
    content = f"From: <{ANNA}>\r\nMessage-ID: <{mark}@example.org>\r\nDate: now\r\n\r\ndialogue {mark}\r\n".encode()
    form = chance.random()
    if form < 0.1:
        content = damaged(chance, content)
    elif form < 0.13:
        content = content.replace(b"\r\n", b"\n")
    elif form < 0.16:
        content += b"x" * chance.choice((16_384, 16_385, 70_000)) + b"\r\n"
    elif form < 0.19:
        return content[: chance.randrange(len(content))]
    return content + b".\r\n"


def _course(chance: random.Random, *, tls: bool) -> list[str]:
    lines = [chance.choice(("EHLO", "EHLO", "EHLO", "HELO", "ehlo")) + " client.example.org"]
    if not tls and chance.random() < 0.04:
        lines += ["STARTTLS", "EHLO client.example.org"]
    if chance.random() < (0.5 if tls else 0.02):
        lines += _login(chance)
    for _ in range(chance.choice((1, 1, 2, 3))):
        lines += chance.choices(_IDLE, k=chance.choice((0, 0, 1, 3)))
        sender = f"<{ANNA}>" if chance.random() < 0.7 else chance.choice(_SENDERS)
        words = chance.sample(_MAIL_WORDS, k=chance.choice((0, 0, 0, 1, 3)))
        lines.append(" ".join((f"MAIL FROM:{sender}", *words)))
        for _ in range(chance.choice((1, 1, 2, 4))):
            to = f"<{ADDRESS}>" if chance.random() < 0.5 else chance.choice(_RECIPIENTS)
            words = chance.sample(_RCPT_WORDS, k=chance.choice((0, 0, 0, 1)))
            lines.append(" ".join((f"RCPT TO:{to}", *words)))
        lines.append("DATA")
    if chance.random() < 0.01:
        lines += chance.choice((chance.choices(_IDLE, k=120), chance.choices(_STRANGE, k=25)))
    return lines


def _login(chance: random.Random) -> list[str]:
    name = USER if chance.random() < 0.9 else chance.choice(("root", "", "a" * 3000, "\u0000", "pänel"))
    password = PASSWORD if chance.random() < 0.7 else chance.choice(("", "guess", "x" * 9000, "\ud7ff"))
    if chance.random() < 0.5:
        token = b64encode(f"\0{name}\0{password}".encode()).decode()
        return chance.choice(([f"AUTH PLAIN {token}"], ["AUTH PLAIN", token], [f"auth plain {token}="]))
    first, second = (b64encode(word.encode()).decode() for word in (name, password))
    return chance.choice((["AUTH LOGIN", first, second], [f"AUTH LOGIN {first}", second], ["AUTH LOGIN", first, "*"]))


def _disorder(chance: random.Random, lines: list[bytes]) -> list[bytes]:
    for _ in range(chance.choice((0, 0, 1, 2))):
        at = chance.randrange(len(lines))
        kind = chance.randrange(4)
        if kind == 0 and len(lines) > 1:
            del lines[at]
        elif kind == 1:
            lines.insert(at, lines[at])
        elif kind == 2:
            other = chance.randrange(len(lines))
            lines[at], lines[other] = lines[other], lines[at]
        else:
            lines.insert(at, chance.choice(_STRANGE).encode())
    return lines


def _batches(chance: random.Random, lines: list[bytes], mark: str) -> list[Batch]:
    batches, waiting = [], b""
    size = chance.choice((1, 1, 4, 100))  # lines sent at once
    for number, line in enumerate(lines):
        waiting += line
        last = number == len(lines) - 1
        if last or waiting.count(b"\n") >= size or (line.upper().startswith(b"DATA") and chance.random() < 0.97):
            batches.append(Batch(octets=waiting, content=course_of_content(chance, f"{mark}.{number}")))
            waiting = b""
    return batches


def _end(chance: random.Random) -> bytes:
    return chance.choices((b"\r\n", b"\n", b" \r\n", b"\r\r\n", b"\0\r\n"), (100, 2, 1, 1, 1))[0]


# One fault each.


def _octet(chance: random.Random, line: bytes) -> bytes:
    at = chance.randrange(len(line) + 1)
    return line[:at] + bytes([chance.randrange(256)]) + line[at + chance.randrange(2) :]


def _junk(chance: random.Random, line: bytes) -> bytes:
    at = chance.randrange(len(line) + 1)
    return line[:at] + chance.choice(_JUNK) * chance.choice((1, 1, 3, 40)) + line[at:]


def _cut(chance: random.Random, line: bytes) -> bytes:
    at = chance.randrange(len(line) + 1)
    return line[:at] + line[at + chance.choice((1, 3, 1000)) :]


def _long(chance: random.Random, line: bytes) -> bytes:
    at = chance.randrange(len(line) + 1)
    return (
        line[:at]
        + chance.choice((b"a", b" ", b"<", "ü".encode())) * chance.choice((450, 1300, 5000, 13_000))
        + line[at:]
    )


def _words(chance: random.Random, line: bytes) -> bytes:
    words = re.split(rb"([ :<>@=])", line)
    at, kind = chance.randrange(len(words)), chance.randrange(3)
    if kind == 0:
        words.insert(at, words[at])
    elif kind == 1:
        del words[at]
    else:
        chance.shuffle(words)
    return b"".join(words)


def _case(chance: random.Random, line: bytes) -> bytes:
    return chance.choice((line.lower, line.upper, line.swapcase))()


def _two(chance: random.Random, line: bytes) -> bytes:
    return line + chance.choice((b"\r\n", b"\n")) + line


def _noise(chance: random.Random, _line: bytes) -> bytes:
    return chance.randbytes(chance.choice((1, 5, 50, 600)))


_DAMAGES: Sequence[Damage] = (_octet, _octet, _junk, _junk, _cut, _long, _words, _words, _case, _two, _noise)
