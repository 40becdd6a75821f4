"""What websms sends, read without believing it."""

import base64
import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.message import Unreadable
from bridge.providers.websms import wire

_JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=8), _JSON, max_size=4))
def test_objects_come_as_they_are(value: dict[str, object]) -> None:
    assert wire.json_object(json.dumps(value).encode()) == value
    assert wire.json_object(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")) == value


@pytest.mark.parametrize(
    "number", ["0", "-1", "5280675300000000001", "1.50", "1e400", "9" * 5_000], ids=lambda number: number[:10]
)
def test_numbers_stay_the_digits_they_were_written_in(number: str) -> None:
    assert wire.json_object(f'{{"a":{number},"b":[{number}]}}'.encode()) == {"a": number, "b": [number]}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-32-be", "utf-8-sig"])
def test_encodings_that_json_allows(encoding: str) -> None:
    assert wire.json_object('{"a":"größe 😀"}'.encode(encoding)) == {"a": "größe 😀"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"{}}", "no JSON"),
        (b"{'a':1}", "no JSON"),
        (b'{"a":1,}', "no JSON"),
        (b'{"a":"b\nc"}', "no JSON"),
        (b'{"a":01}', "no JSON"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":[-Infinity]}', "infinities"),
        (b'{"a":1,"a":1}', "a key is given twice"),
        (b'{"a":{"b":1,"\\u0062":2}}', "a key is given twice"),
        (b'{"a":"\xff"}', "no UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
        (b"[]", "no object"),
        (b"null", "no object"),
        (b'"a"', "no object"),
        (b"2000", "no object"),
    ],
    ids=lambda value: str(value[:16]),
)
def test_anything_else_is_unreadable_and_says_why(body: bytes, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        wire.json_object(body)


@settings(deadline=None)
@given(st.binary(max_size=60), st.sampled_from([b"", b"{", b'{"a":"', b"\xff\xfe", b'{"a":1e']))
def test_bytes_are_an_object_or_unreadable(body: bytes, start: bytes) -> None:
    with suppress(Unreadable):
        assert isinstance(wire.json_object(start + body), dict)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("a\r\nb\rc\nd", "a\nb\nc\nd"),
        ("a\n\r\n\rb", "a\n\n\nb"),
        ("a\tb", "a\tb"),
        ("a\x00b\x0b\x1b[31mc\x7fd\x9fe", "ab[31mcde"),
        ("\ud83d\ude00 \udc00", "\ufffd\ufffd \ufffd"),
        ("😀 größe\u2028x", "😀 größe\u2028x"),
    ],
)
def test_texts(value: str, found: str) -> None:
    assert wire.text(value) == found


@settings(deadline=None)
@given(st.text(st.characters(), max_size=50))
def test_a_text_can_be_stored_and_does_not_change_again(value: str) -> None:
    found = wire.text(value)
    found.encode()
    assert wire.text(found) == found
    assert "\x00" not in found
    assert "\r" not in found


@settings(deadline=None)
@given(st.text(st.characters(), max_size=50), st.integers(1, 40))
def test_words_are_one_short_line(value: str, limit: int) -> None:
    found = wire.words(value, limit)
    found.encode()
    assert len(found) <= limit
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 or char in "\u2028\u2029" for char in found)
    assert len(f"x{found}x".splitlines()) == 1


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (" a\r\n\tb ", "a b"),
        ("a  b", "a  b"),
        ("abcde", "abcde"),
        ("abcdef", "abcd…"),
        ("\x00\n", ""),
        (None, ""),
        (5, ""),
        (["a"], ""),
        (b"a", ""),
    ],
)
def test_words(value: object, found: str) -> None:
    assert wire.words(value, 5) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("0068f1a2", "0068f1a2"),
        (" 0068f1a2  ", "0068f1a2"),
        ("a b", "a b"),
        ("x" * 100, "x" * 100),
        (" " + "x" * 100, "x" * 100),
        ("x" * 101, None),
        ("", None),
        ("   ", None),
        ("a\nb", None),
        ("\t", None),
        ("größe", None),
        ("\ud800", None),
        ("a\x7f", None),
        (5, None),
        (None, None),
        (True, None),
    ],
)
def test_identifiers(value: object, found: str | None) -> None:
    assert wire.identifier(value) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("0", 0),
        ("2000", 2000),
        ("002", 2),
        ("999999", 999_999),
        ("1000000", None),
        ("9" * 5_000, None),
        ("", None),
        ("-1", None),
        ("+1", None),
        (" 1", None),
        ("1.0", None),
        ("1e3", None),
        ("²", None),
        ("٣", None),
        (2000, None),
        (True, None),
        (None, None),
    ],
    ids=lambda value: str(value)[:10],
)
def test_counts(value: object, found: int | None) -> None:
    assert wire.count(value) == found


@settings(database=None, deadline=None)
@given(st.binary(max_size=300), st.booleans(), st.booleans())
def test_octets_in_every_spelling_of_base64(data: bytes, url_safe: bool, padded: bool) -> None:
    written = (base64.urlsafe_b64encode if url_safe else base64.b64encode)(data).decode()
    assert wire.octets(written if padded else written.rstrip("=")) == data
    assert wire.octets("\r\n ".join([*written, ""])) == data


@pytest.mark.parametrize(
    "value", [None, 5, True, [], {}, "A", "AAAAA", "A*==", "=", "AA=A", "A===", "ä", "\ud800", "AA==AA=="]
)
def test_what_is_no_base64(value: object) -> None:
    if value == "=":  # padding of nothing
        assert wire.octets(value) == b""
        return
    with pytest.raises(Unreadable, match="no base64"):
        wire.octets(value)


TOKEN, SHORT_ONE = "made-up/token+1234", "p4ss"


@pytest.mark.parametrize(
    ("told", "left"),
    [
        ("bad made-up/token+1234!", "bad …!"),
        ("bad MADE-UP/TOKEN+1234!", "bad …!"),
        ("a=made-up%2Ftoken%2B1234&b", "a=…&b"),
        ("a=made-up%2ftoken%2b1234&b", "a=…&b"),
        ("a=made-up/token%2B1234&b", "a=…&b"),
        ("pass p4ss.", "pass …."),
        ("password%3Dp4ss%26", "password%3D…%26"),
        ("p4ssage p4ss_ xp4ss", "p4ssage p4ss_ xp4ss"),
        ("made-up p4ssage", "made-up p4ssage"),
        ("", ""),
    ],
)
def test_secrets_are_masked_in_every_spelling_and_short_ones_as_words(told: str, left: str) -> None:
    assert wire.masking([TOKEN, SHORT_ONE, "", None])(told) == left


def test_the_longest_secret_is_masked_whole() -> None:
    assert wire.masking(["abcdefgh", "https://x.example.com/abcdefgh"])("to https://x.example.com/abcdefgh") == "to …"


def test_nothing_is_masked_without_secrets() -> None:
    assert wire.masking(["", None])("as it was") == "as it was"
