"""What somebody wrote himself in an answer: older mails, their introductions and signatures left out.

Line by line and with plain searches: the libraries for this either take minutes for a few kilobytes of "On On On", or
take a writer's own "Von: … An: …" for a forwarded mail. The rules demand evidence (a date, an address, a `>`), and
whatever they find, a text with words never becomes an empty one.
"""

import re

from bridge.text import idioms
from bridge.text.plain import SIGNATURE, tidy

_EVIDENCE = re.compile(r"\d{1,2}[:.h]\d{2}|\d{4}|@")
_DATED = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}\b.{0,120}<[^<>\s@]{1,100}@[^<>\s@]{1,100}>:?")
_LONGEST = 400  # characters of an introduction with its wrapped lines
_WRAPPED = 3  # lines of one
_BLOCK = 12  # lines in which the fields of an older mail must stand
_SIGNATURE = 25  # lines of a signature
_TITLE = 200  # characters of a title between dashes
_POINTING = 2  # lines below a word that only points at the older mail: a greeting, a name
_SLACK = "-_=*> \t\u00a0"
_SENT = re.compile(r"(?s).*\d{4}.*\d{1,2}[:.h]\d{2}|.*\d{1,2}[:.h]\d{2}.*\d{4}")
_AROUND = " \t\u00a0\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # blanks, turns of direction
_ENDING = re.compile(r"\W*(?:\(?-?[aа]\)?)?\W*")  # "napsal(a) :"
_WHEN = re.compile(r".{0,40}\d(?:\W{0,3}[a-z]{1,4})?(?: geschrieben)?\W*")
_NAME_WORDS = 6
_RUN_ON = re.compile(r":[ \u00a0]{2,}(?=\S)")
_DEVICE = re.compile(rf"(?:{'|'.join(idioms.DEVICES)})\s?[.!]?(?:\s{{0,3}}<?https?://\S{{1,300}})?", re.IGNORECASE)


def has_words(text: str) -> bool:
    """Whether anything is said: a letter, a digit, an emoji."""
    return text.strip(_SLACK + "\n\r.,:;|") != ""


def own_words(text: str) -> str:
    """The part of an answer that its writer wrote: above, below or between what is quoted.

    The whole text when nothing else would remain.
    """
    lines = text.split("\n")
    kept: list[str] = []
    introduced = announced = False
    at = 0
    while at < len(lines):
        if lines[at].startswith(">"):
            introduced = introduced or _begins_quoted(lines, at)
            if at and not lines[at - 1].startswith(">"):
                announced = _announces(lines[at - 1])
            if not introduced and (announced or not _in_block(lines, at)) and lines[at].strip("> "):
                kept.append(lines[at])
            at += 1
        elif (length := _introduction(lines, at)) > 0 and (
            (marked := _quoted_next(lines, at + length))
            or by_program(" ".join(line.strip(_AROUND) for line in lines[at : at + length]))
        ):
            at += length
            introduced = True
            if not marked:
                break  # nothing marks the older mail, so it goes to the end
        elif _older_mail(lines, at) or _run_on(lines[at]):
            if kept and _titled(kept[-1]):
                kept.pop()
            break
        else:
            kept.append(lines[at])
            at += 1
    while kept and len(kept[-1].strip()) != 1 and not kept[-1].strip(_SLACK) and kept[-1] != SIGNATURE:
        kept.pop()  # empty lines, and the rule drawn above an older mail
    own = tidy("\n".join(kept))
    return own if has_words(own) and not points_below(own) else text


def unsigned(text: str) -> str:
    """`text` (LF, tidy) without the signature below ``-- `` and what a mail program says of itself in the last line."""
    lines = text.split("\n")
    whole = len(lines)
    for at, line in enumerate(lines) if SIGNATURE in lines else ():
        if line == SIGNATURE and len(lines) - at <= _SIGNATURE and has_words("".join(lines[:at])):
            lines = lines[:at]
            break
    for _ in range(2):
        while lines and not lines[-1].strip():
            lines.pop()
        if len(lines) > 1 and len(lines[-1]) <= _LONGEST and _DEVICE.fullmatch(lines[-1].strip()):
            lines.pop()
            while lines and lines[-1].strip() in {"", "--"}:
                lines.pop()
    if len(lines) == whole:
        return text
    left = tidy("\n".join(lines))
    return left if has_words(left) else text


def points_below(own: str) -> bool:
    """Whether these words mean nothing without what stood below them: "FYI", "see below", "please do this:"."""
    if own.endswith(":"):
        return True
    first, *others = [line for line in own[:_LONGEST].split("\n") if line]
    return len(others) <= _POINTING and first.strip(_SLACK + ".,:;!").lower() in idioms.POINTERS


def _announces(line: str) -> bool:
    """Whether the writer announces the marked lines below this one as his own: "in the menu:", and no date."""
    return line.rstrip().endswith(":") and not _EVIDENCE.search(line)


def _in_block(lines: list[str], at: int) -> bool:
    """Whether a quoted line has a neighbour: one alone may be the writer's own arrow."""
    return any(line.startswith(">") for line in (*lines[max(0, at - 1) : at], *lines[at + 1 : at + 2]))


