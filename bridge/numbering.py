"""What phonenumbers knows of plain international digits, without what it does for everything people write around them.

Its `parse` looks for letters, extensions and foreign digits first, and its `format_number` compiles its patterns each
time: 30 microseconds for what takes 5 here. Whatever is not plain is left to it. Pure.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

import phonenumbers

_CODES: Final = (2, 3, 4)  # where the code of a country may end, behind the +
_NATIONAL: Final = range(2, 18)  # digits that a number may have behind it
_GROUP: Final = re.compile(r"\\([1-9])")
_KINDS: Final = (
    *("mobile", "fixed_line", "voip", "premium_rate", "toll_free", "shared_cost"),
    *("personal_number", "pager", "uan", "voicemail"),
)


class _Shape(NamedTuple):
    """One way to write numbers: how they begin, their groups, and those put together."""

    leading: re.Pattern[str]
    groups: re.Pattern[str]
    written: str  # for `str.format`


class _Kind(NamedTuple):
    """One kind of numbers that there are: how many digits they have, and which."""

    lengths: tuple[int, ...]  # (): any
    digits: re.Pattern[str]


class _Country(NamedTuple):
    """The plan of all numbers with one country code."""

    trunk: re.Pattern[str] | None  # what dials within the country, or a carrier: it may stand before a number
    whole: _Kind | None
    kinds: tuple[_Kind, ...] | None  # None: several regions have this code, each with a plan of its own
    shapes: tuple[_Shape, ...]


def parsed(digits: str, country: str | None) -> phonenumbers.PhoneNumber | None:
    """Digits, with a leading + or of `country` (ISO 3166); None where they are no number."""
    split = _split(digits)
    if split is not None:
        return phonenumbers.PhoneNumber(country_code=split[0], national_number=int(split[1]))
    try:
        return phonenumbers.parse(digits, country)
    except phonenumbers.NumberParseException:
        return None


def international(digits: str) -> str | None:
    """``+`` and digits as people read them: ``+43 660 1234567``; None where they are no valid number."""
    split = _split(digits)
    valid = None if split is None else _is_valid(*split)
    if split is not None and valid:
        return _written(*split)
    number = parsed(digits, None)
    if valid is not None or number is None or not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def _split(digits: str) -> tuple[int, str] | None:
    """Country code and number; None where it takes more than looking at the digits to know them."""
    if digits[:1] != "+" or digits[1:2] == "0" or not digits[1:].isascii() or not digits[1:].isdigit():
        return None
    for end in _CODES:
        code, national = int(digits[1:end]), digits[end:]
        if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            break
    else:
        return None
    if len(national) not in _NATIONAL or national[0] == "0":
        return None
    trunk = _country(code).trunk
    return None if trunk is not None and trunk.match(national) else (code, national)


def _is_valid(code: int, national: str) -> bool | None:
    """Whether there are such numbers; None where several regions must be asked."""
    country = _country(code)
    if country.kinds is None:
        return None
    kinds = country.kinds if country.whole is not None and _is(country.whole, national) else ()
    return any(_is(kind, national) for kind in kinds)


def _is(kind: _Kind, national: str) -> bool:
    return (not kind.lengths or len(national) in kind.lengths) and kind.digits.fullmatch(national) is not None


def _written(code: int, national: str) -> str:
    for shape in _country(code).shapes:
        if shape.leading.match(national) and (groups := shape.groups.fullmatch(national)) is not None:
            return f"+{code} {shape.written.format(*groups.groups())}"
    return f"+{code} {national}"


@lru_cache(maxsize=512)  # there are half as many
def _country(code: int) -> _Country:
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]
    plan = phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, regions[0])
    if plan is None:
        return _Country(None, None, None, ())
    trunk = re.compile(plan.national_prefix_for_parsing) if plan.national_prefix_for_parsing else None
    kinds = tuple(kind for name in _KINDS if (kind := _kind(getattr(plan, name))) is not None)
    shapes = tuple(_shape(shape) for shape in plan.intl_number_format or plan.number_format)
    return _Country(trunk, _kind(plan.general_desc), kinds if len(regions) == 1 else None, shapes)


def _kind(described: phonenumbers.PhoneNumberDesc | None) -> _Kind | None:
    if described is None or not described.national_number_pattern:
        return None
    return _Kind(tuple(described.possible_length), re.compile(described.national_number_pattern))


def _shape(described: phonenumbers.NumberFormat) -> _Shape:
    leading = (described.leading_digits_pattern or [""])[-1]
    written = _GROUP.sub(lambda group: f"{{{int(group[1]) - 1}}}", described.format or "")
    return _Shape(re.compile(leading), re.compile(described.pattern or ""), written)
