"""What of a page is seen: by its elements and its styles, as a browser would show it."""

import re
from typing import Final

from lxml import etree

DROPPED: Final = frozenset(
    {"style", "script", "title", "head", "noembed", "noscript", "svg", "math", "select", "template"}
)
"""Elements that hold nothing to read."""

QUOTED: Final = "quoted by a mail program"
"""The value of `hidden` for a quotation, of which marks stay, as in plain text."""

_HIDDEN = re.compile(
    r"display:none|visibility:hidden|mso-hide:all|max-height:0(?:px|pt)?(?:;|!|$)|opacity:0(?:;|!|$)",
)
_SIZE = re.compile(r"(?:^|;)font(?:-size)?:([^;]*)")
_NO_SIZE = re.compile(r"0*\.?0*(?:px|pt|r?em|%)?(?:!important)?")


def hidden(element: etree._Element) -> bool:
    """Whether a browser would not show it: preheaders, alternatives for one mail program."""
    if not element.attrib:
        return element.tag in DROPPED
    style = element.get("style")
    if style and _HIDDEN.search(style.replace(" ", "").lower()):
        return True
    return element.get("hidden") is not None or element.tag in DROPPED


def unsized(element: etree._Element, around: bool) -> bool:
    """Whether its letters have no height. Layouts begin with no size and give one to what they show."""
    style = element.get("style")
    sizes = _SIZE.findall(style.replace(" ", "").lower()) if style and "font" in style.lower() else []
    return _NO_SIZE.fullmatch(sizes[-1]) is not None if sizes else around
