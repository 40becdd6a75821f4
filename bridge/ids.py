"""Mail ids: what a ``250`` calls a mail, and the stem of its clientMessageIds.

26 characters of Crockford's base32 in lower case without dashes: 48 bits of milliseconds, so that ids sort by time and
a number in a log tells its minute, then 80 random bits, so that two nodes never make the same one.
"""

import base64
from collections.abc import Callable

from bridge.message import Clock, NewId

_CROCKFORD = bytes.maketrans(b"0123456789ABCDEFGHIJKLMNOPQRSTUV", b"0123456789abcdefghjkmnpqrstvwxyz")
_LENGTH = 26
_RANDOM = 10  # octets of an id
_AT_ONCE = 64
_BLOCK = 20  # octets that are base32 without padding, and at least the 16 of an id


def mail_ids(clock: Clock, random_bytes: Callable[[int], bytes]) -> NewId:
    """A source of fresh ids; random octets are fetched for many at once, since asking lets other threads run first."""
    stock = b""

    def new_id() -> str:
        nonlocal stock
        if not stock:
            stock = random_bytes(_AT_ONCE * _RANDOM)
        random, stock = stock[:_RANDOM], stock[_RANDOM:]
        number = (int(clock() * 1000) & (1 << 48) - 1).to_bytes(6) + random
        return base64.b32hexencode(number.rjust(_BLOCK, b"\0")).translate(_CROCKFORD)[-_LENGTH:].decode()

    return new_id
