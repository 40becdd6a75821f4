"""Reading what websms sends without believing it: strict JSON, and texts that can be stored and shown.

Numbers stay the digits they were written in: ids of 19 digits arrive as JSON numbers as well as strings,
nothing here is calculated with, and a number of 5,000 digits must not cost anything.
"""

import base64
import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import NoReturn
from urllib.parse import quote, quote_plus

from bridge.message import Unreadable

_URL_SAFE = str.maketrans("-_", "+/", " \t\r\n")
_BASE64 = re.compile(r"([A-Za-z0-9+/]*)={0,2}")
_SURROGATES = re.compile("[\ud800-\udfff]")
_LINE_ENDS = re.compile(r"\r\n?")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_INLINE_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SHORT_SECRET = 8  # characters; a shorter one inside a word is most likely no secret, and replacing it mutilates words


def json_object(body: bytes) -> dict[str, object]:
    """The one JSON object in `body`; numbers come as strings. Raises `Unreadable` for anything that is not
    exactly that.

    Refused besides bad syntax: NaN and infinities, a key given twice in one object, nesting beyond the
    interpreter's stack, bytes that are no UTF-8 (or UTF-16/32, which JSON allows).
    """
    try:
        encoding = "utf-8" if body.startswith(b'{"') else json.detect_encoding(body)
        value = _decode(body.decode(encoding, "surrogatepass"))
    except RecursionError:
        raise Unreadable("the JSON is nested too deeply") from None
    except UnicodeDecodeError:
        raise Unreadable("the JSON is no UTF-8") from None
    except ValueError as error:
        raise Unreadable(f"this is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise Unreadable("the JSON is no object")
    return value


def text(value: str) -> str:
    """A text to store and send: line ends are LF, NUL and controls go, lone surrogates become U+FFFD."""
    if value.isprintable():  # then there is nothing of all that in it, as in most SMS
        return value
    return _CONTROLS.sub("", _LINE_ENDS.sub("\n", _SURROGATES.sub("\ufffd", value)))


def words(value: object, limit: int = 300) -> str:
    """Somebody else's words for a log, a header or a notice: one line of at most `limit` characters; "" for
    no string.
    """
    if not isinstance(value, str):
        return ""
    if not value.isprintable():
        value = _INLINE_CONTROLS.sub(" ", _SURROGATES.sub("\ufffd", value))
    line = value.strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def masking(secrets: Iterable[str | None]) -> Callable[[str], str]:
    """What replaces each of `secrets` in somebody else's words by "…", as it is and percent-encoded, in any case.

    To be used before `words`, because half a secret that was cut off is not found any more. One of fewer than
    8 characters is replaced only where it stands as a whole word.
    """
    spelt = {way(secret) for secret in secrets if secret for way in (str, quote, quote_plus, _quoted)}
    if not spelt:
        return str
    longest_first = sorted(spelt, key=lambda one: (-len(one), one))
    anyone = re.compile("|".join(map(_found_by, longest_first)), re.IGNORECASE)
    return lambda value: anyone.sub("…", value)


def _quoted(secret: str) -> str:
    return quote(secret, safe="")


def _found_by(secret: str) -> str:
    pattern = re.escape(secret)
    # "%3Dp4ss" ends a percent-encoded "=", whose D is no letter of a word.
    return pattern if len(secret) >= _SHORT_SECRET else rf"(?:(?<!\w)|(?<=%[0-9A-F]{{2}})){pattern}(?!\w)"


def identifier(value: object, limit: int = 100) -> str | None:
    """An id as it was written, or None when there is none or it is nothing we would store: blank, too long,
    not ASCII.
    """
    if not isinstance(value, str):
        return None
    value = value.strip(" ")
    usable = 0 < len(value) <= limit and value.isascii() and value.isprintable()
    return value if usable else None


def octets(value: object) -> bytes:
    """What base64 holds, in the standard alphabet or the URL-safe one, padded or not. Raises `Unreadable`."""
    found = _BASE64.fullmatch(value.translate(_URL_SAFE)) if isinstance(value, str) else None
    if found is None or len(found[1]) % 4 == 1:
        raise Unreadable("the SMS holds something that is no base64")
    return base64.b64decode(found[1] + "=" * (-len(found[1]) % 4))


def count(value: object) -> int | None:
    """A small number that arrived as digits; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 6:  # noqa: PLR2004 - six digits
        return int(value)
    return None


def _unique(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _refuse(_: str) -> NoReturn:
    raise ValueError("NaN and infinities are no JSON")


_decode = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse, parse_int=str, parse_float=str).decode
"""`json.loads` builds one anew for every call that wants more than the plain one."""
