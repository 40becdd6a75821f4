"""Subjects: what one says without the marks that programs put before it, and whether a text says it already. Pure.

Marks are taken off from the front only, a few at a time, and a subject never becomes nothing by it. A tag in brackets
goes unless it tells what has happened: "[RESOLVED] Pump" and "[FIRING:1] Pump" must not become the same SMS.
"""

import re

LONGEST = 250
"""Characters of a subject that anything is made of; Outlook compares 255."""

_MOST_MARKS = 200
_STEM = 4  # characters of a subject cut short that are enough to know its text by

# As mail programs of these languages write it: de nl en / sv da no fi / pl cs hu tr / it pt es fr / el ru lv / hr id is
# cy / ja zh ko / he ar. "R" and "I" are Italian.
_ANSWER = (
    "re|aw|antw|antwort|sv|odp|odpověď|vá|válasz|ynt|yan[ıi]t|rif|r|res|resp|rép|réf|απ|σχετ|отв|ответ|ats|odg|bls"
    "|balas|atb|返信|回复|回覆|答复|答覆|回信|답장|회신|השב|תשובה|رد"
)
_FORWARD = (
    "fwd?|wg|weitergeleitet|doorst|vb|vs|vl|videresend|pd|továbbítás|ilt|tr|enc|rv|i|πρθ|προώθ|пер|пересл"
    "|転送|转发|轉寄|轉發|전달|הועבר|إعادة توجيه"
)
_COUNTER = r"\s*(?:\[\d{1,3}\]|\(\d{1,3}\)|[*^]\d{1,3})?"
_PROGRAM = re.compile(rf"\s*(?:(?P<forward>{_FORWARD})|(?:{_ANSWER}))\.?{_COUNTER}\s*[:：]\s*", re.IGNORECASE)
_DOUBTFUL = (
    "r|i|res|resp|rif|enc|tr|rv|pd|vs|vl|vb|ats|bls|odg|odp|atb|ilt|ynt|sv|tr|rep"  # "ATS: on generator", "VL: 85 °C"
)
_SURE = re.compile(rf"(?!\s*(?:{_DOUBTFUL})\b){_PROGRAM.pattern}", re.IGNORECASE)

# What mail servers of the receiving side put there.
_WARNING = (
    r"ext(?:ern(?:al|es?|o|a)?)?(?:[ :-]{1,3}(?:e-?mail|sender|absender|mail))?"
    r"|(?:suspected |possible )?spam\??|bulk|phishing\??|unchecked"
)
_GATEWAY = re.compile(
    rf"\s*(?:\[\s?(?:{_WARNING})\s?\]|\(\s?(?:{_WARNING})\s?\)|\{{\s?(?:{_WARNING})\s?\}}|<\s?(?:{_WARNING})\s?>"
    rf"|\*{{1,5}}\s?(?:{_WARNING})\s?\*{{1,5}})\s*",
    re.IGNORECASE,
)
_SHOUTED = re.compile(r"\s*(?:EXT(?:ERN(?:AL)?)?|SPAM):\s*")  # may be a word of an alarm, and then belongs to it
_TAG = re.compile(r"\s*\[([^\[\]]{1,40})\]\s*")
# A tag that is news: a number but a ticket's, a sign that is no letter, or one of these words in it.
_NEWS = re.compile(
    r"(?<![\d#])(?<!# )\d|[^\w\s.,:;/@#&+'()-]"
    r"|\b(?:firing|resolved|pending|ok|up|down|problem|recovery|recovered|flapping|acknowledge(?:d|ment)|alert(?:ing)?"
    r"|alarm|normal|no data|error|fail(?:ed|ure)?|fatal|panic|emergency|critical|crit|major|minor|warn(?:ing)?|notice"
    r"|info|high|low|test|success(?:ful)?|passed|fixed|broken|open(?:ed)?|closed|new|urgent|important|action required"
    r"|reminder|started|stopped|offline|online|degraded|unreachable|timeout"
    r"|dringend|wichtig|eilig|eilt|fehler|stör(?:ung|fall)|störungsende|entwarnung|behoben|gelöst|warnung|kritisch|notfall"
    r"|ausfall|erledigt|neu|übung|probe|erinnerung|gestartet|gestoppt|hoch|niedrig"
    r"|résolu|erreur|panne|alerte|critique|urgence|rétabli"
    r"|risolto|errore|allarme|critico|urgente|resuelto|fallo|alarma|crítico)\b",
    re.IGNORECASE,
)
_MARKING = re.compile(r"[:：\[({<*]")  # no mark is without one of these
_CUT = re.compile(r"\s*(?:\.{3}|…)$")
_END_OF_SENTENCE = ".:;,!?- "


def bare(subject: str, *, answers: bool = True) -> str:
    """A subject without its leading Re:, WG:, [list], [EXTERN] and the like, however many; on one line.

    Of a mail that neither answers nor hands on (`answers`, by its fields) only the marks that mean nothing else go.
    """
    return _without(subject, _PROGRAM if answers else _SURE, _GATEWAY, _TAG)


def topic(subject: str) -> str:
    """What a conversation is about, to be the same in all its mails: no Re:, no WG:, no gateway's warning.

    Tags stay, since mail programs compare them. "" where nothing is left to compare.
    """
    left = _without(subject, _PROGRAM, _GATEWAY, _SHOUTED)
    return "" if _PROGRAM.fullmatch(left) or _GATEWAY.fullmatch(left) else left


def forwards(subject: str) -> bool:
    """Whether the first mark says that a mail is handed on rather than answered."""
    while found := _GATEWAY.match(subject):
        subject = subject[found.end() :]
    mark = _PROGRAM.match(subject)
    return mark is not None and mark["forward"] is not None


def repeated(subject: str, text: str) -> bool:
    """Whether the text's first line says the subject already: equal to it or beginning with it, at a word's end.

    A subject that its program cut short ("...") is one of those too.
    """
    said, line = _folded(subject), _folded(text.lstrip().split("\n", 1)[0])
    stem = _CUT.sub("", said)
    if stem != said and len(stem) >= _STEM:
        return line.startswith(stem)
    said = said.rstrip(_END_OF_SENTENCE) or said
    return line.startswith(said) and not line[len(said) : len(said) + 1].isalnum()


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _without(subject: str, *marks: re.Pattern[str]) -> str:
    subject = " ".join(subject[: 2 * LONGEST].split())
    if _MARKING.search(subject) is None:
        return subject[:LONGEST].rstrip()
    for _ in range(_MOST_MARKS):
        found = next(filter(None, (mark.match(subject) for mark in marks)), None)
        if found is None or found.end() >= len(subject) or (found.re is _TAG and _NEWS.search(found[1])):
            break
        subject = subject[found.end() :]
    return subject[:LONGEST].rstrip()
