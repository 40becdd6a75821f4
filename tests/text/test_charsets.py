"""Bytes to characters, whatever the mail says they are."""

import encodings.aliases

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import text
from bridge.text import charsets
from tests.text.make import mail


@pytest.mark.parametrize(
    ("charset", "data", "words"),
    [
        ("utf-8", "Grüße €".encode(), "Grüße €"),
        ("iso-8859-1", "Grüße €".encode("cp1252"), "Grüße €"),
        ("iso-8859-1", "Grüße €".encode(), "Grüße €"),
        ("us-ascii", "Grüße".encode("latin-1"), "Grüße"),
        ("utf-8", "Grüße".encode("latin-1"), "Grüße"),
        ("iso-8859-15", "Grüße €".encode("iso8859-15"), "Grüße €"),
        ("windows-1251", "Привет".encode("cp1251"), "Привет"),
        ("utf-16", "Grüße".encode("utf-16"), "Grüße"),
        ("utf-8", "ÄÖÜ".encode() + b"\xe2\x82", "ÄÖÜ\ufffd"),
        *(
            (name, "Grüße".encode("latin-1"), "Grüße")
            for name in ("idna", "zip", "rot13", "hex", "base64", "undefined")
        ),
        *((name, "Grüße".encode("latin-1"), "Grüße") for name in ("mbcs", "x-unknown", "utf-8\0", '"', "", "utf-7")),
        *((name, "Grüße".encode("latin-1"), "Grüße") for name in ("unicode_escape", "punycode", "a" * 3000)),
    ],
)
def test_charsets(charset: str, data: bytes, words: str) -> None:
    letter = text.read(mail(f"Content-Type: text/plain; charset={charset}", body=data))
    assert letter.text == words


def test_a_mail_in_a_charset_of_its_own_is_read() -> None:
    data = mail("Content-Type: text/plain; charset=KOI8-R", body="Привет".encode("koi8-r"))
    assert text.read(data).text == "Привет"


@pytest.mark.parametrize("name", sorted(charsets._CODECS))
def test_every_charset_of_the_list_is_known_to_python(name: str) -> None:
    sample = "Alarm 5"
    data = sample.encode(name if name.startswith(("utf-16", "utf-32")) else "ascii")
    assert charsets.decode(data, name) == sample


@pytest.mark.parametrize(
    ("name", "data", "characters"),
    [
        ("  'UTF-8' ", "ä".encode(), "ä"),
        ('"ISO-8859-2"', b"\xb1", "ą"),
        ("Big5", b"\xa4\xa4", "中"),
        ("Shift_JIS", b"\x93\xfa", "日"),
        ("GB2312", b"\xd6\xd0", "中"),
        ("EUC-KR", b"\xc7\xd1", "한"),
        ("macintosh", b"\x8a", "ä"),
        ("IBM850", b"\x84", "ä"),
        ("utf-16", b"\xff\xfea\x00", "a"),
        ("iso-8859-15", b"\xa4", "€"),
        ("iso-8859-15", "ä".encode(), "Ã€"),  # believed, because it cannot be told apart
        ("x-nothing", b"\x80 5", "€ 5"),
        ("", b"\x81\x80", "\ufffd€"),
        ("utf-8", b"\xff", "ÿ"),
        ("utf-8", "ÄÖ".encode() + b"\xff", "ÄÖ\ufffd"),
        ("utf-8", "Ä".encode() + b"\xff", "Ã„ÿ"),
        ("us-ascii", "ÄÖ".encode() + b"\xff", "Ã„Ã–ÿ"),
        ("x-nothing", "ÄÖ".encode() + b"\xff", "ÄÖ\ufffd"),
        ("utf-16", b"\x00\xd8", "\ufffd"),
        ("iso-2022-jp", b"\x1b$B", ""),
        ("utf-8", b"", ""),
    ],
)
def test_characters(name: str, data: bytes, characters: str) -> None:
    assert charsets.decode(data, name) == characters


NAMED = [
    *(f"iso-8859-{number}" for number in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16)),
    *(f"windows-{number}" for number in (874, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257, 1258)),
    *(f"cp{number}" for number in (437, 850, 852, 855, 858, 866, 1250, 1251, 1252, 1253, 1254, 1257)),
    *("ibm437", "ibm850", "ibm852", "koi8-r", "koi8-u", "tis-620", "macintosh", "latin2", "latin9"),
]


@pytest.mark.parametrize("name", NAMED)
def test_a_name_means_what_python_means_by_it(name: str) -> None:
    data = b"\xa4\xd0\xe6\xf1"
    assert charsets.decode(data, name) == data.decode(name.replace("windows-874", "cp874"), "replace")


_NAMES = st.sampled_from([*charsets._CODECS, *sorted(set(encodings.aliases.aliases.values())), "utf-8", "8bit", ""])


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=80), _NAMES | st.text(max_size=20))
def test_no_bytes_and_no_name_break_it(data: bytes, name: str) -> None:
    charsets.decode(data, name).encode()  # no lone surrogates either


@settings(deadline=None)
@given(st.text(max_size=50), st.sampled_from(["", "utf-8", "us-ascii", "iso-8859-1", "windows-1252", "x-nothing"]))
def test_utf8_is_recognised_whatever_the_mail_calls_it(characters: str, name: str) -> None:
    assert charsets.decode(characters.encode(), name) == characters
