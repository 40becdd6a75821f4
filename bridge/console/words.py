"""The console's sentences in the reader's language: what the browser asks for, else what the bridge is set to."""

import re
from collections.abc import Mapping
from typing import Final

from bridge.console import de, en

LANGUAGES: Final[Mapping[str, Mapping[str, str]]] = {"en": en.WORDS, "de": de.WORDS}

_RANGE: Final = re.compile(r"\s*([A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9-]{1,40})?\s*(?:;\s*q=([0-9.]{1,5})\s*)?")
_MOST: Final = 20


def language(accepted: str, default: str) -> str:
    """ "en" or "de", by a header Accept-Language; what is malformed in it does not count."""
    best, chosen = 0.0, default
    for written in accepted.split(",")[:_MOST]:
        found = _RANGE.fullmatch(written)
        if found is None:
            continue
        try:
            quality = float(found[2] or 1)
        except ValueError:
            continue
        name = found[1].lower()
        if name in LANGUAGES and quality > best:
            best, chosen = quality, name
    return chosen


def say(chosen: str, key: str, **values: object) -> str:
    """The sentence `key`, with values put in. Raises KeyError for one that nobody wrote."""
    sentence = LANGUAGES[chosen][key]
    return sentence.format(**values) if values else sentence
