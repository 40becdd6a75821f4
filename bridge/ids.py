"""Mail ids: what a ``250`` calls a mail, and the stem of its clientMessageIds.

26 characters of Crockford's base32 in lower case without dashes: 48 bits of milliseconds, so that ids sort by time and
a number in a log tells its minute, then 80 random bits, so that two nodes never make the same one.
"""

import base64
from collections.abc import Callable

from bridge.message import Clock, NewId

_CROCKFORD = bytes.maketrans(b"0123456789ABCDEFGHIJKLMNOPQRSTUV", b"0123456789abcdefghjkmnpqrstvwxyz")
_LENGTH = 26
_BLOCK = 20  # octets that are base32 without padding, and at least the 16 of an id


def mail_ids(clock: Clock, random_bytes: Callable[[int], bytes]) -> NewId:
    """A source of fresh ids."""

    def new_id() -> str:
        number = (int(clock() * 1000) & (1 << 48) - 1).to_bytes(6) + random_bytes(10)
        return base64.b32hexencode(number.rjust(_BLOCK, b"\0")).translate(_CROCKFORD)[-_LENGTH:].decode()

    return new_id
