"""Patterns that read SMS out of mails: what is one, and what an administrator is told of what is none."""

import pytest

from bridge.config.mail_patterns import mail_pattern
from bridge.config.problems import Invalid
from bridge.config.settings import LAYOUTS, WebsmsMailSettings
from tests.config.setup import place, refusal


def test_a_pattern_is_compiled_with_lines() -> None:
    pattern = mail_pattern(r"^Subject: (?P<phone>\d+)$(?s:.*?)\n\n(?P<text>.*)", place())
    found = pattern.search("From: x\nSubject: 12345\n\nHallo")
    assert found is not None
    assert found.groupdict() == {"phone": "12345", "text": "Hallo"}


def test_a_pattern_may_span_lines() -> None:
    assert mail_pattern("(?x)\n(?P<phone>.)\n(?P<text>.)", place()).search("ab")


def test_the_defaults_are_patterns() -> None:
    assert tuple(mail_pattern(each, place()) for each in LAYOUTS) == WebsmsMailSettings().patterns


def test_what_python_only_doubts_is_taken() -> None:
    assert mail_pattern("(?P<phone>[[a])(?P<text>.)", place()).search("[x")


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (5, "this must be text"),
        ("", "the text is empty"),
        ("\x00", "control characters"),
        ("(", "not a regular expression"),
        ("(?P<phone>x)(?P<text>x){99999999999}", "not a regular expression"),
        ("(?P<phone>x)", "the group text is missing"),
        ("(?P<text>x)", "the group phone is missing"),
        ("(?P<phone>x)(?P<text>x)(?P<from>x)", "the group from means nothing"),
    ],
)
def test_what_is_no_pattern_says_why(written: object, says: str) -> None:
    assert says in refusal(mail_pattern, written).message


def test_a_layout_that_is_not_known_is_not_taken_for_a_pattern() -> None:
    with pytest.raises(Invalid) as wrong:
        mail_pattern("autor", place())
    assert (wrong.value.message, wrong.value.hint) == ("«autor» is no layout", 'did you mean "author"?')
