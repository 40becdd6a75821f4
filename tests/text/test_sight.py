"""What a browser would not show, and what only looks so."""

import pytest
from lxml import etree

from bridge.text import sight


def element(html: str) -> etree._Element:
    return etree.fromstring(html)


@pytest.mark.parametrize(
    "html",
    [
        "<style/>",
        '<p hidden=""/>',
        '<p style="display : none"/>',
        '<p style="DISPLAY:none !important"/>',
        '<p style="mso-hide: all"/>',
        '<p style="max-height:0;overflow:hidden"/>',
        '<p style="opacity:0"/>',
    ],
)
def test_hidden(html: str) -> None:
    assert sight.hidden(element(html))


@pytest.mark.parametrize("html", ["<p/>", '<p style="font-size:0"/>', '<p style="opacity:0.9"/>', '<p id="hidden"/>'])
def test_not_hidden(html: str) -> None:
    assert not sight.hidden(element(html))


@pytest.mark.parametrize(
    ("style", "around", "expected"),
    [
        ("font-size:0", False, True),
        ("color:red; FONT-SIZE : 0px !important", False, True),
        ("font-size:0.0em", False, True),
        ("font-size:0.9em", True, False),
        ("font-size:12px", True, False),
        ("font-size:0;font-size:12px", False, False),
        ("font: 9pt Arial", True, False),
        ("line-height:0", False, False),
        ("color:red", True, True),
        ("", True, True),
    ],
)
def test_letters_without_height(style: str, around: bool, expected: bool) -> None:
    assert sight.unsized(element(f'<p style="{style}"/>'), around) is expected
