"""What gateways, scanners and lists put below a letter, taken off again.

From the end upwards, paragraph by paragraph, as long as each says of itself what it is; the first one stays whatever
it says. A disclaimer must speak of the mail, of whom it is for or went to by mistake, and of more that disclaimers
speak of, so that a writer's own "please treat this as confidential" is none.
"""

import re

from bridge.text import boilerplate

_TAIL = 14  # paragraphs looked at
_LONG = 4000  # characters of a paragraph looked at
_SHORT = 600  # characters of what a scanner or a list says
_LEAST = 80  # characters of a disclaimer
_OTHERS = 3  # kinds a disclaimer speaks of besides the mail
_LINES = 100  # of a paragraph looked at
_OTHERS_APART = 2  # the same, below a line or a heading
_RULE = 5  # characters of a line
_RULES = "-_=*~#+ \t\u2010\u2011\u2012\u2013\u2014\u2015\u2500\u2501"
_RULE_BEGINS = frozenset(_RULES)
_DASHES = {"--", "-", "\u2013", "\u2014", "***"}
_WHOM = frozenset({"recipient", "error"})
"""Kinds without one of which no paragraph is a disclaimer."""

_WHOM_WORDS = tuple(word for kind in _WHOM for word in boilerplate.DISCLAIMER[kind])

_DIGIT = re.compile(r"\d")
_MAILBOX = re.compile(r"\S@\S")


def without_footers(text: str) -> str:
    """`text` (LF, tidy) without disclaimers, scanners' and lists' words at its end; never without its beginning."""
    if len(text) < _LEAST and "\n" not in text and not _reaches(text):
        return text
    lines = text.split("\n")
    cut = _footer(lines)
    if cut == len(lines):
        return text
    while cut and (not lines[cut - 1].strip() or lines[cut - 1].strip() in _DASHES):
        cut -= 1
    return "\n".join(lines[:cut]) or text


def _footer(lines: list[str]) -> int:
    """The line with which the footers begin; all of them where there is none."""
    cut, loose = len(lines), False
    units = _units(lines)
    for index in range(len(units) - 1, max(0, len(units) - 1 - _TAIL), -1):
        begin, end = units[index]
        unit = " ".join(lines[begin:end])[:_LONG]
        if _is_rule(unit) or _is_heading(unit):
            if cut < len(lines) and not loose:
                cut = begin
            continue
        apart = _is_apart(lines, units[index - 1])
        kinds = disclaimed(unit)
        start = _disclaimer_in(lines[begin:end], kinds, apart=apart)
        if start == 0 or _is_line(unit, kinds, apart=apart):
            cut, loose = begin, False
        elif start > 0:
            return begin + start
        elif kinds or _reaches(unit):
            loose = True  # part of a disclaimer when one stands above
        else:
            return cut
    start = _disclaimer_in_first(lines, *units[0]) if 0 < len(units) <= _TAIL else -1
    return units[0][0] + start if start > 0 else cut


def _disclaimer_in_first(lines: list[str], begin: int, end: int) -> int:
    """At which of its lines a disclaimer begins in the first paragraph, which is all that most alarms have."""
    unit = " ".join(lines[begin:end])[:_LONG]
    if len(unit) < _LEAST:
        return -1
    low = unit.lower()
    if not any(map(low.__contains__, _WHOM_WORDS)):
        return -1
    return _disclaimer_in(lines[begin:end], disclaimed(unit), apart=False)


def _units(lines: list[str]) -> list[tuple[int, int]]:
    """Paragraphs as (first line, line behind the last); a drawn line is one of its own."""
    found: list[tuple[int, int]] = []
    begin = -1
    for at, line in enumerate([*lines, ""]):
        rule = line[:1] in _RULE_BEGINS and _is_rule(line)
        empty = not line or line.isspace()
        if begin >= 0 and (rule or empty):
            found.append((begin, at))
            begin = -1
        if rule:
            found.append((at, at + 1))
        elif begin < 0 and not empty:
            begin = at
    return found


def _reaches(text: str) -> bool:
    """Whether an address of the web or of a mailbox stands in it."""
    return "http://" in text or "https://" in text or "www." in text or ("@" in text and bool(_MAILBOX.search(text)))


def _is_rule(line: str) -> bool:
    return len(line.strip()) >= _RULE and not line.strip(_RULES)


def _is_heading(unit: str) -> bool:
    return unit.strip("*_#:- \t").lower() in boilerplate.HEADINGS


def _is_apart(lines: list[str], above: tuple[int, int]) -> bool:
    unit = "\n".join(lines[above[0] : above[1]])
    return _is_rule(unit) or _is_heading(unit) or unit.strip() in _DASHES


def disclaimed(text: str) -> set[str]:
    """The kinds of things disclaimers speak of that are spoken of here."""
    low = text.lower()
    return {kind for kind, words in boilerplate.DISCLAIMER.items() if any(word in low for word in words)}


def _is_disclaimer(unit: str, kinds: set[str], *, apart: bool) -> bool:
    if len(unit) < _LEAST or not kinds & _WHOM or boilerplate.INFORMAL.search(unit):
        return False
    if not kinds & {"confidential", "forbidden", "sender", "law"}:
        return False
    heading, colon, _ = unit.partition(":")
    headed = bool(colon) and _is_heading(heading)
    if "mail" not in kinds and not headed:
        return False
    return len(kinds - {"mail"}) >= (_OTHERS_APART if apart or headed else _OTHERS)


def _is_line(unit: str, kinds: set[str], *, apart: bool) -> bool:
    """Whether it is a scanner's or a list's, or asks for paper to be saved."""
    if len(unit) > _SHORT:
        return False
    words = boilerplate
    if words.SCANNERS.search(unit) and (words.VIRUS_FREE.search(unit) or ("mail" in kinds and "virus" in unit.lower())):
        return True
    if words.SCANNED.search(unit) and "mail" in kinds and not words.NOT.search(unit):
        return True
    if all(pattern.search(unit) for pattern in words.PAPER) and not _DIGIT.search(unit):
        return True
    if not _reaches(unit):
        return False
    if words.BECAUSE.search(unit) and words.LISTENS.search(unit):
        return True
    return words.SUBSCRIBED.search(unit) is not None or (apart and words.LISTED.search(unit) is not None)


def _disclaimer_in(lines: list[str], kinds: set[str], *, apart: bool) -> int:
    """At which line of a paragraph, which speaks of `kinds`, a disclaimer begins that goes to its end; -1: none."""
    if not kinds & _WHOM:
        return -1
    for at, line in enumerate(lines[:_LINES]):
        spoken = disclaimed(" ".join(lines[at : at + 2]))  # "this" may be in one line and "message" in the next
        if len(disclaimed(line)) > 1 or (spoken & {"mail"} and disclaimed(line)) or _is_heading(line.partition(":")[0]):
            rest = " ".join(lines[at:])[:_LONG]
            return at if _is_disclaimer(rest, disclaimed(rest), apart=apart and at == 0) else -1
    return -1
