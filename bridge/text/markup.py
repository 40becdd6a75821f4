"""HTML as a reader sees it, in bounded steps.

lxml parses, behind two guards: what nobody sees (comments, styles, scripts) is cut out with plain searches before
the size is bounded, and nesting is flattened, since libxml2 drops all text deeper than 256 levels. The walk that
makes lines of it is our own: libraries pad table columns with blanks, which an SMS pays for, and need time that
grows with the square of a table.
"""

import re
from itertools import islice

from lxml import etree

from bridge.text import sight
from bridge.text.refused import MARKUP

_LEVELS = 200
_UNSEEN = re.compile(rf"<(?:!--|({'|'.join(sorted(sight.DROPPED))})(?=[\s>/]))", re.IGNORECASE | re.ASCII)
_ENDS = {
    name: re.compile(rf"</{name}\s{{0,99}}>" + (r"|(?=<body[\s>])" if name == "head" else ""), re.IGNORECASE | re.ASCII)
    for name in sight.DROPPED
}
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:-]{0,40})[^<>]*>")
_FLAT = {  # elements that HTML closes by itself, or that hold nothing
    *("p", "li", "td", "th", "tr", "dd", "dt", "option", "br", "hr", "img", "input", "meta", "link", "col", "wbr"),
    *("area", "base", "embed", "source", "track", "param", "o:p", "tbody", "thead", "tfoot", "body", "html"),
}
_WEIGHTS = {"table": 4, "ul": 2, "ol": 2, "dl": 2}
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_NO_MARGIN = re.compile(r"(?:^|;)margin(?:-bottom)?:0")
_SPACE = re.compile("[ \t\n\r\f]+")
_INDENT = re.compile("^ *\u00a0[\u00a0 ]*", re.MULTILINE)
_GAP = re.compile("(?: (?=\u00a0))?\u00a0(?:\u00a0| (?=\u00a0))* ?")  # what was moved with blanks that do not collapse


def tree(markup: str) -> etree._Element | None:
    """The parsed document, bounded; None when there is nothing in it."""
    text = _visible(markup)
    if len(text) > MARKUP:
        end = text.rfind("<", 0, MARKUP)  # a tag cut in two would show as text
        text = text[: MARKUP if end < text.rfind(">", 0, MARKUP) else end]
    text = _flattened(_CONTROL.sub("", text))
    if not text.strip():
        return None
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
    try:
        return etree.fromstring(text.encode("utf-8"), parser)
    except etree.LxmlError:
        return None


def _visible(markup: str) -> str:
    """Without comments, styles, scripts and the head; what is never closed stays, as there may be words in it."""
    out: list[str] = []
    at, unclosed = 0, set[str]()
    while (found := _UNSEEN.search(markup, at)) is not None:
        out.append(markup[at : found.start()])
        name = (found[1] or "").lower()
        end = -1
        if name not in unclosed:
            end = _end(markup, name, found.end())
            if end < 0:
                unclosed.add(name)
        if end < 0:
            at = found.end()  # the mark goes, its content stays
            out.append("" if not name else found[0])
        else:
            at = end
    out.append(markup[at:])
    return "".join(out)


def _end(markup: str, name: str, at: int) -> int:
    if not name:
        end = markup.find("-->", at)
        return end + 3 if end >= 0 else -1
    closing = _ENDS[name].search(markup, at)
    return closing.end() if closing else -1


def _flattened(markup: str) -> str:
    """Without the tags that nest deeper than libxml2 reads; their text stays."""
    if markup.count("<") <= _LEVELS:
        return markup
    depth = 0

    def keep(found: re.Match[str]) -> str:
        nonlocal depth
        name = found[2].lower()
        if name in _FLAT or found[0].endswith("/>"):
            return found[0]
        weight = _WEIGHTS.get(name, 1)
        if found[1]:
            deep = depth > _LEVELS
            depth = max(0, depth - weight)
        else:
            depth += weight
            deep = depth > _LEVELS
        return "" if deep else found[0]

    return _TAG.sub(keep, markup)


