"""Tag lists are read by the letter or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bridge.proof import tags


def test_values_lose_the_blanks_around_them_and_names_keep_their_case() -> None:
    assert tags.read("v=1; a = rsa-sha256;\r\n\tB=x y ;n=") == {"v": "1", "a": "rsa-sha256", "B": "x y", "n": ""}


def test_the_last_semicolon_may_be_left_out() -> None:
    assert tags.read("v=DMARC1; p=none") == tags.read("v=DMARC1; p=none; ") == {"v": "DMARC1", "p": "none"}


@pytest.mark.parametrize("text", ["v=1; v=1", "v", "v=1;;p=2", "=1", "1v=1", "v-w=1", "v=ü", "v=\x00", "v w=1"])
def test_what_breaks_a_rule_is_no_list(text: str) -> None:
    assert tags.read(text) is None


def test_compact_drops_all_white_space() -> None:
    assert tags.compact(" ab\r\n\tcd ef ") == "abcdef"


@given(some.text(max_size=80))
def test_it_never_raises(text: str) -> None:
    found = tags.read(text)
    assert found is None or all(name for name in found)
