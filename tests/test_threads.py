"""Message-IDs and answer tokens: always the same for the same, never good for anybody else."""

import base64
import hashlib
import hmac
import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.threads import (
    BOUNCE_FOR,
    TOKEN_FOR,
    Answer,
    bounce_token,
    message_id,
    read_bounce_token,
    read_token,
    root_id,
    token,
)

KEY, OTHER = b"k" * 32, b"o" * 32
NOW = 1_800_000_000.0
BOX = "anna@example.com"
ANSWER = Answer(phone="436600000001", line="436600000099")
TOKEN = token(KEY, ANSWER, BOX, NOW)


def test_a_token_says_what_was_put_in() -> None:
    assert read_token([KEY], TOKEN, BOX, NOW) == ANSWER
    lineless = Answer(phone="436600000001", line=None)
    assert read_token([KEY], token(KEY, lineless, BOX, NOW), BOX, NOW) == lineless


@given(st.integers(1, 10**19 - 1).map(str), st.one_of(st.none(), st.integers(1, 10**19 - 1).map(str)))
def test_every_number_fits_a_local_part(phone: str, line: str | None) -> None:
    made = token(KEY, Answer(phone=phone, line=line), BOX, NOW)
    assert len(f"r+{made}") <= 64
    assert re.fullmatch("[a-z2-7]+", made)
    assert read_token([KEY], made, BOX, NOW) == Answer(phone=phone, line=line)


