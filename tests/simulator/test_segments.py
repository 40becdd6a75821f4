"""The simulator's own segment counter: known vectors, and another library as a second opinion."""

import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from bridge.simulator import segments

EURO = "€"
EMOJI = "😀"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 158 + EURO, 1),
        ("a" * 159 + EURO, 2),
        ("я" * 70, 1),
        ("я" * 71, 2),
        ("a" * 153 * 2, 2),
        ("a" * 307, 3),
        ("я" * 134, 2),
        ("я" * 135, 3),
        (EMOJI * 35, 1),
        (EMOJI * 36, 2),
        ("\r\n" * 80, 1),
        ("\r\n" * 80 + "\n", 2),
        ("ç", 1),
        ("ç" * 71, 2),  # the small one is not in the table, the capital one is
        ("Ç" * 71, 1),
        ("\x1b" * 71, 2),  # the escape is a septet of the table, but no character one can send; smsutil differs
    ],
)
def test_vectors(text: str, parts: int) -> None:
    assert segments.count(text) == parts
    assert len(segments.split(text)) == parts


def test_an_escape_pair_is_not_torn() -> None:
    assert segments.split("a" * 152 + "{" + "a" * 10) == ["a" * 152, "{" + "a" * 10]


def test_a_surrogate_pair_is_not_torn() -> None:
    assert segments.split("я" * 66 + EMOJI + "я" * 3) == ["я" * 66, EMOJI + "я" * 3]


_ALPHABET = st.one_of(
    st.sampled_from("aäß€{^~|\\Å\n\rя" + EMOJI), st.characters(exclude_categories=["Cs"], exclude_characters="\x1b")
)


@given(st.lists(st.tuples(_ALPHABET, st.integers(1, 160)), max_size=8))
def test_agrees_with_another_counter(runs: list[tuple[str, int]]) -> None:
    text = "".join(character * times for character, times in runs)
    if not text:
        return
    split = smsutil.split(text)
    assert segments.count(text) == len(split.parts)
    assert "".join(segments.split(text)) == text
