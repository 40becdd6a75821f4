"""The login exchange: AUTH PLAIN (RFC 4616), LOGIN (draft-murchison-sasl-login) and EXTERNAL (RFC 4422, appendix A),
with and without initial response.

What the client sends here is never logged, kept or repeated, not even when it is nonsense: it may be a password typed
a line too early.
"""

import binascii
from base64 import b64decode
from collections.abc import Awaitable, Callable

from bridge.smtpd import replies
from bridge.smtpd.contract import Reply

MECHANISMS = ("PLAIN", "LOGIN")  # those with a password
EXTERNAL = "EXTERNAL"  # the client's certificate says who it is

_EMPTY_CHALLENGE = b"334 \r\n"
_USERNAME = b"334 VXNlcm5hbWU6\r\n"  # "Username:"
_PASSWORD = b"334 UGFzc3dvcmQ6\r\n"  # "Password:"

Ask = Callable[[bytes], Awaitable[bytes | None]]
"""Sends a challenge line and gives the client's next line; None: that line was too long."""


class NoLogin(Exception):
    """The exchange gave no name and password; carries the reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.reply = reply


async def read_login(mechanism: str, initial: str | None, ask: Ask) -> tuple[bytes, bytes]:
    """Name and password by `mechanism`. `initial` is the base64 in the AUTH line, if any. Raises `NoLogin`."""
    first = initial.encode("ascii", "replace") if initial is not None else None
    if mechanism == "PLAIN":
        return split_plain(decode(first if first is not None else await ask(_EMPTY_CHALLENGE)))
    name = decode(first if first is not None else await ask(_USERNAME))
    return name, decode(await ask(_PASSWORD))


async def read_external(initial: str | None, ask: Ask, user: str) -> None:
    """The client names the `user` of its certificate, or nobody. To act for somebody else raises `NoLogin`."""
    identity = decode(initial.encode("ascii", "replace") if initial is not None else await ask(_EMPTY_CHALLENGE))
    if identity and identity.lower() != user.lower().encode():
        raise NoLogin(replies.WRONG_LOGIN)


def decode(line: bytes | None) -> bytes:
    """One base64 line; "=" is the empty response of RFC 4954. Raises `NoLogin`."""
    if line is None:
        raise NoLogin(replies.AUTH_LINE_TOO_LONG)
    if line == b"*":
        raise NoLogin(replies.AUTH_ABORTED)
    if line == b"=":
        return b""
    try:
        return b64decode(line, validate=True)
    except binascii.Error:
        raise NoLogin(replies.BAD_BASE64) from None


def split_plain(message: bytes) -> tuple[bytes, bytes]:
    """Name and password of a PLAIN message. To act for somebody else is not offered. Raises `NoLogin`."""
    parts = message.split(b"\0")
    if len(parts) != 3:  # noqa: PLR2004 - authorization identity, name, password
        raise NoLogin(replies.BAD_BASE64)
    identity, name, password = parts
    if identity not in (b"", name):
        raise NoLogin(replies.WRONG_LOGIN)
    return name, password
