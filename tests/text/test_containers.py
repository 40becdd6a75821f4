"""Quotations and signatures as mail programs wrap them in HTML."""

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
