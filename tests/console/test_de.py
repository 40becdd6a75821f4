"""The German sentences stand beside the English ones: the same keys, the same values put in."""

import re

from bridge.console import de, en


def places(sentence: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", sentence))


def test_the_same_keys_in_the_same_order() -> None:
    assert list(de.WORDS) == list(en.WORDS)


def test_the_same_values_are_put_in() -> None:
    assert {key for key in en.WORDS if places(en.WORDS[key]) != places(de.WORDS[key])} == set()


def test_none_is_empty_and_most_differ() -> None:
    assert all(de.WORDS.values())
    assert sum(de.WORDS[key] != en.WORDS[key] for key in en.WORDS) > len(en.WORDS) * 0.85
