"""Plain digits are read, judged and written as phonenumbers does it, for every country and kind of numbers."""

import random

import phonenumbers
import pytest

from bridge import numbering

_SHOWN = phonenumbers.PhoneNumberFormat.INTERNATIONAL
_CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
_EACH = 40


def _theirs(digits: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(digits, None)
    except phonenumbers.NumberParseException:
        return None


def _digits(code: int, chance: random.Random) -> list[str]:
    """Numbers that are valid, that are nearly so, and that are only digits."""
    made = []
    for region in phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]:
        for kind in phonenumbers.PhoneNumberType.values():
            example = (
                phonenumbers.example_number_for_non_geo_entity(code)
                if region == "001"
                else phonenumbers.example_number_for_type(region, kind)
            )
            if example is not None:
                made.append(f"+{code}{phonenumbers.national_significant_number(example)}")
    for _ in range(_EACH):
        valid, changed = chance.choice([*made, f"+{code}660123456"]), chance.randint(1, 7)
        made.append(valid[: max(len(valid) - changed, 2)] + "".join(chance.choices("0123456789", k=changed)))
        made.append(f"+{code}" + "".join(chance.choices("0123456789", k=chance.randint(0, 17))))
    return made


@pytest.mark.parametrize("code", _CODES)
def test_a_country_is_read_and_written_as_phonenumbers_does(code: int) -> None:
    for digits in _digits(code, random.Random(code)):
        theirs = _theirs(digits)
        assert numbering.parsed(digits, None) == theirs, digits
        valid = theirs is not None and phonenumbers.is_valid_number(theirs)
        shown = phonenumbers.format_number(theirs, _SHOWN) if valid and theirs is not None else None
        assert numbering.international(digits) == shown, digits


@pytest.mark.parametrize("digits", ["", "+", "+0", "+043", "43660", "+43", "+430660123456", "+21000000", "+²³456789"])
def test_what_is_not_plain_is_left_to_phonenumbers(digits: str) -> None:
    theirs = _theirs(digits)
    assert numbering.parsed(digits, None) == theirs
    if theirs is None:
        assert numbering.international(digits) is None


def test_national_digits_are_of_the_country_named() -> None:
    assert numbering.parsed("06601234567", "AT") == phonenumbers.parse("+436601234567", None)
