"""How many SMS a text makes, as the provider counts: GSM 03.38 with its extension table, else UCS-2.

Written from 3GPP TS 23.038 and TS 23.040 and shared with nobody: the bridge counts by itself, and only two
independent counters can catch each other's mistakes.
"""

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("^{}\\[~]|€\f")  # an escape septet before each
_GSM = _BASIC | _EXTENSION

_SINGLE = {"gsm": 160, "ucs2": 70}
_JOINED = {"gsm": 153, "ucs2": 67}  # six octets of each part go to the concatenation header


def alphabet(text: str) -> str:
    """ "gsm" or "ucs2"."""
    return "gsm" if _GSM.issuperset(text) else "ucs2"


def _units(character: str, name: str) -> int:
    if name == "gsm":
        return 2 if character in _EXTENSION else 1
    return len(character.encode("utf-16-le", "surrogatepass")) // 2


def split(text: str) -> list[str]:
    """The parts as the phone gets them; an escape pair or a surrogate pair is never torn."""
    name = alphabet(text)
    if sum(_units(c, name) for c in text) <= _SINGLE[name]:
        return [text]
    parts: list[str] = []
    start = used = 0
    for place, character in enumerate(text):
        units = _units(character, name)
        if used + units > _JOINED[name]:
            parts.append(text[start:place])
            start, used = place, 0
        used += units
    parts.append(text[start:])
    return parts


def count(text: str) -> int:
    """The number of parts, at least 1."""
    if len(text) <= _SINGLE["gsm"] and _BASIC.issuperset(text):
        return 1  # the usual case, cheap: the simulator is a load sink too
    return len(split(text))
