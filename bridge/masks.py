"""Numbers and addresses as a log may show them: enough to find a message by, too little to know whose it is. Pure."""

import re
from typing import Final

_SHORTEST_NUMBER: Final = 7  # digits; what is shorter is a short code, and those belong to no person

_NUMBER: Final = re.compile(r"\+?\d[\d ./()-]*")
_HARMLESS: Final = re.compile(r"[A-Za-z _:*-]*")  # most words of our own
_NUMBER_IN_TEXT: Final = re.compile(r"(?<![0-9A-Za-z])(?:\+\d[\d ./()-]{5,24}\d|\d{7,})(?![0-9A-Za-z])")
_QUOTED_LOCAL_PART: Final = re.compile(r'"([^"]?)[^"]{0,320}"@')
# Bounded by what an address has not: one pass, no going back.
_WORD: Final = re.compile(r"[^\s<>()\[\]\"',;:]+")


def mask_number(digits: str) -> str:
    """``436601234567`` as ``+43660****567``; national spellings keep their 0, short codes stay as they are.

    At least four digits are hidden, always behind four stars, so that the length is hidden too.
    """
    plain = digits if digits.isdigit() else "".join(filter(str.isdigit, digits))
    plus = "" if plain.startswith("0") and not digits.startswith("+") else "+"
    if plain.startswith("00"):
        plain, plus = plain[2:], "+"
    if len(plain) < _SHORTEST_NUMBER:
        return digits
    return f"{plus}{plain[:-7][:5]}****{plain[-3:]}"


def mask_address(address: str) -> str:
    """``anna@example.org`` as ``a***@example.org``; a number before the ``@`` as one; ``*@…`` stays."""
    local, at, domain = address.rpartition("@")
    if not at:
        return f"{address[:1]}***" if address else ""
    bare = local.strip('"<')
    if bare == "*":
        return address
    if _looks_like_number(bare):
        return f"{mask_number(bare)}@{domain}"
    return f"{bare[:1]}***@{domain}"


def mask_text(text: str) -> str:
    """Free text with every address and every number of seven digits or more masked."""
    if text.isalnum() and text.isascii():  # one word: a number, or none in it
        return mask_number(text) if text.isdigit() and len(text) >= _SHORTEST_NUMBER else text
    return text if text.isalpha() or _HARMLESS.fullmatch(text) else _masked(text)


def _masked(text: str) -> str:
    if "@" in text:
        if '"@' in text:
            text = _QUOTED_LOCAL_PART.sub(r"\1***@", text)
        text = _WORD.sub(lambda word: mask_address(word[0]) if "@" in word[0] else word[0], text)
    return _NUMBER_IN_TEXT.sub(lambda number: mask_number(number[0]), text)


def mask_person(text: str) -> str:
    if "@" in text:
        return mask_address(text.rstrip(">"))
    return mask_number(text) if _looks_like_number(text) else mask_text(text)


def _looks_like_number(text: str) -> bool:
    if text.isdecimal():
        return len(text) >= _SHORTEST_NUMBER
    return _NUMBER.fullmatch(text) is not None and sum(map(str.isdigit, text)) >= _SHORTEST_NUMBER