@pytest.mark.parametrize("bad", ["", "x", "4" * 21, "12a", "-1"])
def test_what_is_no_number_gets_no_token(bad: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        token(KEY, Answer(phone=bad, line=None), BOX, NOW)


@pytest.mark.parametrize("bad", ["ALERT", "4" * 21, "x1"])
def test_what_is_no_line_gets_no_token(bad: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        token(KEY, Answer(phone="436600000001", line=bad), BOX, NOW)


@pytest.mark.parametrize("spelling", ["06600000001", "0"])
def test_a_number_whose_spelling_would_be_lost_gets_no_token(spelling: str) -> None:
    """A token keeps a number, not its leading zeros: a national spelling would come back as somebody else's phone."""
    with pytest.raises(ValueError, match=r".*"):
        token(KEY, Answer(phone=spelling, line=None), BOX, NOW)
    with pytest.raises(ValueError, match=r".*"):
        token(KEY, Answer(phone="436600000001", line=spelling), BOX, NOW)


def test_its_case_does_not_matter_since_mail_programs_change_it() -> None:
    assert read_token([KEY], TOKEN.upper(), BOX, NOW) == ANSWER


@pytest.mark.parametrize(
    "mailbox", ["bernd@example.com", "Anna@example.com", "", "anna@example.com ", "anna@example.co"]
)
def test_it_is_good_for_nobody_else(mailbox: str) -> None:
    assert read_token([KEY], TOKEN, mailbox, NOW) is None


def test_it_expires() -> None:
    assert read_token([KEY], TOKEN, BOX, NOW + TOKEN_FOR - 3600) == ANSWER
    assert read_token([KEY], TOKEN, BOX, NOW + TOKEN_FOR + 1) is None


def test_keys_are_rotated() -> None:
    assert read_token([OTHER, KEY], TOKEN, BOX, NOW) == ANSWER
    assert read_token([OTHER], TOKEN, BOX, NOW) is None
    assert read_token([], TOKEN, BOX, NOW) is None


def test_every_single_bit_flip_is_refused() -> None:
    sealed = base64.b32decode(TOKEN.upper())
    assert len(sealed) * 8 == len(TOKEN) * 5  # no spare bits that could be flipped unseen
    for bit in range(len(sealed) * 8):
        flipped = bytearray(sealed)
        flipped[bit // 8] ^= 1 << bit % 8
        text = base64.b32encode(flipped).decode().lower()
        assert read_token([KEY], text, BOX, NOW) is None, bit


def test_every_other_character_in_every_place_is_refused() -> None:
    for place, character in enumerate(TOKEN):
        for other in "abcdefghijklmnopqrstuvwxyz234567=-+_. ":
            if other != character:
                assert read_token([KEY], TOKEN[:place] + other + TOKEN[place + 1 :], BOX, NOW) is None


@pytest.mark.parametrize(
    "text", ["", "a", TOKEN[:-1], TOKEN + "a", TOKEN + "aaaaaaaa", TOKEN * 2, TOKEN[2:], "ü" * 56, "\x00" * 56]
)
def test_what_has_another_length_is_refused(text: str) -> None:
    assert read_token([KEY], text, BOX, NOW) is None


@given(st.one_of(st.text(max_size=80), st.text(alphabet="abcdefghijklmnopqrstuvwxyz234567", min_size=56, max_size=56)))
def test_nothing_made_up_is_read_and_nothing_raises(text: str) -> None:
    assert read_token([KEY, OTHER], text, BOX, NOW) is None


def test_message_ids_survive_the_loss_of_every_database() -> None:
    assert message_id("n1", BOX, "mx.example.com") == message_id("n1", BOX, "mx.example.com")
    different = {
        message_id("n1", BOX, "mx.example.com"),
        message_id("n2", BOX, "mx.example.com"),
        message_id("n1", "bernd@example.com", "mx.example.com"),
        root_id("n1", BOX, "mx.example.com"),
        root_id("436600000001", BOX, "mx.example.com"),
    }
    assert len(different) == 5


@given(st.text(), st.text())
def test_message_ids_are_sane_whatever_the_provider_sends(notification: str, mailbox: str) -> None:
    for made in (message_id(notification, mailbox, "mx.example.com"), root_id(notification, mailbox, "mx.example.com")):
        assert re.fullmatch(r"<[a-z0-9.]+@mx\.example\.com>", made)


def test_parts_do_not_run_into_each_other() -> None:
    assert message_id("a", "bc", "h") != message_id("ab", "c", "h")


SEALED = bounce_token(KEY, "m7-1", NOW)


def test_a_bounce_names_its_delivery_in_whatever_case_it_comes_back() -> None:
    assert SEALED.startswith("m7-1.")
    assert SEALED.islower()
    assert read_bounce_token([OTHER, KEY], SEALED, NOW) == "m7-1"
    assert read_bounce_token([KEY], SEALED.upper(), NOW) == "M7-1"
    assert read_bounce_token([OTHER], SEALED, NOW) is None
    assert read_bounce_token([], SEALED, NOW) is None


def test_a_bounce_is_believed_for_a_month() -> None:
    assert read_bounce_token([KEY], SEALED, NOW + BOUNCE_FOR - 1) == "m7-1"
    assert read_bounce_token([KEY], SEALED, NOW + BOUNCE_FOR + 86401) is None


def test_no_bounce_is_forged_by_changing_one() -> None:
    for place, character in enumerate(SEALED):
        for other in "abcdefghijklmnopqrstuvwxyz0123456789=-+_. ":
            if other != character:
                assert read_bounce_token([KEY], SEALED[:place] + other + SEALED[place + 1 :], NOW) is None
    for text in ("", ".", "m7-1", "m7-1.", SEALED[:-1], SEALED + "a", SEALED * 2, "ü" * 40):
        assert read_bounce_token([KEY], text, NOW) is None


def test_an_answer_token_is_no_bounce() -> None:
    assert read_bounce_token([KEY], f"m7-1.{TOKEN}", NOW) is None


@given(st.text(max_size=80), st.floats(-1e12, 1e12))
def test_no_made_up_bounce_is_read_and_no_clock_raises(text: str, now: float) -> None:
    assert read_bounce_token([KEY], text, now) is None
    assert bounce_token(KEY, "m7-1", now)


def spelt(octets: bytes) -> str:
    return base64.b32encode(octets).decode().lower()


KEYS = st.binary(max_size=130)  # longer than SHA-256's block, too


@given(KEYS, st.integers(1, 10**19 - 1), st.integers(0, 10**19 - 1), st.text("abc@.äöü", max_size=40))
def test_a_token_is_what_the_standard_library_makes_of_it(key: bytes, phone: int, line: int, mailbox: str) -> None:
    packed = struct.pack(">BQQI", 1, phone, line, int((NOW + TOKEN_FOR) // 3600))
    mac = hmac.digest(key, b"answer\0" + packed + mailbox.encode(), "sha256")[:14]
    answer = Answer(phone=str(phone), line=str(line) if line else None)
    assert token(key, answer, mailbox, NOW) == spelt(packed + mac)


@given(KEYS, st.text(max_size=40))
def test_a_bounce_token_is_what_the_standard_library_makes_of_it(key: bytes, delivery: str) -> None:
    day = struct.pack(">H", int((NOW + BOUNCE_FOR) // 86400))
    text = b"bounce\0" + day + delivery.lower().encode("utf-8", "replace")
    assert bounce_token(key, delivery, NOW) == f"{delivery}.{spelt(day + hmac.digest(key, text, 'sha256')[:13])}"


@given(st.text(max_size=40), st.text(max_size=40))
def test_an_id_is_what_the_standard_library_makes_of_it(one: str, other: str) -> None:
    seed = f"{one}\0{other}".encode("utf-8", "surrogatepass")
    digest = spelt(hashlib.sha256(seed).digest()[:15])
    assert message_id(one, other, "h.example.com") == f"<sms.{digest}@h.example.com>"
    assert root_id(one, other, "h.example.com") == f"<thread.{digest}@h.example.com>"
