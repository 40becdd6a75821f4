"""Base32 as the standard library spells it, for every length that we use and those beside it."""

import base64
import random

import pytest

from bridge import alphabets

_CROCKFORD = bytes.maketrans(b"0123456789ABCDEFGHIJKLMNOPQRSTUV", b"0123456789abcdefghjkmnpqrstvwxyz")


@pytest.mark.parametrize("length", range(65))
def test_octets_are_spelt_as_the_standard_library_does(length: int) -> None:
    for data in (bytes(length), b"\xff" * length, *(random.Random(seed).randbytes(length) for seed in range(20))):
        assert alphabets.base32(data) == base64.b32encode(data).decode().rstrip("=").lower()


def test_numbers_are_spelt_in_crockfords_alphabet() -> None:
    for seed in range(50):
        octets = random.Random(seed).randbytes(20)
        spelt = base64.b32hexencode(octets).translate(_CROCKFORD).decode()
        assert alphabets.crockford(int.from_bytes(octets), 32) == spelt
        assert alphabets.crockford(int.from_bytes(octets), 26) == spelt[-26:]


def test_numbers_sort_as_they_are_spelt() -> None:
    numbers = sorted(random.Random(1).sample(range(1 << 50), 100))
    spelt = [alphabets.crockford(number, 10) for number in numbers]
    assert spelt == sorted(spelt)
