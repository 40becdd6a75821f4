"""masks: nobody's number or address is whole in what they give, and every one can be told from the next."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import masks


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("436601234567", "+43660****567"),
        ("+436601234567", "+43660****567"),
        ("00436601234567", "+43660****567"),
        ("06601234567", "0660****567"),
        ("+43 660 / 1234-567", "+43660****567"),
        ("4366012345678901", "+43660****901"),
        ("1234567", "+****567"),
        ("0828", "0828"),
        ("", ""),
    ],
)
def test_number(number: str, masked: str) -> None:
    assert masks.mask_number(number) == masked


@given(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True))
def test_at_least_four_digits_and_the_length_are_hidden(number: str) -> None:
    masked = masks.mask_number(number)
    assert masked.count("*") == 4
    assert sum(map(str.isdigit, masked)) <= len(number) - 4


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("anna@example.org", "a***@example.org"),
        ('"anna huber"@example.org', "a***@example.org"),
        ("<anna@example.org", "a***@example.org"),
        ("+436601234567@sms.example.com", "+43660****567@sms.example.com"),
        ('"0660 123 45 67"@sms.example.com', "0660****567@sms.example.com"),
        ("r+Zm9vYmFy@sms.example.com", "r***@sms.example.com"),
        ("*@sms.example.com", "*@sms.example.com"),
        ("anna", "a***"),
        ("", ""),
    ],
)
def test_address(address: str, masked: str) -> None:
    assert masks.mask_address(address) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("550 5.1.1 <anna@example.org>: no such user", "550 5.1.1 <a***@example.org>: no such user"),
        ("rcpt=anna@example.org,bert@example.net", "r***@example.org,b***@example.net"),
        ('to "anna huber"@example.org', "to a***@example.org"),
        ("number 436601234567 is barred", "number +43660****567 is barred"),
        ("call +43 660 1234567 now", "call +43660****567 now"),
        ("peer 192.0.2.100 port 50123 at 2026-01-01", "peer 192.0.2.100 port 50123 at 2026-01-01"),
        ("id 4f1234567890ab and 0x7f1234567890", "id 4f1234567890ab and 0x7f1234567890"),
    ],
)
def test_text(text: str, masked: str) -> None:
    assert masks.mask_text(text) == masked


@given(st.from_regex(r"\+?[0-9A-Za-zé٣]{1,20}", fullmatch=True) | st.text(alphabet="0123456789ab", max_size=20))
def test_a_word_is_masked_as_it_is_within_a_sentence(word: str) -> None:
    assert masks.mask_text(f"({word})") == f"({masks.mask_text(word)})"


def test_text_of_any_shape_takes_a_time_that_grows_with_its_length() -> None:
    def cost(size: int) -> float:
        begun = time.process_time()
        for shape in ("a", "1", '"', '"a', "@", "a@", "+1", "1a", "1 "):
            masks.mask_text(shape * size)
        return time.process_time() - begun

    # Sixteen times the text: sixteen times the work, and not two hundred and fifty-six.
    assert cost(64_000) < 80 * max(cost(4_000), 0.001)
