"""plans: what phonenumbers would say of a number, word for word, and phonenumbers itself where it has changed."""

import copy
import random
from collections.abc import Iterator
from typing import Any

import phonenumbers
import pytest

from bridge import plans

CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
INTERNATIONAL = phonenumbers.PhoneNumberFormat.INTERNATIONAL

Said = tuple[str, str, int, str] | None
"""E.164 digits, region, type, spelling; None: not valid."""


@pytest.fixture
def _read_anew() -> Iterator[None]:
    """The library is another one within the test."""
    _forget()
    yield
    _forget()


def _forget() -> None:
    plans._shape.cache_clear()
    plans._shape_of.cache_clear()
    plans._behind_zero.cache_clear()


def by_library(digits: str) -> Said:
    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return None
    region, kind = phonenumbers.region_code_for_number(number), phonenumbers.number_type(number)
    if region is None or not phonenumbers.is_valid_number(number):
        return None
    whole = f"{number.country_code}{phonenumbers.national_significant_number(number)}"
    return whole, region, kind, phonenumbers.format_number(number, INTERNATIONAL)


def by_plans(digits: str) -> Said:
    """Where it would not read the text itself, of the digits that the library read."""
    if not plans.is_whole(digits):
        try:
            number = phonenumbers.parse(f"+{digits}")
        except phonenumbers.NumberParseException:
            return None
        digits = f"{number.country_code}{phonenumbers.national_significant_number(number)}"
    found = plans.place(digits)
    return None if found is None else (digits, *found, plans.spelt(digits))


def examples() -> list[tuple[int, str]]:
    """Calling code and national digits of every example in the library's metadata."""
    kinds = phonenumbers.PhoneNumberType.values()
    found = [
        *(phonenumbers.example_number_for_type(one, kind) for one in phonenumbers.SUPPORTED_REGIONS for kind in kinds),
        *map(phonenumbers.example_number_for_non_geo_entity, phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS),
    ]
    return sorted({(one.country_code or 0, phonenumbers.national_significant_number(one)) for one in found if one})


def test_every_example_of_every_type_in_the_world() -> None:
    valid = 0
    for code, national in examples():
        said = by_library(f"{code}{national}")
        assert by_plans(f"{code}{national}") == said
        valid += said is not None
    assert valid > 900


def test_numbers_that_are_nearly_examples() -> None:
    """Other digits behind a beginning that is one, more of them and fewer, and prefixes used within the country."""
    chance, valid = random.Random(8), 0
    known = examples()
    for _ in range(12_000):
        code, national = chance.choice(known)
        kept, length = chance.randrange(len(national)), len(national) + chance.choice((-1, 0, 0, 0, 1))
        trunk = chance.choice(("", "", "", "", "", "0", "1", "8", "06"))
        digits = f"{code}{trunk}{national[:kept]}{_digits(chance, max(1, length - kept))}"
        said = by_library(digits)
        assert by_plans(digits) == said, digits
        valid += said is not None
    assert valid > 4000


def test_any_digits_behind_any_code() -> None:
    chance = random.Random(9)
    for code in CODES:
        for length in range(1, 17):
            for _ in range(3):
                digits = f"{code}{_digits(chance, length)}"
                assert by_plans(digits) == by_library(digits), digits


@pytest.mark.parametrize("code", [43, 49, 41])
def test_at_home_every_beginning_in_every_length(code: int) -> None:
    chance, valid = random.Random(code), 0
    for beginning in range(1000):
        for length in range(4, 15):
            digits = f"{code}{beginning:03}{_digits(chance, length - 3)}"
            said = by_library(digits)
            assert by_plans(digits) == said, digits
            valid += said is not None
    assert valid > 200