class _Page:
    """Lines of text under construction: blanks collapse, line breaks add up to one empty line."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.breaks = 0
        self.space = False
        self.unsized = False  # letters have no height here
        self.numbers: list[int | None] = []  # of the lists around: the next item's number, None for bullets

    def text(self, text: str | None) -> None:
        if not text or self.unsized:
            return
        words = _SPACE.sub(" ", text)
        self.space = self.space or words[0] == " "
        if (inner := words.strip(" ")) != "":
            self.word(inner)
            self.space = words[-1] == " "

    def word(self, word: str) -> None:
        if self.unsized:
            return
        if self.breaks:
            self.out.append("\n" * min(self.breaks, 2) if self.out else "")
        elif self.space and self.out:
            self.out.append(" ")
        self.breaks, self.space = 0, False
        self.out.append(word)

    def block(self, breaks: int) -> None:
        self.breaks = max(self.breaks, breaks)

    def quotation(self) -> None:
        for _ in range(2):
            self.block(1)
            self.word(">")
        self.block(1)

    def lines(self, text: str | None) -> None:
        first, *others = (text or "").split("\n")
        self.word(first)
        for line in others:
            self.breaks += 1
            self.word(line or "\u00a0")


_BLOCKS = {
    **dict.fromkeys(("div", "section", "article", "header", "footer", "main", "nav", "aside", "center", "form"), 1),
    **dict.fromkeys(
        (
            "address",
            "tr",
            "table",
            "caption",
            "details",
            "summary",
            "li",
            "dt",
            "dd",
            "figure",
            "figcaption",
            "hr",
            "pre",
        ),
        1,
    ),
    **dict.fromkeys(("blockquote", "fieldset", "legend", "body", "ul", "ol", "dl", "hgroup", "listing", "xmp"), 1),
    **dict.fromkeys(("p", "h1", "h2", "h3", "h4", "h5", "h6"), 2),
}
_DEEPEST = 3  # lists within lists that are moved to the right
_DIGITS = 6  # of an item's number
_EMOJI = 4  # characters of an emoji that a mail program sent as an image
_LINK = 120  # characters of a link that is worth showing
_BUTTON = 5  # blanks in the words on a button
_INSIDE = re.compile(r"https?://[^/?#]+/[^/?#]")
_NOT_DIGIT = re.compile(r"[^0-9]")
_NUMBER = re.compile(r"\+?[0-9 ()./-]{3,20}")


def render(root: etree._Element) -> str:
    """The lines of a document."""
    page = _Page()
    _walk(root, page)
    return _GAP.sub(" ", _INDENT.sub("", "".join(page.out)))


def _walk(element: etree._Element, page: _Page) -> None:
    if not isinstance(element.tag, str):
        return
    breaks = _breaks(element)
    if sight.hidden(element):
        page.block(min(breaks, 1))  # words on both sides of a hidden quotation are not one word
        if element.get("hidden") == sight.QUOTED:
            page.quotation()
        return
    if breaks:
        page.block(breaks)
    around, page.unsized = page.unsized, sight.unsized(element, page.unsized)
    _before(element, page)
    if element.tag in {"pre", "listing", "xmp"}:
        page.lines(element.text)
    else:
        page.text(element.text)
    if element.tag in {"ul", "ol"}:
        page.numbers.append(_number(element.get("start"), 1) if element.tag == "ol" else None)
    for child in element:
        _walk(child, page)
        page.text(child.tail)
    _after(element, page)
    page.unsized = around
    if breaks:
        page.block(breaks)


def _after(element: etree._Element, page: _Page) -> None:
    """What an element leaves behind."""
    if element.tag in {"ul", "ol"}:
        page.numbers.pop()
    elif element.tag == "a":
        page.text(_target(element))
    elif element.tag in {"td", "th"}:
        page.space = True


def _breaks(element: etree._Element) -> int:
    breaks = _BLOCKS.get(str(element.tag), 0)
    if element.tag == "p":
        style = (element.get("style") or "").replace(" ", "").lower()
        if "Mso" in (element.get("class") or "") or _NO_MARGIN.search(style):
            return 1  # Outlook writes a paragraph per line
    return breaks


def _before(element: etree._Element, page: _Page) -> None:
    """What an element shows of its own."""
    tag = element.tag
    if tag == "br":
        page.breaks += 1
    elif tag == "li":
        number = page.numbers[-1] if page.numbers else None
        number = number if number is None else _number(element.get("value"), number)
        page.word("  " * min(len(page.numbers) - 1, _DEEPEST) + ("-" if number is None else f"{number}."))
        page.space = True
        if number is not None:
            page.numbers[-1] = number + 1
    elif tag in {"td", "th"}:
        page.space = True
    elif tag == "img":
        alt = (element.get("alt") or "").strip()
        if (len(alt) <= _EMOJI and not alt.isascii()) or _is_button(element, alt):
            page.text(alt)


def _number(given: str | None, otherwise: int) -> int:
    """An item's number where the list gives one."""
    digits = (given or "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS else otherwise


def _is_button(image: etree._Element, alt: str) -> bool:
    """Whether a picture is all there is to see of a link into a page. Logos and "Facebook" lead to front doors."""
    link = image.getparent()
    if link is None or link.tag != "a" or not 1 <= alt.count(" ") <= _BUTTON or "logo" in alt.lower():
        return False
    return (
        len(link) == 1
        and not (link.text or image.tail or "").strip()
        and _INSIDE.match(link.get("href") or "") is not None
    )


def _target(link: etree._Element) -> str:
    """A link's address when its text does not show it, with a blank before it; of a telephone link the number."""
    address = (link.get("href") or "").strip()
    shown = "".join(str(part) for part in islice(link.itertext(), 50)).strip().lower()
    if address.startswith(("tel:", "sms:")):
        number = address[4:].partition("?")[0]
        same = _NOT_DIGIT.sub("", number)[-6:] in _NOT_DIGIT.sub("", shown)
        return "" if not shown or same or not _NUMBER.fullmatch(number) else f" {number}"
    bare = address.partition("://")[2].rstrip("/").lower().removeprefix("www.")
    image = (
        len(link) == 1
        and link[0].tag == "img"
        and not shown
        and _is_button(link[0], (link[0].get("alt") or "").strip())
    )
    if not address.startswith(("http://", "https://")) or not (shown or image) or len(address) > _LINK or bare in shown:
        return ""
    return f" {address}"
