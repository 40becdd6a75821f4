"""Mail ids: what a ``250`` calls a mail, and the stem of its clientMessageIds.

26 characters of Crockford's base32 in lower case without dashes: 48 bits of milliseconds, so that ids sort by time and
a number in a log tells its minute, then 80 random bits, so that two nodes never make the same one.
"""

from collections.abc import Callable

from bridge import alphabets
from bridge.message import Clock, NewId

_LENGTH = 26
_RANDOM = 10  # octets of an id
_AT_ONCE = 64


def mail_ids(clock: Clock, random_bytes: Callable[[int], bytes]) -> NewId:
    """A source of fresh ids; random octets are fetched for many at once, since asking lets other threads run first."""
    stock = b""

    def new_id() -> str:
        nonlocal stock
        if not stock:
            stock = random_bytes(_AT_ONCE * _RANDOM)
        random, stock = stock[:_RANDOM], stock[_RANDOM:]
        milliseconds = int(clock() * 1000) & (1 << 48) - 1
        return alphabets.crockford(milliseconds << _RANDOM * 8 | int.from_bytes(random), _LENGTH)

    return new_id