def test_what_is_dialled_within_a_country() -> None:
    """With its trunk prefix, without one and with another one's; most of the simple plans are read here."""
    chance, known, read = random.Random(10), examples(), 0
    for _ in range(4000):
        code, national = chance.choice(known)
        region = phonenumbers.region_code_for_country_code(code)
        if region == "001":
            continue
        kept = chance.randint(len(national) // 2, len(national))
        dialled = (
            f"{chance.choice(('0', '0', '0', '', '00', '1'))}{national[:kept]}{_digits(chance, len(national) - kept)}"
        )
        found = plans.from_within(dialled, region)
        if found is not None:
            number = phonenumbers.parse(dialled, region)
            assert found == f"{number.country_code}{phonenumbers.national_significant_number(number)}", dialled
            read += 1
    assert read > 500


@pytest.mark.parametrize(
    ("dialled", "region", "expected"),
    [
        ("06600000012", "AT", "436600000012"),
        ("015112345678", "DE", "4915112345678"),
        ("6600000012", "AT", None),
        ("00436600000012", "AT", None),
        ("0999999", "AT", None),
        ("0612345678", "IT", None),  # the zero belongs to the number
        ("02079460000", "GB", None),  # a code of several countries
        ("+436600000012", "AT", None),
        ("06600000012", "ZZ", None),
        ("", "AT", None),
    ],
)
def test_numbers_dialled_within_a_country(dialled: str, region: str, expected: str | None) -> None:
    assert plans.from_within(dialled, region) == expected


def _digits(chance: random.Random, length: int) -> str:
    return "".join(chance.choices("0123456789", k=length))


def test_the_library_s_inner_names_are_what_they_were() -> None:
    """If this fails, all still works, but as slowly as the library: see what became of its metadata."""
    for code in CODES:
        for length in range(4, 13):
            assert isinstance(plans._shape_of(str(code), length), plans._Shape), (code, length)
    assert [plans._behind_zero(region) for region in ("AT", "DE", "CH")] == ["43", "49", "41"]


@pytest.mark.parametrize(
    ("digits", "whole"),
    [
        ("436600000012", True),
        ("12125550123", True),
        ("43999999", True),  # not valid, but nothing else either
        ("4306600000012", False),  # a trunk prefix
        ("390612345678", False),  # a zero that belongs there
        ("112", False),
        ("4366000000120000", False),
        ("999123456789", False),  # no country
        ("043660000001", False),
        ("٤٣٦٦٠٠٠٠٠٠١٢", False),
        ("43660 000001", False),
        ("+43660000001", False),
        ("", False),
    ],
)
def test_what_can_be_read_without_the_library(digits: str, whole: bool) -> None:
    assert plans.is_whole(digits) is whole


def test_what_begins_with_no_calling_code_is_no_number() -> None:
    assert plans.place("999123456789") is None
    assert plans.spelt("999123456789") == "999123456789"


SOME = ["436641234567", "4312345678", "390612345678", "12125550123", "80012345678", "43999999", "39012345678"]


@pytest.mark.usefixtures("_read_anew")
def test_a_type_that_nobody_here_has_heard_of_is_left_to_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    more = (*phonenumbers.PhoneNumberType.values(), 11)
    monkeypatch.setattr(phonenumbers.PhoneNumberType, "values", lambda: more)
    assert isinstance(plans._shape_of("43", 10), plans._Library)
    _same_as_the_library()


@pytest.mark.usefixtures("_read_anew")
@pytest.mark.parametrize(
    "change",
    [
        {"voip": None, "mobile": phonenumbers.PhoneNumberDesc("(6)\\1\\d{8}", possible_length=(10,))},
        {"number_format": [phonenumbers.NumberFormat(r"(\d{3})(4\d+)", r"\1 \2")], "intl_number_format": []},
        {"number_format": [phonenumbers.NumberFormat(r"(\d{3})(\d{7})", r"\g<1> \2")], "intl_number_format": []},
        {"number_format": [phonenumbers.NumberFormat(r"(\d{3})(\d{7})", r"\1 \2 .")], "intl_number_format": []},
    ],
)
def test_metadata_of_another_kind_is_left_to_the_library(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    metadata = copy.copy(phonenumbers.PhoneMetadata.metadata_for_region("AT"))
    for name, value in change.items():
        object.__setattr__(metadata, name, value)
    monkeypatch.setitem(phonenumbers.PhoneMetadata._region_metadata, "AT", metadata)
    assert isinstance(plans._shape_of("43", 10), plans._Library)
    _same_as_the_library()


@pytest.mark.usefixtures("_read_anew")
def test_metadata_that_is_called_otherwise_is_left_to_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = phonenumbers.PhoneMetadata
    monkeypatch.delattr(metadata, "metadata_for_region_or_calling_code")
    assert isinstance(plans._shape_of("43", 10), plans._Library)
    assert plans.from_within("06600000012", "AT") is None


def _same_as_the_library() -> None:
    for digits in SOME:
        assert by_plans(digits) == by_library(digits)
    assert any(map(by_library, SOME))
