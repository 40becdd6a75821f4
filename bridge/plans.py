"""The world's numbering plans as phonenumbers knows them, asked quickly.

The library runs some thirty patterns for a number, one by one. All numbers of one calling code and one length can be
asked the same, so they have one pattern here for what they are and one for how they are spelt, put together of the
installed library's own when the first of them comes. Nothing is known here that it does not know: where its metadata
is not as expected, or it tells types of numbers apart that we have never heard of, it is asked itself.

Pure. Numbers are E.164 digits without ``+``, ASCII.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

Place = tuple[str, int]
"""A region (ISO 3166, or "001": of no country) and one of `PhoneNumberType`, never UNKNOWN."""

_Piece = tuple[str, slice]
"""What stands before some of the national digits, and which of them these are."""

_SHORTEST, _LONGEST = 6, 15  # of numbers that need no closer look
_LONGEST_CODE: Final = 3
_REGIONS: Final = {str(code): regions for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()}
"""By calling code, the main one first."""

_BEFORE: Final = (  # in the library's order; the first that fits counts, and lines and mobiles come after these
    ("premium_rate", PhoneNumberType.PREMIUM_RATE),
    ("toll_free", PhoneNumberType.TOLL_FREE),
    ("shared_cost", PhoneNumberType.SHARED_COST),
    ("voip", PhoneNumberType.VOIP),
    ("personal_number", PhoneNumberType.PERSONAL_NUMBER),
    ("pager", PhoneNumberType.PAGER),
    ("uan", PhoneNumberType.UAN),
    ("voicemail", PhoneNumberType.VOICEMAIL),
)
_FIXED, _MOBILE = PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE
_EITHER, _UNKNOWN = PhoneNumberType.FIXED_LINE_OR_MOBILE, PhoneNumberType.UNKNOWN
_TYPES: Final = {*(kind for _, kind in _BEFORE), _FIXED, _MOBILE, _EITHER, _UNKNOWN}
_GROUPS: Final = re.compile(r"(?:\(\\d(?:\{[1-9][0-9]?(?:,[0-9]+)?\})?\))+")  # how many digits, but never which
_GROUP: Final = re.compile(r"\\([1-9])")
_NEVER: Final = "(?!)"


class _Unexpected(Exception):
    """Metadata of a kind that is not understood here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """All numbers of one calling code and one length. `national` is what follows the code."""

    code: str
    trunk: re.Pattern[str]  # what begins so may have to be read otherwise: a 0, or a prefix used within the country
    kinds: re.Pattern[str]
    places: Sequence[Place | None]  # by the last group of `kinds` that matched
    starts: re.Pattern[str]
    spellings: Sequence[Sequence[_Piece]]  # by the last group of `starts` that matched

    def place(self, national: str) -> Place | None:
        found = self.kinds.match(national)
        return None if found is None else self.places[found.lastindex or 0]

    def spelt(self, national: str) -> str:
        found = self.starts.match(national)
        spelling = self.spellings[0 if found is None else found.lastindex or 0]
        return "".join([before + national[some] for before, some in spelling])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Library:
    """The same by the library itself."""

    code: str
    trunk: re.Pattern[str] = re.compile("")

    def place(self, national: str) -> Place | None:
        number = self._number(national)
        region, kind = phonenumbers.region_code_for_number(number), phonenumbers.number_type(number)
        return None if region is None or kind == _UNKNOWN else (region, kind)

    def spelt(self, national: str) -> str:
        spelt: str = phonenumbers.format_number(self._number(national), PhoneNumberFormat.INTERNATIONAL)
        return spelt

    def _number(self, national: str) -> phonenumbers.PhoneNumber:
        zeros = len(national) - len(national[:-1].lstrip("0") + national[-1:])
        return phonenumbers.PhoneNumber(
            country_code=int(self.code),
            national_number=int(national),
            italian_leading_zero=zeros > 0 or None,
            number_of_leading_zeros=zeros if zeros > 1 else None,
        )


def is_whole(digits: str) -> bool:
    """Whether they are a calling code and a national number and nothing else, so that nobody would read anything else.

    Not: other spellings, leading zeros, a trunk prefix, an odd length.
    """
    if not (_SHORTEST <= len(digits) <= _LONGEST and digits.isascii() and digits.isdigit()):
        return False
    shape = _shape(digits[:_LONGEST_CODE], len(digits))
    return shape is not None and shape.trunk.match(digits[len(shape.code) :]) is None


def from_within(dialled: str, region: str) -> str | None:
    """What a subscriber of a region reaches with a 0 and a national number: ``0660 1234567`` in AT.

    None where the plan of the region is not as simple as that, or no valid number comes of it: then only the library
    can tell what may be meant.
    """
    code = _behind_zero(region)
    if code is None or dialled[:1] != "0":
        return None
    digits = code + dialled[1:]
    return digits if is_whole(digits) and place(digits) is not None else None


def place(digits: str) -> Place | None:
    """Where a number belongs and what it is; None: it is not valid."""
    shape = _shape(digits[:_LONGEST_CODE], len(digits))
    return None if shape is None else shape.place(digits[len(shape.code) :])


