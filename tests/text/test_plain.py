"""Plain text: line breaks, flowed paragraphs, clear-signed armour, spacing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import text
from bridge.text import plain
from bridge.text.refused import Refused
from tests.text.make import mail


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("a\r\nb\rc\nd", "a\nb\nc\nd"),
        ("a\vb\fc\x85d\u2028e\u2029f", "a\nb\nc\nd\ne\nf"),
        ("a\r\r\nb", "a\n\nb"),
        ("\ufeffa\ufeff", "a\ufeff"),
        ("a\x00b\x07c\x1b[31md\x7fe\x9ff", "abc[31mdef"),
        ("a\tb", "a\tb"),
        ("Donau\u00addampf", "Donaudampf"),
        ("größe 😀\r\n", "größe 😀\n"),
        ("a\n\nb", "a\n\nb"),
        ("", ""),
    ],
)
def test_lines(written: str, found: str) -> None:
    assert plain.lines(written) == found


@settings(deadline=None)
@given(st.text(max_size=80))
def test_lines_hold_no_control_characters_and_do_not_change_again(written: str) -> None:
    found = plain.lines(written)
    assert not any((ord(char) < 32 and char not in "\n\t") or 127 <= ord(char) < 160 for char in found)
    assert plain.lines(found.lstrip("\ufeff")) == found.lstrip("\ufeff")


@pytest.mark.parametrize("unit", ["x", "ä", "\r\n"])
def test_no_more_than_a_hundred_parts_of_text_are_kept(unit: str) -> None:
    assert len(plain.lines(unit * 16_385)) == len(plain.lines(unit * 16_384)) == 16_384


@pytest.mark.parametrize(
    ("written", "delete_space", "found"),
    [
        ("Hallo \nWelt", False, "Hallo Welt"),
        ("Hallo \nWelt", True, "HalloWelt"),
        ("Hallo\nWelt", False, "Hallo\nWelt"),
        ("a \nb \nc\nd", False, "a b c\nd"),
        ("a \n\nb", False, "a \nb"),
        (" a\n  b\n From", False, "a\n b\nFrom"),
        ("a \n b", False, "a b"),
        ("> a \n> b", False, "> a b"),
        (">> a \n> b", False, ">> a \n> b"),
        ("> a \nb", False, "> a \nb"),
        (">a \n>b\n> c", False, "> ab\n> c".replace("ab", "a b")),
        (">> a \n>> b\n> c", False, ">> a b\n> c"),
        ("a\n-- \nMax", False, "a\n-- \nMax"),
        ("a \n-- \nMax", False, "a \n-- \nMax"),
        ("> -- \n> Max", False, "> -- \n> Max"),
        ("offen ", False, "offen "),
        ("offen ", True, "offen"),
        ("", False, ""),
    ],
)
def test_flowed_paragraphs(written: str, delete_space: bool, found: str) -> None:
    assert plain.flowed(written, delete_space=delete_space) == found


@settings(deadline=None)
@given(st.text(st.sampled_from("ab> -\n"), max_size=60), st.booleans())
def test_flowing_loses_no_word(written: str, delete_space: bool) -> None:
    found = plain.flowed(written, delete_space=delete_space)
    assert [char for char in found if char in "ab-"] == [char for char in written if char in "ab-"]
    assert found.count("\n") <= written.count("\n")


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("text/plain; format=flowed", "Hallo Welt"),
        ("text/plain; Format=Flowed; DelSp=Yes", "HalloWelt"),
        ("text/plain; format=fixed", "Hallo\nWelt"),
        ("text/plain", "Hallo\nWelt"),
    ],
)
def test_only_mails_that_say_so_are_flowed(field: str, words: str) -> None:
    assert text.read(mail(f"Content-Type: {field}", body=b"Hallo \r\nWelt\r\n")).text == words


def test_an_answer_below_a_quotation_beyond_the_bound_is_found() -> None:
    older = (
        "Am 12.03.2025 um 09:58 schrieb Anna <anna@example.com>:\r\n" + "> Tor 3 ist schon seit heute zu\r\n" * 3_000
    )
    for body, words in (
        (f"{older}\r\nUm 8.\r\n", "Um 8."),
        (f"Hallo\r\n\r\n{older}\r\nUm 8.\r\n{older}", "Hallo\n\nUm 8."),
    ):
        assert text.read(mail("In-Reply-To: <a@example.com>", body=body.encode())).text == words
    assert plain.without_depths("a\n> b\nc") == "a\n> b\nc"


SIGNED = (
    "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nHallo\n- -- \n- - Punkt\n-\n\nEnde\n"
    "-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n"
)


def test_a_clear_signed_text_is_its_words() -> None:
    assert plain.unarmoured(SIGNED) == "Hallo\n-- \n- Punkt\n-\n\nEnde"
    assert plain.unarmoured(" \n" + SIGNED) == "Hallo\n-- \n- Punkt\n-\n\nEnde"
    assert plain.unarmoured(SIGNED.partition("\n-----BEGIN PGP SIGNATURE")[0]) == "Hallo\n-- \n- Punkt\n-\n\nEnde"


@pytest.mark.parametrize("written", ["", "Hallo", "Hallo\n" + SIGNED, "- - Punkt"])
def test_what_is_not_signed_stays(written: str) -> None:
    assert plain.unarmoured(written) == written


def test_an_encrypted_text_is_refused_and_one_that_tells_of_it_is_not() -> None:
    armour = "-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----"
    with pytest.raises(Refused, match=r"^554 5\.6\.1 the mail is encrypted$"):
        plain.unarmoured("\n" + armour)
    assert plain.unarmoured("Was ist das?\n" + armour).startswith("Was")


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("  a  \nb\t\nc\u00a0\n", "a\nb\nc"),
        ("a\n\n\n\nb\n\nc", "a\n\nb\n\nc"),
        ("a\n \n \n \nb", "a\n\nb"),
        ("a\n-- \nMax ", "a\n-- \nMax"),
        ("Bild [cid:image001.png@01D9.ABCD] hier", "Bild  hier"),
        ("Anna <mailto:anna@example.com> schrieb", "Anna  schrieb"),
        ("[cid: kein Bild] <mailto: nichts>", "[cid: kein Bild] <mailto: nichts>"),
        ("a  b", "a  b"),
        (" \n\t", ""),
    ],
)
def test_spacing(written: str, found: str) -> None:
    assert plain.tidy(written) == found


@settings(deadline=None)
@given(st.text(st.sampled_from("ab-> \t\n\u00a0"), max_size=60))
def test_tidy_texts_have_no_empty_edges_and_keep_their_words(written: str) -> None:
    found = plain.tidy(written)
    assert found == found.strip()
    assert "\n\n\n" not in found
    assert [line for line in found.split("\n") if line != line.rstrip() and line != plain.SIGNATURE] == []
    assert "".join(found.split()) == "".join(written.split())
