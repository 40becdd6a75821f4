"""How an incoming SMS is read out of a mail of the provider, whose format its guide does not tell.

A pattern is a regular expression over the mail written as ``From: …``, ``To: …``, ``Subject: …``, ``Message-ID: …``, an
empty line and the text, in which the named groups ``phone`` and ``text`` must stand and ``line`` and ``id`` may.
"""

import re
import warnings
from typing import Final

from bridge.config.problems import Invalid, did_you_mean, shown
from bridge.config.reading import Place
from bridge.config.settings import LAYOUTS
from bridge.config.values import text

_NEEDED: Final = frozenset({"phone", "text"})
_KNOWN: Final = _NEEDED | {"line", "id"}


def mail_pattern(value: object, place: Place) -> re.Pattern[str]:
    """One entry of `patterns`: a layout by its name, or a pattern of one's own; ``^`` and ``$`` stand for lines."""
    if isinstance(value, str) and value in LAYOUTS:
        return re.compile(LAYOUTS[value], re.MULTILINE)
    written = value if isinstance(value, str) and "\n" in value else text(value, place)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a later Python may read differently
            pattern = re.compile(str(written), re.MULTILINE)
    except (re.error, OverflowError, RecursionError) as error:
        raise Invalid(
            f"this is not a regular expression: {error}", "put it in single quotes, so that \\ stays"
        ) from None
    missing = _NEEDED - set(pattern.groupindex)
    if missing:
        if re.fullmatch(r"\w+", str(written)):
            raise Invalid(f"{shown(written)} is no layout", did_you_mean(str(written), list(LAYOUTS)))
        raise Invalid(f"the group {min(missing)} is missing", "write (?P<phone>…) and (?P<text>…) into it")
    unknown = set(pattern.groupindex) - _KNOWN
    if unknown:
        raise Invalid(f"the group {min(unknown)} means nothing", "known are phone, line, text and id")
    return pattern
