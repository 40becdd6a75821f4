"""One spelling for a mail address, one for a phone number.

Tables, tokens and limits compare texts, so every text that means the same must become the same text before
it is compared. phonenumbers alone is too kind for that: it reads letters (1-800-FLOWERS), foreign digits,
extensions and emergency numbers as numbers. Therefore a strict pattern of our own comes first, and only
valid numbers pass after it.

Pure. Phone numbers leave here as E.164 digits without ``+``, which is also the provider's spelling.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import idna
import phonenumbers

from bridge import plans
from bridge.nouns import light

_SEPARATORS: Final = str.maketrans("", "", " -/.()")
_NUMBER: Final = re.compile(r"\+?[0-9]{2,20}")  # [0-9], never \d: foreign digits are not ours to read
_PREFIX: Final = re.compile(r"\+[1-9][0-9]{0,14}")
_MOST: Final = 40  # characters looked at: 15 digits, a prefix and generous separators
_LONGEST_SHORT_CODE: Final = 6
_LONGEST_DOMAIN: Final = 255  # octets, RFC 5321 section 4.5.3.1.2; bounds what IDNA has to look at

_USUAL: Final = frozenset(
    {
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,  # all of North America
        phonenumbers.PhoneNumberType.FIXED_LINE,
        phonenumbers.PhoneNumberType.VOIP,  # 05 and 0720 in Austria
    }
)
"""Types of numbers to which an SMS costs what it usually does. Not: premium, shared cost, toll-free, personal (+44 70),
company-wide (+39 199), pager, voice mail, and what nobody knows."""

_NEVER: Final = (
    # No country: ITU-T E.164, List of assigned country codes; E.156 names the same kinds.
    "388",  # groups of countries
    "800",  # freephone
    "808",  # shared cost
    "87",  # 870 Inmarsat, 875 to 877 maritime, 878 universal personal numbers, 879 not for the public
    "881",  # satellite systems: Iridium, Globalstar
    "882",  # international networks, Thuraya and ships among them
    "883",
    "888",  # was disaster relief
    "979",  # premium rate
    "991",  # trials
    # Austria: the regulator's (RTR) ranges for services and premium services, KEM-V 2009.
    "43800",
    "43810",
    "43820",
    "43821",
    "43828",
    "43900",
    "43901",
    "43930",
    "43931",
    "43939",
)
"""Beginnings of E.164 digits to which nothing is sent, whatever the metadata of the day says of them."""


class NotANumber(ValueError):
    """The text is no phone number; the exception's text is a sentence about why."""


def address(text: str) -> str:
    """The spelling in which mail addresses are compared: all lower case, the domain as ASCII (IDNA
    A-labels).

    Quotes that a local part does not need are dropped, so ``"anna"@example.com`` is ``anna@example.com``.
    What is no address comes back in lower case; whether a text is an address is for others to decide. Never
    raises.
    """
    local, at, domain = text.rpartition("@")
    if not at:
        return text.lower()
    return f"{_lower(_bare_local(local))}@{_domain(domain)}"


def _lower(local: str) -> str:
    """A local part in lower case; the Kelvin sign, whose lower case is an ASCII letter, stays what it is: somebody
    else's mailbox.
    """
    return local.lower() if local.isascii() else "".join(c if _turns_ascii(c) else c.lower() for c in local)


def _turns_ascii(character: str) -> bool:
    return not character.isascii() and character.lower().isascii()