def _begins_quoted(lines: list[str], at: int) -> bool:
    """Whether the introduction of an older mail is itself quoted here."""
    inner = [line.lstrip("> ") for line in lines[at : at + _BLOCK]]
    return _older_mail(inner, 0) or _introduction(inner, 0) > 0


def _quoted_next(lines: list[str], at: int) -> bool:
    """Whether the next line with anything on it is quoted."""
    return next((line for line in lines[at:] if line.strip()), "").startswith(">")


def _introduction(lines: list[str], at: int) -> int:
    """How many lines from here introduce a quotation ("On … wrote:"); 0 for none."""
    joined = ""
    for length in range(1, _WRAPPED + 1):
        if at + length > len(lines):
            return 0
        line = lines[at + length - 1].strip(_AROUND).replace("\uff1a", ":")
        if not line or line.startswith(">") or len(joined) + len(line) > _LONGEST:
            return 0
        if length > 1 and _introduces(line, line):
            return 0  # what stood before it is the writer's
        joined = f"{joined} {line}" if joined else line
        if joined.endswith(":") or _DATED.fullmatch(joined):
            found = _introduces(joined, lines[at]) or (length == 1 and _said(joined) and _quoted_below(lines, at))
            found = found or ("@" in joined and _SENT.match(joined) is not None and _quoted_next(lines, at + length))
            return length if found else 0
    return 0


def _introduces(joined: str, line: str) -> bool:
    if not joined.endswith(":"):
        return _DATED.fullmatch(joined) is not None
    low, low_first = joined.lower(), line.lower()
    return (
        _EVIDENCE.search(low) is not None
        and not any(own in low for own in idioms.NOT_OPENINGS)
        and (
            any(low.startswith(begin) and verb in (low if begin else low_first) for begin, verb in idioms.OPENINGS)
            or _DATED.fullmatch(joined) is not None
        )
    )


def by_program(introduction: str) -> bool:
    """Whether only a program writes so: nothing but a name or a date beside the verb. "The client wrote on 12 March
    2025 that we must:" introduces the writer's own words.
    """
    if _DATED.fullmatch(introduction):
        return True
    low = introduction.lower()
    for begin, phrase in idioms.OPENINGS:
        verb = phrase.strip(" :")
        at = low.rfind(verb)
        if at < 0 or not low.startswith(begin):
            continue
        rest = low[at + len(verb) :]
        if _ENDING.fullmatch(rest) or "@" in rest or _is_name(introduction[len(introduction) - len(rest) :]):
            return True
        if not begin and _WHEN.fullmatch(rest):
            return True
    return False


def _is_name(text: str) -> bool:
    words = text.strip(" :,").split()
    small = [word for word in words if word[0].islower()]
    return 0 < len(words) <= _NAME_WORDS and words[0] not in small and idioms.PARTICLES.issuperset(small)


def _said(line: str) -> bool:
    low = line.lower()
    return any(verb in low for verb in idioms.VERBS)


def _quoted_below(lines: list[str], at: int) -> bool:
    return any(line.startswith(">") for line in lines[at + 1 : at + 3])


def _older_mail(lines: list[str], at: int) -> bool:
    """Whether an older mail begins here with a line that says so, or with its repeated fields."""
    line = lines[at].strip()
    if line.startswith(("--", "__", "==", "*")) or line.endswith(":"):
        core = line[:_LONGEST].strip(_SLACK).rstrip(":").strip(_SLACK).lower()
        if core in idioms.SEPARATORS or (_titled(line) and "@" in core and _said(f"{core}:")):
            return True
    if _label(line) not in idioms.FROM | idioms.DATE:
        return False
    block = lines[at : at + _BLOCK]
    end = next((n for n in range(1, len(block)) if not block[n - 1].strip() and not block[n].strip()), len(block))
    labels = {_label(entry): entry[:_LONGEST] for entry in reversed(block[:end])}
    dates = [entry for label, entry in labels.items() if label in idioms.DATE]
    if labels.keys().isdisjoint(idioms.FROM) or not dates or labels.keys().isdisjoint(idioms.SUBJECT):
        return False
    if any("@" in entry for label, entry in labels.items() if label in idioms.FROM | idioms.TO):
        return True
    # Without an address a person may have written it, for example an order: programs give the year and the time, and
    # no fields of their own invention.
    first = [_label(entry) for entry in block[: next((n for n, one in enumerate(block) if not one.strip()), end)]]
    return any(_SENT.match(entry) for entry in dates) and idioms.REPEATED.issuperset(filter(None, first))


def _titled(line: str) -> bool:
    """Whether this is a title between dashes, as some programs put it above the fields of an older mail."""
    core = line.strip()
    return core.startswith("--") and core.endswith("--") and len(core) <= _TITLE


def _run_on(line: str) -> bool:
    """Whether an introduction and the whole older mail are one line, as Yahoo's program for phones makes it."""
    end = _RUN_ON.search(line, 0, _LONGEST)
    head = line[: end.start() + 1].strip() if end else ""
    return "@" in head and _introduces(head, head)


def _label(line: str) -> str:
    name, colon, _ = line.strip("*> \t")[:40].replace("\uff1a", ":").partition(":")
    return name.strip("* \u00a0").lower() if colon else ""
