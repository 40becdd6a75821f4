"""Company data below a name, taken off where it surely is that.

The closing and the name stay. What follows goes only when two kinds of evidence stand in it (a telephone label, a
web address, a register number, a postal address, a company's form, a mail address), when nothing in it looks like a
sentence, and when the words above do not need it ("my new address"); after "call me" the telephone numbers stay. Below
a bare ``--`` or a drawn line, which also underlines a heading and frames an alarm, the author's name must stand.
"""

import re
from functools import lru_cache

from bridge.text import boilerplate

_LINES = 25  # of a closing with everything below it
_LINE = 120  # characters of a line of company data
_NAME = 60  # characters of a name
_KINDS = 2  # of evidence
_TITLE_WORDS = 6
_RULES = "-_=\u2013\u2014*"
_CLOSED = re.compile(r"[?!]$|\w\.\.\.$|\u2026$|:$")
_LOWER = re.compile(r"^[a-zäöüàâéèêìîòóôùûñç]")
_SENTENCE_END = re.compile(r"[a-zäöüßàâéèêìîòóôùûñç]{4,}\.$")
_PUNCTUATION = ",.;!:- \t\u2013\u2014"


_FIRST_WORD = re.compile(r"[^ ,]*")
_FIRST_WORDS = frozenset(closing.partition(" ")[0] for closing in boilerplate.CLOSINGS)


def without_imprint(text: str, author: str) -> str:
    """`text` (LF, tidy) without the company data below its closing; `author` is the name in its From field, or ""."""
    lines = text.split("\n")
    end = _end(lines, _names(author))
    if end == len(lines):
        return text
    kept = lines[:end]
    if boilerplate.CALLED.search("\n".join(kept)):
        kept += [line for line in lines[end:] if boilerplate.EVIDENCE["phone"].search(line[:_LINE])]
    return "\n".join(kept).rstrip() or text


def _end(lines: list[str], names: frozenset[str]) -> int:
    """The number of lines that stay."""
    full = _full(names)
    for at in range(len(lines) - 1, max(0, len(lines) - 1 - _LINES), -1):
        line = lines[at].strip()
        if _separates(line):
            below = [one for one in lines[at + 1 :] if one.strip()]
            if any(one.strip() for one in lines[:at]) and _is_signature(below, names):
                return at
        elif (named := _closes(line)) is not None:
            name_at = at if named else _next(lines, at + 1)
            rest = lines[name_at + 1 :]
            if name_at < len(lines) and _is_name(lines[name_at]) and _is_imprint(rest, "\n".join(lines[:at])):
                return name_at + 1
            return len(lines)
        elif full and _key(line) in full and at and not lines[at - 1].strip():
            rest = lines[at + 1 :]
            if _is_imprint(rest, "\n".join(lines[:at])):
                return at + 1
    return len(lines)


def _next(lines: list[str], at: int) -> int:
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at


def _separates(line: str) -> bool:
    return len(line) > 1 and not line.strip(_RULES)


def _closes(line: str) -> bool | None:
    """Whether a closing has its name in the same line; None for what is no closing."""
    if len(line) > _NAME + 30:
        return None
    low = line.lower().lstrip(_PUNCTUATION)
    if _FIRST_WORD.match(low)[0].rstrip(_PUNCTUATION) not in _FIRST_WORDS:  # type: ignore[index]  # it matches always
        return None
    if low.rstrip(_PUNCTUATION) in boilerplate.CLOSINGS:
        return False
    for cut in (",", " "):  # "Liebe Grüße, Nora", "LG Nora"
        head, _, name = low.rpartition(cut)
        if head.strip(_PUNCTUATION) in boilerplate.CLOSINGS and name.strip():
            return True
    return None


def _is_name(line: str) -> bool:
    return len(line.strip()) <= _NAME and not _evidence([line])


def _key(name: str) -> str:
    return " ".join(name.lower().strip(_PUNCTUATION + "\"'").split())


@lru_cache(maxsize=256)  # the same few write all day
def _names(author: str) -> frozenset[str]:
    """The spellings of the author's name that stand alone in a line: the whole, turned round at a comma, and what his
    address says.
    """
    name, _, address = author.partition("<")
    name = name.strip(" \"'")[:_NAME]
    last, comma, first = name.partition(",")
    local = (address or name).partition("@")[0].replace(".", " ")[:_NAME] if "@" in author else ""
    found = {_key(name), _key(f"{first} {last}") if comma else "", _key(local)}
    return frozenset(one for one in found if len(one) > 1 and "@" not in one)


def _full(names: frozenset[str]) -> frozenset[str]:
    """Those that are a person's whole name: "Alarm" and "Office" head a list as well."""
    return frozenset(one for one in names if " " in one)


def _evidence(lines: list[str]) -> set[str]:
    return {kind for kind, pattern in boilerplate.EVIDENCE.items() for line in lines if pattern.search(line[:_LINE])}


def _is_signature(below: list[str], names: frozenset[str]) -> bool:
    """Whether what stands below a drawn line is one: the author's name, or its beginning, and data."""
    if not below or len(below) > _LINES:
        return False
    first = _key(below[0])
    by_author = any(first == name or name.startswith(f"{first} ") or first.startswith(f"{name} ") for name in names)
    return by_author and all(_is_data(line) for line in below)


def _is_imprint(rest: list[str], above: str) -> bool:
    """Whether these lines, below a name, are company data and nothing else."""
    if not any(line.strip() for line in rest) or above.rstrip().endswith(":") or boilerplate.WANTED.search(above):
        return False
    if boilerplate.PAID.search(above) and any(boilerplate.ACCOUNT.search(line) for line in rest):
        return False
    if not all(_is_data(line) for line in rest) or len(_evidence(rest)) < _KINDS:
        return False
    paragraphs = [part.split("\n") for part in "\n".join(rest).split("\n\n") if part.strip()]
    beside_name = bool(rest[0].strip())
    titles = 0 if beside_name else 1  # a position in a paragraph of its own, directly below the name
    for number, paragraph in enumerate(paragraphs):
        if not _evidence(paragraph) and not (number == 0 and (beside_name or titles)):
            return False
    return True


def _is_data(line: str) -> bool:
    """Whether a line could belong to company data: it shows evidence, or is as short and as plain as a position."""
    words = line.strip()
    if not words:
        return True
    low = words.lower()
    if len(words) > _LINE or low.startswith(boilerplate.SENTENCES) or _CLOSED.search(words):
        return False
    if _evidence([words]):
        return _SENTENCE_END.search(words) is None or len(words.split()) <= _TITLE_WORDS
    plain = not words.endswith(".") and not _LOWER.match(words) and not any(c.isdigit() for c in words)
    return plain and len(words.split()) <= _TITLE_WORDS