def _bare_local(local: str) -> str:
    """`local` without its quotes if it is a plain dot-atom inside them."""
    if len(local) > 2 and local[0] == local[-1] == '"':  # noqa: PLR2004 - two quotes and something between them
        inside = local[1:-1]
        if re.fullmatch(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", inside):
            return inside
    return local


def _domain(text: str) -> str:
    """A domain in lower case, as A-labels where it can be; otherwise only in lower case."""
    if text.isascii() or len(text) > _LONGEST_DOMAIN:
        return text.lower()
    try:
        return idna.encode(text, uts46=True, transitional=False).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        return text.lower()


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What the numbering plans say of a valid number."""

    digits: str  # E.164 without +
    region: str | None  # ISO 3166; None: of no country
    usual: bool  # an SMS to it costs what it usually does, by its type


def number(text: str, country: str) -> str:
    """A phone number as E.164 digits without ``+``.

    `text` may hold ASCII digits, one leading ``+`` or ``00``, and the separators space ``-`` ``/`` ``.``
    ``(`` ``)``. ``+43660…`` and ``0043660…`` are international, ``0660…`` is national in `country` (an ISO
    3166 region), and bare digits are international if that gives a valid number, else national. Raises
    `NotANumber`.
    """
    digits = _compact(text)
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    if digits.startswith("+"):
        found = _plan(digits, None)
    elif digits.startswith("0"):
        found = _plan(digits, country)
    else:
        found = _plan("+" + digits, None) or _plan(digits, country)
    if found is None:
        raise NotANumber("it is not a valid phone number")
    return found.digits


def _compact(text: str) -> str:
    """`text` without separators, or `NotANumber` where it holds anything but digits, separators and a
    leading +.
    """
    if len(text) > _MOST:
        raise NotANumber("it is too long for a phone number")
    digits = text.translate(_SEPARATORS)
    if not digits:
        raise NotANumber("it holds no digits")
    if _NUMBER.fullmatch(digits) is None:
        raise NotANumber("it is not made of digits, one leading + and the separators space - / . ( )")
    return digits


def _parsed(digits: str, country: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(digits, country)
    except phonenumbers.NumberParseException:
        return None


def _international(digits: str, country: str | None) -> str | None:
    """E.164 digits, valid or not. The library reads letters, extensions and prefixes where there may be any; its search
    for them costs more than all else that is asked about a number.
    """
    if digits.startswith("+") and plans.is_whole(digits[1:]):
        return digits[1:]
    if country is not None and (found := plans.from_within(digits, country)) is not None:
        return found
    parsed = _parsed(digits, country)
    return None if parsed is None else f"{parsed.country_code}{phonenumbers.national_significant_number(parsed)}"


@lru_cache(maxsize=16_384)
def _plan(digits: str, country: str | None) -> _Plan | None:
    """What is known of digits, None for no valid number; remembered, since it is asked several times for a message."""
    found = _international(digits, country)
    place = None if found is None else plans.place(found)
    if found is None or place is None:
        return None
    region, kind = place
    return _Plan(digits=found, region=region if region.isalpha() else None, usual=kind in _USUAL)


def number_from_local_part(local: str, country: str) -> str:
    """The phone number a local part spells, as `number`; a quoted one passes only if it holds a number."""
    if len(local) >= 2 and local[0] == local[-1] == '"':  # noqa: PLR2004 - an opening and a closing quote
        local = re.sub(r"\\(.)", r"\1", local[1:-1], flags=re.DOTALL)  # quoted-pair, RFC 5321 section 4.1.2
    return number(local, country)


@lru_cache(maxsize=1024)  # every SMS names one of them
def line(text: str, country: str) -> str:
    """One of our own numbers, as digits: E.164 where it is a valid number, else as it stands.

    Providers let SMS arrive at short codes and service numbers that no numbering plan calls valid. Up to
    six digits without a prefix are a short code and are never read as a subscriber number. A national
    spelling becomes international even where it is not valid, so that both are one line. Raises `NotANumber`.
    """
    digits = _compact(text)
    if len(digits) <= _LONGEST_SHORT_CODE and not digits.startswith(("+", "0")):
        return digits
    try:
        return number(digits, country)
    except NotANumber:
        national = digits.startswith("0") and not digits.startswith("00") and len(digits) > _LONGEST_SHORT_CODE
        parsed = _parsed(digits, country) if national else None
        if parsed is None:
            return digits.removeprefix("+").removeprefix("00")
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")


def is_number(digits: str) -> bool:
    """Whether these are the E.164 digits of a valid number, and nothing that could be read as one besides."""
    return _known(digits) is not None


def _known(digits: str) -> _Plan | None:
    found = _plan("+" + digits, None)
    return found if found is not None and found.digits == digits else None


def region(number: str) -> str | None:
    """The ISO 3166 region of E.164 digits, or None: not valid, or of no country (satellites, global
    networks).
    """
    found = _known(number)
    return None if found is None else found.region


def is_dear(number: str) -> bool:
    """Whether E.164 digits may cost more than a usual SMS, or cannot be a phone: premium, shared cost, satellite …

    Two lists, and a number must pass both: what is never sent to, and what types of numbers are *not* dear, so that a
    type that metadata invents tomorrow is refused until someone has looked at it.
    """
    if number.startswith(_NEVER):
        return True
    found = _known(number)
    return found is None or found.region is None or not found.usual


def lies_in(number: str, places: Collection[str]) -> bool:
    """Whether E.164 digits are of one of these regions (``AT``) or begin with one of these prefixes (``+4175``)."""
    return region(number) in places or any(number.startswith(place[1:]) for place in places if place[0] == "+")


def prefix(text: str) -> str:
    """The beginning of international numbers as ``+`` and digits, from at least a whole country code that exists.

    `text` is spelt as `number` allows, and with the ``+``. Raises `NotANumber`.
    """
    digits = text[:_MOST].translate(_SEPARATORS)
    if _PREFIX.fullmatch(digits) is None:
        raise NotANumber("it is not + and digits")
    if digits[1:].startswith(_NEVER):
        raise NotANumber("nothing is ever sent to these numbers")
    if not any(int(digits[1 : 1 + length]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE for length in (1, 2, 3)):
        raise NotANumber("it does not begin with the code of a country")
    return digits


def is_country(text: str) -> bool:
    """Whether `text` is a region whose numbering plan is known: two upper-case letters of ISO 3166."""
    return text in phonenumbers.SUPPORTED_REGIONS


def countries() -> frozenset[str]:
    """Every region whose numbering plan is known."""
    return frozenset(phonenumbers.SUPPORTED_REGIONS)


@lru_cache(maxsize=16_384)
def display(number: str) -> str:
    """E.164 digits as people read them: ``+43 660 1234567``.

    What is no valid number (a short code) is unchanged.
    """
    if _NUMBER.fullmatch(number) is None or len(number) <= _LONGEST_SHORT_CODE:
        return number
    found = _plan("+" + number.removeprefix("+"), None)
    return number if found is None else plans.spelt(found.digits)
