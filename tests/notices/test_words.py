"""Both languages say the same things."""

from dataclasses import fields

import pytest

from bridge.config import Settings
from bridge.message import Channel
from bridge.notices.words import WORDS, Words, sentence

TOLD = ("failed", "delayed", "delivered")


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
    assert set(words.subjects) == set(TOLD)
    assert set(words.opening) == {(channel, told) for channel in Channel for told in TOLD}
    for told in TOLD:
        assert "+43 660" in words.subject(told, "+43 660 0000001")
    assert "M1" in words.identifier.format(id="M1")
    assert "mx.example.com" in words.alert.format(hostname="mx.example.com")


@pytest.mark.parametrize("language", sorted(WORDS))
@pytest.mark.parametrize(
    ("status", "key"),
    [("5.1.3", "5.1.3"), ("4.4.7", "4.4.7"), ("4.4.2", "4.4.2"), ("4.3.5", "4.3"), ("4.4.1", "4"), ("5.9.9", "5")],
)
def test_the_nearest_sentence_is_said(language: str, status: str, key: str) -> None:
    assert sentence(WORDS[language], status) == WORDS[language].sentences[key]


@pytest.mark.parametrize("status", ["", "2.0.0", "x", "9.9.9", "4.", "."])
def test_an_odd_status_still_gets_a_sentence(status: str) -> None:
    assert sentence(WORDS["en"], status)
