"""Both languages say the same things."""

from dataclasses import fields

import pytest

from bridge.config import Settings
from bridge.message import Channel
from bridge.notices.words import WORDS, Words

TOLD = ("failed", "delayed", "delivered", "corrected", "relayed", "expanded")


def test_both_languages_are_there() -> None:
    assert set(WORDS) == {"en", "de"}
    assert Settings(domains=("sms.example.com",), postmaster="p@example.com").language in WORDS


@pytest.mark.parametrize("field", [field.name for field in fields(Words)])
def test_both_are_complete_for_the_same_keys(field: str) -> None:
    english, german = (getattr(WORDS[language], field) for language in ("en", "de"))
    assert type(english) is type(german)
    if isinstance(english, dict):
        assert list(english) == list(german)
        assert all(english.values())
        assert all(german.values())
    else:
        assert english.strip()
        assert german.strip()
        assert english != german


@pytest.mark.parametrize("language", sorted(WORDS))
def test_every_outcome_has_its_words_on_both_channels(language: str) -> None:
    words = WORDS[language]
    assert set(words.subjects) == set(words.outcomes) == set(TOLD)
    assert set(words.opening) == {(channel, told) for channel in Channel for told in TOLD}
    for told in TOLD:
        assert "+43 660" in words.subject(told, "+43 660 0000001")
    assert "M1" in words.identifier.format(id="M1")
    assert "mx.example.com" in words.alert.format(hostname="mx.example.com")


@pytest.mark.parametrize("language", sorted(WORDS))
def test_a_subject_counts_those_it_does_not_name(language: str) -> None:
    subject = WORDS[language].subject("failed", "+43 660 0000001", 499)
    assert "+43 660 0000001" in subject
    assert "499" in subject
