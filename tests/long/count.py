"""The bridge's count of parts against the simulator's, which shares no line with it, over very many random texts."""

import random
from dataclasses import dataclass, field

from bridge import gsm
from bridge.simulator import segments

_WIDE = "".join(map(chr, (0x1F600, 0x1F44D, 0x10348, 0x20000, 0xE0067, 0x10FFFF)))
_ALPHABETS = (
    gsm.BASIC,
    gsm.BASIC + gsm.EXTENSION * 10,
    gsm.EXTENSION,
    gsm.BASIC * 3 + "őж日\u00a0…" + gsm.EXTENSION,
    gsm.BASIC + _WIDE * 8,
    _WIDE,
    "",  # any character
)
_LONGEST = 1600  # characters: ten parts and more
_MARGIN = 8  # characters before and behind a border that are tried one by one


@dataclass(kw_only=True)
class Figures:
    """What was counted; `wrong` says where the two differ."""

    texts: int = 0
    characters: int = 0
    gsm: int = 0
    ucs2: int = 0
    most_parts: int = 0
    wrong: list[str] = field(default_factory=list)


def prove(*, characters: int, seed: int) -> Figures:
    """Texts of every kind until they have so many characters in all."""
    dice, figures = random.Random(seed), Figures()
    while figures.characters < characters:
        text = _text(dice)
        _compare(text, figures)
        found = gsm.count(text)
        edge = dice.choice([gsm.SINGLE[found.encoding], gsm.PART[found.encoding] * dice.randrange(1, 5)])
        if abs(found.units - edge) > _MARGIN and figures.texts % 4 == 0:
            for length in range(max(edge - _MARGIN, 0), min(edge + _MARGIN, len(text))):
                _compare(text[:length], figures)
    return figures


def _text(dice: random.Random) -> str:
    alphabet, length = dice.choice(_ALPHABETS), dice.randrange(1, _LONGEST)
    if alphabet:
        return "".join(dice.choices(alphabet, k=length))
    codes = (dice.randrange(0x110000) for _ in range(length))
    return "".join(chr(code) for code in codes if not 0xD800 <= code <= 0xDFFF)


def _compare(text: str, figures: Figures) -> None:
    ours = gsm.count(text)
    theirs = segments.split(text) if text else []
    figures.texts += 1
    figures.characters += len(text)
    figures.most_parts = max(figures.most_parts, ours.parts)
    if ours.encoding == "gsm":
        figures.gsm += 1
    else:
        figures.ucs2 += 1
    if (ours.encoding, ours.parts) != (segments.alphabet(text), len(theirs)):
        figures.wrong.append(f"{text!r:.80}: {ours} here, {len(theirs)} at the simulator")
