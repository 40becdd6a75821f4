"""The words of a mail's leaves, and those of them that its writer wrote.

What comes off at the end stands in layers, in whatever order programs and gateways put them there; so they are taken
off until nothing more goes. Whatever a rule finds, words never become nothing.
"""

import re
from dataclasses import dataclass

from bridge.nouns import light
from bridge.text import containers, footers, imprint, markup, plain, quotes
from bridge.text.parts import Part
from bridge.text.refused import TEXT

_LAYERS = 6
_FORWARDED = re.compile(
    r"\s*(?:(?:re|aw|antw|sv|r|odp|vs)\s?:\s*){0,3}(?:\[[^\]]{1,40}\]\s*)?"
    r"(?:fwd?|wg|tr|i|rv|enc|doorst|vb|vs|vl|pd|fs|fwd:?\s*fwd|továbbítva|továbbítás|ilt|перенаправлено|转发)\s?:",
    re.IGNORECASE,
)


@light
@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What the fields of a mail say of its words."""

    reply: bool  # it answers a mail
    generated: bool = False  # it says that a machine wrote it: what looks like an older mail there is its own
    subject: str = ""
    author: str = ""  # the From field, decoded

    @property
    def holds_older(self) -> bool:
        """Whether an older mail may stand in it."""
        return not self.generated and (self.reply or _FORWARDED.match(self.subject) is not None)


def texts(leaves: list[Part], around: Circumstances) -> tuple[str, str]:
    """All the words, and those of the writer; each at most 16,384 characters. Raises Refused (554 5.6.1)."""
    older = around.holds_older
    raws, owns = [], []
    for leaf in leaves:
        raw, own = (_markup if leaf.kind == "text/html" else _plain)(leaf, older=older)
        raws.append(raw)
        owns.append(own)
    own = _together(owns)
    if older:
        own = _unmarked(quotes.own_words(own))
    left = own_words_only(own, around.author)
    return _together(raws), left if left is own else plain.tidy(left)


def _together(texts: list[str]) -> str:
    """As one: tidy, as each of them is, and not too long."""
    if len(texts) == 1 and len(texts[0]) <= TEXT:
        return texts[0]
    return plain.tidy("\n".join(filter(None, texts))[:TEXT])


def own_words_only(text: str, author: str) -> str:
    """Without what stands below the words: signatures, what programs and gateways add, company data."""
    for _ in range(_LAYERS):
        left = imprint.without_imprint(footers.without_footers(quotes.unsigned(text)), author)
        if not quotes.has_words(left) or left == text:
            break
        text = left
    return text


def _plain(leaf: Part, *, older: bool) -> tuple[str, str]:
    text = leaf.text()
    text = plain.unarmoured(plain.lines(plain.without_depths(text) if older else text))
    if leaf.parameters.get("format", "").lower() == "flowed":
        text = plain.flowed(text, delete_space=leaf.parameters.get("delsp", "").lower() == "yes")
    text = plain.tidy(text)
    return text, text


def _markup(leaf: Part, *, older: bool) -> tuple[str, str]:
    root = markup.tree(leaf.text())
    if root is None:
        return "", ""
    raw = own = plain.tidy(plain.lines(markup.render(root)))
    for hide in (containers.hide_signatures, *((containers.hide_quotes,) if older else ())):
        if hide(root):
            left = plain.tidy(plain.lines(markup.render(root)))
            said = _unmarked(left)
            own = left if quotes.has_words(said) and not quotes.points_below(said) else own
    return raw, own


def _unmarked(text: str) -> str:
    """Without the marks that stand for quotations of a page."""
    return plain.tidy("\n".join(line for line in text.split("\n") if line != ">"))
