"""HTML as a reader sees it, and shapes that stop other parsers."""

import pytest

from bridge import text

REPLY = b"In-Reply-To: <a@example.com>\r\n"
HTML = b"Content-Type: text/html; charset=utf-8\r\n\r\n"


def shown(markup: str, *, reply: bool = False) -> str:
    return text.read((REPLY if reply else b"") + HTML + markup.encode()).text


@pytest.mark.parametrize(
    ("markup", "lines"),
    [
        ("<p>a</p><p>b</p>", "a\n\nb"),
        ("<div>a</div><div><br></div><div>b</div>", "a\n\nb"),
        ("<div>a<br></div><div>b</div>", "a\nb"),
        ("a <b>b</b>c\n  d", "a bc d"),
        ("<ul><li>a</li><li>b<ol><li>c</li><li>d</li></ol></li></ul>", "- a\n- b\n  1. c\n  2. d"),
        ("<table><tr><th>Host</th><td>web01</td></tr><tr><td>x</td></tr></table>", "Host web01\nx"),
        ("<pre>a  b\n  c</pre>", "a  b\n  c"),
        ("a&nbsp;b &lt;c&gt; &amp; &euro;", "a b <c> & €"),
        ('<a href="https://example.com/x">hier</a>', "hier https://example.com/x"),
        ('<a href="https://www.example.com/">example.com</a>', "example.com"),
        ('<a href="mailto:a@example.com">Anna</a>', "Anna"),
        ('<a href="tel:+436600000001">Anna</a>', "Anna +436600000001"),
        ('<a href="tel:+436600000001">0660 000 0001</a>', "0660 000 0001"),
        ('<a href="tel:+43%00<x>">Anna</a>', "Anna"),
        ('<a href="https://example.com/s/9"><img alt="Sign now"></a>', "Sign now https://example.com/s/9"),
        ('x<a href="https://example.com/s/9"><img alt="Facebook"></a>', "x"),
        ('x<a href="https://example.com/"><img alt="Example Company"></a>', "x"),
        ('x<a href="https://example.com/start"><img alt="Logo Example"></a>', "x"),
        ('<ol start="4"><li>a</li><li value="9">b</li><li>c</li></ol>', "4. a\n9. b\n10. c"),
        ('<ol start="-1"><li>a</li></ol><ol start="99999999999"><li>b</li></ol>', "1. a\n1. b"),
        ("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n  - b\n- c"),
        ("a&nbsp;&nbsp; &nbsp;b<br>&nbsp;&nbsp;c<br>&nbsp;<br>d", "a b\nc\n\nd"),
        ("<pre>a\n\n  b</pre>", "a\n\n  b"),
        ("<noscript>JavaScript!</noscript>a", "a"),
        ('<span style="display: none">x</span><p hidden>y</p>a', "a"),
        (
            '<td style="font-size:0px;padding:2px"><div style="font-size:0"><p style="font-size:13px">a</p></div></td>',
            "a",
        ),
        ('<div style="font-size: 0px"><b>x</b><ul><li>y</li></ul></div><p style="font:italic 9pt a">a</p>', "a"),
        ('<div style="font-size:0 !important">x<span style="FONT-SIZE: 0.9em">a</span>y</div>', "a"),
        ("<details><summary>a</summary>b</details>", "a\nb"),
        ("<style>p{}</style><script>x()</script><title>t</title><!-- c -->a", "a"),
        ("<head><title>t</title><body>a", "a"),
        ('<img src="x" alt="👍"><img src="y" alt="Logo">', "👍"),
        ("<?xml version='1.0' encoding='x'?><p>a</p>", "a"),
        ("a<!-- nie zu b", "a nie zu b"),
        ("kein HTML", "kein HTML"),
        ("", ""),
        ("<p></p>", ""),
        ("a\x00b\x0bc", "abc"),
    ],
)
def test_shapes(markup: str, lines: str) -> None:
    assert shown(markup) == lines


@pytest.mark.parametrize("depth", [100, 255, 260, 1000, 5000])
def test_text_deeper_than_the_parser_goes_is_not_lost(depth: int) -> None:
    assert shown("<div>" * depth + "tief" + "</div>" * depth + "<p>danach</p>").split() == ["tief", "danach"]


@pytest.mark.parametrize(
    "shape",
    [
        "<!--", "<a ", "</", "<ul><li>", "<div>", "<b>x", "<table><tr><td>x", "<tr><td>x", "<ol><li>x", "<li>x",
        "<style>",
        "<style></style>",
        "<blockquote type=cite>x", "<div class=gmail_quote>x", "<div id=appendonsend></div>x", "<p>",
        "<br>", "&", "<![CDATA[", '<p style="font-size:0 ">', '<a href="http://x.example/">x',
    ],
)  # fmt: skip
def test_hostile_shapes_end(shape: str) -> None:
    shown(shape * (200_000 // len(shape)), reply=True)


@pytest.mark.parametrize(
    "shape",
    [
        "On ", "\n", "On \n", "Am \n", "Am 12:00 schrieb x\n", "a:\n", "Von: \n", "Von:\nGesendet:\n\n", "> \n", ">",
        "-- \n", " ", "-", "-----\n", "x \n", "[cid:", "<mailto:", "Sent from my ", "2025-01-01 <a@",
        ">x\n\n", "schrieb am 12:00:\nx\n",
    ],
)  # fmt: skip
def test_hostile_plain_texts_end(shape: str) -> None:
    body = shape.encode() * (200_000 // len(shape))
    assert len(text.read(REPLY + b"Content-Type: text/plain\r\n\r\n" + body).text) <= 16_384
