"""Mail ids: what a ``250`` calls a mail, and the stem of its clientMessageIds.

26 characters of Crockford's base32 in lower case without dashes: 48 bits of milliseconds, so that ids sort by time and
a number in a log tells its minute, then 80 random bits, so that two nodes never make the same one.
"""

from collections.abc import Callable

from bridge.message import Clock, NewId

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH = 26


def mail_ids(clock: Clock, random_bytes: Callable[[int], bytes]) -> NewId:
    """A source of fresh ids."""

    def new_id() -> str:
        number = (int(clock() * 1000) & (1 << 48) - 1) << 80 | int.from_bytes(random_bytes(10))
        digits = []
        for _ in range(_LENGTH):
            number, digit = divmod(number, 32)
            digits.append(_ALPHABET[digit])
        return "".join(reversed(digits))

    return new_id
