"""Mail ids: what a ``250`` calls a mail, and the stem of its clientMessageIds.

26 characters of Crockford's base32 in lower case without dashes: 48 bits of milliseconds, so that ids sort by time and
a number in a log tells its minute, then 80 random bits, so that two nodes never make the same one.
"""

import base64
from collections.abc import Callable
from functools import lru_cache

from bridge.message import Clock, NewId

_CROCKFORD = bytes.maketrans(b"0123456789ABCDEFGHIJKLMNOPQRSTUV", b"0123456789abcdefghjkmnpqrstvwxyz")
_AT_ONCE = 64
_RANDOM, _SPELT = 10, 16  # octets of an id, and as characters
_TIME = 10  # characters


def mail_ids(clock: Clock, random_bytes: Callable[[int], bytes]) -> NewId:
    """A source of fresh ids; random octets are fetched for many at once, since asking lets other threads run first."""
    stock = ""

    def new_id() -> str:
        nonlocal stock
        if not stock:
            stock = _spelt(random_bytes(_AT_ONCE * _RANDOM))
        random, stock = stock[:_SPELT], stock[_SPELT:]
        return _moment(int(clock() * 1000) & (1 << 48) - 1) + random

    return new_id


@lru_cache(maxsize=1)  # those that come at once share it
def _moment(milliseconds: int) -> str:
    return _spelt(milliseconds.to_bytes(_RANDOM))[-_TIME:]


def _spelt(octets: bytes) -> str:
    """A multiple of five octets."""
    return base64.b32hexencode(octets).translate(_CROCKFORD).decode()
