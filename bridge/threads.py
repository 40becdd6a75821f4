"""Message-IDs that survive the loss of every database, answer tokens, and the seal on our envelope senders. Pure.

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
from functools import cache, lru_cache

from bridge.nouns import light

TOKEN_FOR = 90 * 86400.0
"""Seconds an answer token is good for."""

BOUNCE_FOR = 30 * 86400.0
"""Seconds in which a bounce of a relayed mail is believed; mail servers give up after five days."""

_VERSION = 1
_PACKED = struct.Struct(">BQQI")  # version, phone, line, hour of expiry
_MAC_BYTES = 14  # 21 + 14 bytes are 56 base32 characters: with "r+" inside the 64 of RFC 5321
_HOUR = 3600
_DAY = 86400
_LAST_DAY = struct.Struct(">H")
_SEAL_BYTES = 13  # with the day 24 base32 characters: with "bounce+" and an id of 32 inside the 64 of RFC 5321
_LETTERS = bytes.maketrans(bytes(range(32)), b"abcdefghijklmnopqrstuvwxyz234567")  # RFC 4648
_NUMBER = re.compile(r"[1-9][0-9]{0,18}\Z", re.ASCII)  # a leading zero would be lost in the packing


@light
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
    return _base32(packed + _mac(key, packed, mailbox))


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


def bounce_token(key: bytes, delivery_id: str, now: float) -> str:
    """What follows ``bounce+`` in the envelope sender of a relayed mail: its delivery and a seal nobody can make.

    Only who got that mail can name it, so a bounce that does is one, and all others need not be taken.
    """
    day = _LAST_DAY.pack(min(max(int((now + BOUNCE_FOR) // _DAY), 0), 0xFFFF))
    return f"{delivery_id}.{_base32(day + _seal(key, day, delivery_id))}"


def read_bounce_token(keys: Sequence[bytes], text: str, now: float) -> str | None:
    """The id of the delivery a bounce speaks of; None when it is forged or expired. Case does not matter."""
    delivery_id, _, sealed = text.rpartition(".")
    try:
        octets = base64.b32decode(sealed.upper() + "=" * (-len(sealed) % 8))
        (day,) = _LAST_DAY.unpack(octets[: _LAST_DAY.size])
    except (ValueError, struct.error):
        return None
    packed, seal = octets[: _LAST_DAY.size], octets[_LAST_DAY.size :]
    genuine = any(hmac.compare_digest(seal, _seal(key, packed, delivery_id)) for key in keys)
    return delivery_id if genuine and now < (day + 1) * _DAY else None


def _seal(key: bytes, packed: bytes, delivery_id: str) -> bytes:
    # Mail servers may change the case of a local part.
    message = b"bounce\x00" + packed + delivery_id.lower().encode("utf-8", "replace")
    return hmac.digest(key, message, "sha256")[:_SEAL_BYTES]


def _mac(key: bytes, packed: bytes, mailbox: str) -> bytes:
    return hmac.digest(key, b"answer\x00" + packed + mailbox.encode(), "sha256")[:_MAC_BYTES]


@lru_cache(maxsize=1024)  # a mail asks for its id twice, and a phone's root stays
def _digest(*parts: str) -> str:
    seed = "\x00".join(parts).encode("utf-8", "surrogatepass")
    return _base32(hashlib.sha256(seed).digest()[:15])


def _base32(octets: bytes) -> str:
    """A multiple of five octets, in lower case; there are four of these in each mail."""
    characters = len(octets) * 8 // 5
    number = int.from_bytes(octets)
    for shift, stays, moves in _steps(characters):
        number = number & stays | number << shift & moves
    return number.to_bytes(characters).translate(_LETTERS).decode()


@cache  # three lengths
def _steps(characters: int) -> tuple[tuple[int, int, int], ...]:
    """Shifts and masks that give each five bits an octet of its own: half of all characters moves up by what is to be
    between them, then half of each half, and so on.
    """
    steps: list[tuple[int, int, int]] = []
    half = 1
    while half < characters:
        stays = sum((1 << 5 * half) - 1 << 16 * half * at for at in range(-(-characters // (2 * half))))
        steps.append((3 * half, stays, stays << 8 * half))
        half *= 2
    return tuple(reversed(steps))
