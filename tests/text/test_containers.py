"""Quotations and signatures as mail programs wrap them in HTML."""

from collections.abc import Callable

import pytest
from lxml import etree

from bridge.text import markup
from bridge.text.containers import hide_quotes, hide_signatures
from tests.text.test_markup import shown


def test_an_answer_inside_of_quotations_stays() -> None:
    markup = (
        '<div>Hallo</div><div class="gmail_quote"><div class="gmail_attr">On 12/03/2025 A wrote:</div>'
        '<blockquote class="gmail_quote">q1</blockquote><div>a1</div>'
        '<blockquote class="gmail_quote">q2</blockquote></div>'
    )
    assert shown(markup, reply=True).split() == ["Hallo", "a1"]


def test_a_quotation_alone_is_shown() -> None:
    assert shown('<blockquote type="cite">nur das</blockquote>', reply=True) == "nur das"


def test_quotations_stay_when_nothing_is_answered() -> None:
    assert shown('a<blockquote type="cite">b</blockquote>') == "a\nb"


def read(html: str, hide: Callable[[etree._Element], bool]) -> tuple[str, bool]:
    """What is left to see, without the marks in the place of quotations, and whether anything was hidden."""
    root = markup.tree(html)
    assert root is not None
    hidden = hide(root)
    return " ".join(markup.render(root).replace(">", "").split()), hidden


@pytest.mark.parametrize(
    "html",
    [
        '<div>Ja</div><div class="gmail_signature" data-smartmail="x">Anna</div>',
        '<div>Ja</div><span class="gmail_signature_prefix">-- </span><br><div class="x gmail_signature">A</div>',
        '<p>Ja</p><div class="moz-signature">-- <br>Anna</div>',
        '<p>Ja</p><pre class="x moz-signature" cols="72">Anna</pre>',
        '<div>Ja</div><div id="ms-outlook-mobile-signature">Outlook für iOS</div>',
        '<div>Ja</div><div id="Signature"><p>Anna</p></div>',
        '<div>Ja</div><div class="protonmail_signature_block protonmail_signature_block-user">Anna</div>',
        "<div>Ja</div><signature><div>Sent from Mailspring</div></signature>",
        '<div>Ja</div><div name="messageSignatureSection">Anna</div>',
        '<div>Ja</div><div id="DAB4FAD8-2DD7-40BB-A1B8-4E2AA1F9FDF2">Virus-free</div>',
        '<div>Ja</div><div id="AppleMailSignature">Anna</div>',
    ],
)
def test_signatures_of_programs(html: str) -> None:
    assert read(html, hide_signatures) == ("Ja", True)
    assert read(html, hide_quotes)[1] is False


@pytest.mark.parametrize(
    "html",
    [
        "<p>Ja</p>",
        '<p class="signature">Ja</p>',
        '<p id="signature">Ja</p>',
        '<p class="gmail_signatures">Ja</p>',
        '<p title="gmail_signature">Ja</p>',
    ],
)
def test_what_is_no_signature(html: str) -> None:
    assert read(html, hide_signatures) == ("Ja", False)


@pytest.mark.parametrize(
    "html",
    [
        '<div>Ja</div><blockquote type="cite">alt</blockquote>',
        '<div>Ja</div><blockquote type="CITE" cite="mid:x"><div>alt</div></blockquote>',
        '<div>Ja</div><div class="moz-cite-prefix">Am … schrieb A:</div><blockquote type="cite">alt</blockquote>',
        '<div>Ja</div><div class="gmail_quote"><div class="gmail_attr">On … wrote:</div>'
        '<blockquote class="gmail_quote">alt</blockquote></div>',
        '<div>Ja</div><div class="gmail_quote">---- Forwarded ----<br>alt</div>',
        '<div>Ja</div><div id="ydp1234yahoo_quoted_0" class="ydp1234yahoo_quoted">alt</div>',
        '<div>Ja</div><div class="yahoo_quoted" id="yahoo_quoted_1">alt</div>',
        '<div>Ja</div><div class="protonmail_quote">alt</div>',
        '<div>Ja</div><div name="messageReplySection">alt</div>',
        '<div>Ja</div><div class="moz-forward-container">---- Weitergeleitet ----<br>alt</div>',
        '<div>Ja</div><hr id="zwchr" data-marker="x"><div>alt</div>',
        '<div>Ja</div><div name="quote" style="margin:10px">alt</div>',
        '<div>Ja</div><span id="OLK_SRC_BODY_SECTION">alt</span>',
        '<div>Ja</div><div id="mail-editor-reference-message-container">alt</div>',
        '<div>Ja</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg">Von: A</div><div>alt</div>alt',
        '<div>Ja<div id="divRplyFwdMsg">Von: A</div>alt<p>alt</p></div>',
    ],
)
def test_quotations_of_programs(html: str) -> None:
    assert read(html, hide_quotes) == ("Ja", True)
    assert read(html, hide_signatures)[1] is False


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("<blockquote>Zitat von mir</blockquote>", "Zitat von mir"),
        ('<p name="quote">Ja</p>', "Ja"),
        ('<div class="gmail_quotes">Ja</div>', "Ja"),
        ('<div class="gmail_extra">Ja</div>', "Ja"),
    ],
)
def test_what_is_no_quotation(html: str, left: str) -> None:
    assert read(html, hide_quotes) == (left, False)


def test_words_between_and_after_quotations_stay_in_order_and_apart() -> None:
    html = 'a<blockquote type="cite">q</blockquote>b<div class="yahoo_quoted">q</div>c'
    assert read(html, hide_quotes) == ("a b c", True)


def test_a_quotation_leaves_marks_and_an_older_mail_at_the_end_none() -> None:
    root = markup.tree('a<blockquote type="cite">q</blockquote>b<div id="appendonsend"></div>q')
    assert root is not None
    assert hide_quotes(root)
    assert markup.render(root) == "a\n>\n>\nb"


@pytest.mark.parametrize(
    "introduction",
    ["On Wed, 2025-03-12 at 10:11 +0100, Anna wrote:", "Anna schrieb am 12.03.2025 um 10:11:", "Anna schreef:"],
)
def test_an_answer_below_an_introduction_that_no_program_marked_stays(introduction: str) -> None:
    quoted = '<blockquote type="cite"><p>Wann?</p></blockquote>'
    html = f"<p>Hallo,</p><div>{introduction}</div>{quoted}<p>Um 6.</p>{quoted}<p>Tor 3.</p>"
    assert shown(html, reply=True) == "Hallo,\n\nUm 6.\n\nTor 3."


def test_what_stands_before_the_older_mail_in_another_element_stays() -> None:
    html = '<div>a</div><div><p>b</p><div id="appendonsend"></div>q<p>q</p></div><div>c</div>'
    assert read(html, hide_quotes) == ("a b c", True)


def test_hiding_twice_is_hiding_once() -> None:
    root = markup.tree('<p>a</p><div id="Signature">s</div><div id="appendonsend"></div><p>q</p>')
    assert root is not None
    assert hide_signatures(root)
    assert hide_quotes(root)
    assert hide_quotes(root)
    assert markup.render(root).strip() == "a"


def test_ten_thousand_older_mails_side_by_side_take_one_pass() -> None:
    root = etree.fromstring("<body>" + '<div id="appendonsend"/><p>x</p>' * 10_000 + "</body>")
    hide_quotes(root)
    assert sum(element.get("hidden") is not None for element in root) == 20_000