def spelt(digits: str) -> str:
    """A number as people read it: ``+43 660 1234567``."""
    shape = _shape(digits[:_LONGEST_CODE], len(digits))
    return digits if shape is None else shape.spelt(digits[len(shape.code) :])


@cache
def _behind_zero(region: str) -> str | None:
    """The calling code of a region, alone in it, where a single 0 is dialled before national numbers and 00 abroad."""
    code = str(phonenumbers.country_code_for_region(region))
    if len(_REGIONS.get(code, ())) != 1:
        return None
    with suppress(AttributeError):
        plan = _metadata(code, region)
        said = (plan.national_prefix_for_parsing, plan.international_prefix, plan.national_prefix_transform_rule)
        return code if said == ("0", "00", None) else None
    return None


@cache  # a thousand beginnings, each with a few lengths
def _shape(head: str, length: int) -> _Shape | _Library | None:
    """What the numbers have in common that begin with these digits, a calling code among them, and have `length`."""
    codes = (head[:end] for end in range(1, _LONGEST_CODE + 1))
    code = next((code for code in codes if code in _REGIONS), None)
    return None if code is None else _shape_of(code, length - len(code))


@cache
def _shape_of(code: str, length: int) -> _Shape | _Library:
    if set(PhoneNumberType.values()) == _TYPES:
        with suppress(_Unexpected, AttributeError):  # the inner names of the library are its own business
            return _put_together(code, length)
    return _Library(code=code)


def _put_together(code: str, length: int) -> _Shape:
    main = _metadata(code, _REGIONS[code][0])
    kinds, places = _kinds(code, length)
    starts, spellings = _spellings(code, length, main.intl_number_format or main.number_format)
    trunk = re.compile(f"0|(?:{main.national_prefix_for_parsing or _NEVER})")
    return _Shape(code=code, trunk=trunk, kinds=kinds, places=places, starts=starts, spellings=spellings)


def _metadata(code: str, region: str) -> Any:
    return phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(int(code), region)


def _kinds(code: str, length: int) -> tuple[re.Pattern[str], Sequence[Place | None]]:
    """One pattern for all regions of a code, with an empty group behind each type."""
    regions = _REGIONS[code]
    ways: list[str] = []
    places: list[Place | None] = [None]
    for region in regions:
        plan = _metadata(code, region)
        types = list(_types(plan, length))
        places += [(region, kind) for _, kind in types]
        either = "|".join(rf"{pattern}\Z()" for pattern, _ in types)
        way = rf"(?={_ours(plan.general_desc, length)}\Z)(?:{either})"
        if plan.leading_digits is not None and len(regions) > 1:  # then they decide, even if it is not valid there
            way = f"(?={plan.leading_digits})(?:{way}|())"
            places.append(None)
        ways.append(way)
    return _compiled(ways, len(places) - 1), places


def _types(plan: Any, length: int) -> Iterator[tuple[str, int]]:
    for name, kind in _BEFORE:
        yield _ours(getattr(plan, name), length), kind
    fixed, mobile = _ours(plan.fixed_line, length), _ours(plan.mobile, length)
    if plan.same_mobile_and_fixed_line_pattern:
        yield fixed, _EITHER
    else:
        yield rf"(?={fixed}\Z){mobile}", _EITHER
        yield fixed, _FIXED
        yield mobile, _MOBILE


def _ours(description: Any, length: int) -> str:
    """The pattern of a description for numbers of this length."""
    if description is None or not description.national_number_pattern:
        return _NEVER
    if description.possible_length and length not in description.possible_length:
        return _NEVER
    return f"(?:{description.national_number_pattern})"


def _spellings(code: str, length: int, formats: Any) -> tuple[re.Pattern[str], Sequence[Sequence[_Piece]]]:
    """One pattern for all the first digits that decide, with an empty group behind each."""
    starts: list[str] = []
    spellings: list[Sequence[_Piece]] = [[(f"+{code} ", slice(None))]]
    for one in formats:
        if _GROUPS.fullmatch(one.pattern) is None:
            raise _Unexpected(one.pattern)
        found = re.fullmatch(one.pattern, "0" * length)  # as any other digits
        if found is not None:
            starts.append(f"(?:{one.leading_digits_pattern[-1] if one.leading_digits_pattern else ''})()")
            spellings.append(_pieces(f"+{code} {one.format}", found))
    return _compiled(starts, len(starts)), spellings


def _pieces(spelling: str, found: re.Match[str]) -> Sequence[_Piece]:
    *split, end = _GROUP.split(spelling)
    if end or "\\" in "".join(split):
        raise _Unexpected(spelling)
    return [(before, slice(*found.span(int(group)))) for before, group in zip(split[::2], split[1::2], strict=True)]


def _compiled(ways: list[str], groups: int) -> re.Pattern[str]:
    pattern = re.compile("|".join(ways) or _NEVER)
    if pattern.groups != groups:
        raise _Unexpected("a group that is not ours")
    return pattern
