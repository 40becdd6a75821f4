"""GSM 03.38: what a text costs, how it is made cheaper, and where it is cut.

An own table, because libraries disagree (ESC taken for a letter, § missing) and because most of them divide the
total by 153: an escape pair never spans two parts, so parts are counted by filling one after the other. The
provider splits by itself; this module says beforehand what it will do. Pure, linear in the length of the text.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from bridge.nouns import light

Encoding = Literal["gsm", "ucs2"]

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The 127 characters of 3GPP TS 23.038 section 6.2.1 in code order; code 0x1B (escape) is no character."""

EXTENSION = "\f^{}\\[~]|€"
"""The ten characters of section 6.2.1.1: an escape and a septet, two units each."""

SINGLE = {"gsm": 160, "ucs2": 70}
"""Units (septets or UTF-16 units) of a text that is one part."""

PART = {"gsm": 153, "ucs2": 67}
"""Units of each part of a longer text: six octets go to the concatenation header."""

MARKER = {"gsm": "...", "ucs2": "…"}
"""What stands where a text was cut; the single character would turn a GSM text into UCS-2."""

_WORD = 30  # how many characters a cut gives up at most to end at a word
_CLUSTER = 32  # how many characters a cut gives up at most to keep a letter and its marks together
_VIRAMA = 9  # the combining class of what joins two Indic consonants
_SPACING = "\u0e33\u0eb3\u200c\u200d\uff9e\uff9f"  # letters by category, marks to the eye


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """The cost of a text: `units` are septets (gsm) or UTF-16 units (ucs2), `parts` is what is paid."""

    encoding: Encoding
    units: int
    parts: int


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A text that fits; `cut` tells whether the end was left out, in which case it ends with the marker."""

    text: str
    count: Count
    cut: bool


def _one_of(characters: str) -> str:
    return "[" + re.escape(characters) + "]"


_GSM = re.compile(_one_of(BASIC + EXTENSION) + "*")
_WIDE = {"gsm": re.compile(_one_of(EXTENSION)), "ucs2": re.compile("[\U00010000-\U0010ffff]")}


def count(text: str) -> Count:
    """What sending this text costs, exactly as a handset or provider splits it."""
    encoding: Encoding = "gsm" if _GSM.fullmatch(text) else "ucs2"
    units = len(text) + len(_WIDE[encoding].findall(text))
    if units <= SINGLE[encoding]:
        return Count(encoding=encoding, units=units, parts=1 if text else 0)
    if units == len(text):  # nothing that could not be torn apart
        return Count(encoding=encoding, units=units, parts=-(-units // PART[encoding]))
    return Count(encoding=encoding, units=units, parts=len(_starts(text, encoding)))


def costly(text: str) -> str:
    """The characters, each once and in order, that keep a text from being GSM; empty for a GSM text."""
    return "".join(dict.fromkeys(c for c in text if not _GSM.fullmatch(c)))


def fit(text: str, max_parts: int) -> Fitted:
    """The whole text if it fits, else as much of its beginning as fits with the marker behind it.

    A head that is GSM, or is once its signs are spelt, is sent as GSM although something behind the cut was not.
    Raises ValueError when `max_parts` is less than 1.
    """
    if max_parts < 1:
        raise ValueError("a text needs at least one part")
    whole = count(text)
    if whole.parts <= max_parts:
        return Fitted(text=text, count=whole, cut=False)
    short = _cut(text, max_parts)
    if _SPELLABLE.search(text):
        short = max(short, _cut(text.translate(_SPELLING), max_parts), key=len)
    return Fitted(text=short, count=count(short), cut=True)


def _cut(text: str, max_parts: int) -> str:
    end = max(_head(text, "ucs2", max_parts), _head(text[: _cheap(text)], "gsm", max_parts))
    head = text[: _word(text, _cluster(text, end))].rstrip()
    return head + MARKER["gsm" if _GSM.fullmatch(head) else "ucs2"]


def _cheap(text: str) -> int:
    """How many characters from the start are GSM."""
    found = _GSM.match(text)
    return found.end() if found else 0


def _starts(text: str, encoding: Encoding) -> list[int]:
    """Where each part of a text of several parts begins: greedy, and no pair of units is torn apart."""
    wide, room = _WIDE[encoding], PART[encoding]
    starts, at = [], 0
    while at < len(text):
        starts.append(at)
        at += _filled(text[at : at + room], wide, room)
    return starts


def _filled(piece: str, wide: re.Pattern[str], room: int) -> int:
    """How many characters of `piece` (no longer than `room`) fill one part of `room` units."""
    pairs = [found.start() for found in wide.finditer(piece)]
    end = len(piece)
    while pairs and end + len(pairs) > room:
        end -= 1
        if pairs[-1] == end:
            pairs.pop()
    return end


def _head(text: str, encoding: Encoding, max_parts: int) -> int:
    """How many characters can stand in front of the marker within `max_parts`."""
    marker = len(MARKER[encoding])
    if max_parts == 1:
        room = SINGLE[encoding] - marker
        return _filled(text[:room], _WIDE[encoding], room)
    starts = _starts(text, encoding)
    if len(starts) < max_parts:
        return len(text)
    begin, room = starts[max_parts - 1], PART[encoding] - marker
    return begin + _filled(text[begin : begin + room], _WIDE[encoding], room)


def _cluster(text: str, end: int) -> int:
    """The cut moved back so that it does not separate a letter from its marks or an emoji from its parts."""
    at = end
    while end - at < _CLUSTER and 0 < at < len(text):
        if _joins(text[at - 1], text[at]):
            at -= 1
        elif _flag(text[at]) and _flag(text[at - 1]):
            run = at
            while run and _flag(text[run - 1]):
                run -= 1
            return at - (at - run) % 2
        else:
            return at
    return at if 0 < at < len(text) and end - at < _CLUSTER else end


def _joins(before: str, character: str) -> bool:
    """Whether it belongs to what stands before it, UAX #29: marks, variation selectors, skin tones, tags, joiners, the
    parts of a Korean syllable, and the second consonant of an Indic pair.
    """
    return (
        unicodedata.category(character) in {"Mn", "Me", "Mc"}
        or character in _SPACING
        or before == "\u200d"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
        or "\U000e0020" <= character <= "\U000e007f"
        or _syllable(before, character)
        or (unicodedata.combining(before) == _VIRAMA and unicodedata.category(character) == "Lo")
    )


def _syllable(before: str, character: str) -> bool:
    """Whether a Korean syllable goes on: with a vowel or a final consonant, or behind an initial one."""
    later = "\u1160" <= character <= "\u11ff" or "\ud7b0" <= character <= "\ud7ff"
    initial = "\u1100" <= before <= "\u115f" or "\ua960" <= before <= "\ua97f"
    return later or (initial and ("\u1100" <= character <= "\u115f" or "\uac00" <= character <= "\ud7a3"))


def _flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _word(text: str, end: int) -> int:
    """The cut moved back to the end of a word, when there is one close by."""
    if end >= len(text) or text[end].isspace():
        return end
    space = max(text.rfind(" ", max(0, end - _WORD), end), text.rfind("\n", max(0, end - _WORD), end))
    return space if space > 0 and text[:space].strip() else end


_LOOK_ALIKES = {
    "'": "‘’‚‛‹›′`´",
    '"': "“”„‟«»″",
    "-": "‐‑‒–—―−",
    " ": "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
    "\n": "\v\f\r\x85\u2028\u2029",
    "~": "≈",
    "x": "×",
    "/": "⁄∕",
    "*": "∗",
    "|": "¦",
    "C": "℃",
    "F": "℉",
}
_SPELT = {
    "...": "…",
    "->": "→➔➜",
    "<-": "←",
    "<->": "↔",
    "=>": "⇒",
    "<=": "≤",
    ">=": "≥",
    "!=": "≠",
    "+/-": "±",
    "(c)": "©",
    "(R)": "®",
    "(TM)": "™",
}
"""What several characters say as well: dearer in a text that stays UCS-2, so only where it becomes GSM by it."""
_FORMAT = (  # category Cf but for the joiner and the tags, which emoji need
    "\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001"
)
_EMOJI = "#*0-9©®‼⁉™ℹ\u2190-\u3299\U0001f000-\U0001faff"

_AS_IS = re.compile(_one_of("".join(c for c in BASIC + EXTENSION if c not in "\r\f")) + "*")
_BREAK = re.compile("\r\n")
_UNSEEN = re.compile(f"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u034f{_FORMAT}]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_MARK = re.compile("[A-Za-z][\u0300-\u036f]{1,3}")
_DEGREE = re.compile(r"(?<!°)°{1,3}(?=[CF]\b)")  # bounded: a run of them is no temperature
_BULLET = re.compile(r"^[·∙•‣◦▪▫●■⁃](?=[ \w])|(?<= )[•‣◦▪▫●■⁃](?= )", re.MULTILINE)  # elsewhere they are signs
_RARE = re.compile("[°\u0300-\u036f\u200d\ufe00-\ufe0f\U000e0020-\U000e01ef]")
_LOOSE = re.compile(
    f"(?<![{_EMOJI}])[\ufe00-\ufe0f]+"  # a variation selector behind anything but an emoji
    "|[\U000e0100-\U000e01ef]+"
    f"|(?<![{_EMOJI}])(?<![{_EMOJI}]\ufe0f)\u200d+|\u200d+(?![{_EMOJI}])"  # a joiner between no emoji
    "|(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0020-\U000e007f]+"  # tags behind anything but a flag
)
_TABLE = str.maketrans({ord(c): to for to, those in _LOOK_ALIKES.items() for c in those})
_SPELLING = str.maketrans({ord(c): to for to, those in _SPELT.items() for c in those})
_SPELLABLE = re.compile(_one_of("".join(_SPELT.values())))


def clean(text: str) -> str:
    """The same text for a phone: line feeds only, nothing invisible, and no look-alike that makes it dearer.

    Control characters but LF, format characters (zero-width, bidi), lone surrogates (to U+FFFD) and typographic
    variants of GSM characters are replaced or removed; letters and € never are. A letter and its accent written
    as two characters become one. Never dearer than before, and idempotent.
    """
    if _AS_IS.fullmatch(text):
        return text
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    text = _UNSEEN.sub("", _BREAK.sub("\n", text)).translate(_TABLE)
    as_it_is = _tidy(text)
    if not _SPELLABLE.search(text):
        return as_it_is
    spelt = _tidy(text.translate(_SPELLING))
    return spelt if _GSM.fullmatch(spelt) and count(spelt).parts <= count(as_it_is).parts else as_it_is


def _tidy(text: str) -> str:
    if _RARE.search(text):
        text = _DEGREE.sub("", _MARK.sub(_composed, _LOOSE.sub("", text)))
    return _BULLET.sub("-", text)


def _composed(found: re.Match[str]) -> str:
    return unicodedata.normalize("NFC", found[0])
