"""Message-IDs that survive the loss of every database, answer tokens, and who a phone is talking to. Pure.

All mails of one phone and mailbox hang below one root id that no mail carries: every mail program builds the thread
from References, and a root nobody has seen is what RFC 5256 calls a dummy.
"""

import base64
import hashlib
import hmac
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass

TOKEN_FOR = 90 * 86400.0
"""Seconds an answer token is good for."""

_VERSION = 1
_PACKED = struct.Struct(">BQQI")  # version, phone, line, hour of expiry
_MAC_BYTES = 14  # 21 + 14 bytes are 56 base32 characters: with "r+" inside the 64 of RFC 5321
_HOUR = 3600
_NUMBER = re.compile(r"[1-9][0-9]{0,18}\Z", re.ASCII)  # a leading zero would be lost in the packing


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a valid token allows: to write to this phone over this line."""

    phone: str
    line: str | None


def root_id(phone: str, mailbox: str, hostname: str) -> str:
    """The root of the thread of one phone and one mailbox."""
    return f"<thread.{_digest(phone, mailbox)}@{hostname}>"


def message_id(notification_id: str, mailbox: str, hostname: str) -> str:
    """The Message-ID of the mail that one notification becomes for one mailbox."""
    return f"<sms.{_digest(notification_id, mailbox)}@{hostname}>"


def token(key: bytes, answer: Answer, mailbox: str, now: float) -> str:
    """A token that lets `mailbox` answer; lower-case base32, safe in a local part whatever its case becomes.

    Raises ValueError when the phone or the line is no international number of at most 19 digits.
    """
    if not _NUMBER.match(answer.phone) or (answer.line and not _NUMBER.match(answer.line)):
        raise ValueError("a token holds international numbers only")
    line = int(answer.line) if answer.line else 0
    packed = _PACKED.pack(_VERSION, int(answer.phone), line, int((now + TOKEN_FOR) // _HOUR))
    sealed = packed + _mac(key, packed, mailbox)
    return base64.b32encode(sealed).decode().rstrip("=").lower()


def read_token(keys: Sequence[bytes], text: str, mailbox: str, now: float) -> Answer | None:
    """What a token allows `mailbox`; None when it is forged, expired or was issued to somebody else."""
    try:
        sealed = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
        version, phone, line, hour = _PACKED.unpack(sealed[: _PACKED.size])
    except (ValueError, struct.error):
        return None
    packed, mac = sealed[: _PACKED.size], sealed[_PACKED.size :]
    genuine = any(hmac.compare_digest(mac, _mac(key, packed, mailbox)) for key in keys)
    if not genuine or version != _VERSION or hour * _HOUR < now:
        return None
    return Answer(phone=str(phone), line=str(line) if line else None)


def _mac(key: bytes, packed: bytes, mailbox: str) -> bytes:
    return hmac.digest(key, b"answer\x00" + packed + mailbox.encode(), "sha256")[:_MAC_BYTES]


def _digest(*parts: str) -> str:
    seed = "\x00".join(parts).encode("utf-8", "surrogatepass")
    return base64.b32encode(hashlib.sha256(seed).digest()[:15]).decode().lower()
