"""Header fields: what is understood of them, and what is not believed."""

from base64 import b64encode

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge import text
from bridge.text import fields
from tests.text.make import mail


@pytest.mark.parametrize(
    ("field", "addresses"),
    [
        ("a@example.com", ("a@example.com",)),
        ('"Muster, Anna" <a@example.com>', ("a@example.com",)),
        ("Anna (im Büro (oben)) <a@Example.COM>", ("a@example.com",)),
        ("=?utf-8?q?a=40good=2Eexample?= <a@example.com>", ("a@example.com",)),
        ("a@example.com, B <b@example.com>", ("a@example.com", "b@example.com")),
        ("a@example.com,", ("a@example.com",)),
        ('"a b"@example.com', ('"a b"@example.com',)),
        ("=?utf-8?q?a=40good=2Eexample?=", ()),
        ("a@=?utf-8?q?good.example?=", ("a@=?utf-8?q?good.example?=",)),
        ("a@example.com, nobody", ()),
        ("<a@example.com> b@example.org", ()),
        ("<@relay.example:a@example.com>", ()),
        ("group: a@example.com;", ()),
        ('Anna" <a@example.com>', ()),
        ('(" <a@example.org>) <a@example.com>', ()),
        ("Anna <a@example.com", ()),
        ("(", ()),
        ('"', ()),
        ("<>", ()),
        ("", ()),
    ],
)
def test_senders_are_understood_wholly_or_not_at_all(field: str, addresses: tuple[str, ...]) -> None:
    assert text.read(mail(f"From: {field}")).from_addresses == addresses


def test_two_from_fields_are_two_senders() -> None:
    letter = text.read(mail("From: a@example.com", "From: a@example.com"))
    assert letter.from_addresses == ("a@example.com", "a@example.com")


@pytest.mark.parametrize(
    ("field", "subject"),
    [
        ("Wartung", "Wartung"),
        ("=?iso-8859-1?Q?M=E4rz?=", "März"),
        ("=?ISO-8859-1?Q?100_=80?=", "100 €"),
        ("=?utf-8?B?TcOkcno=?=", "März"),
        ("=?utf-8?B?TcOkcno?=", "März"),
        ("=?utf-8?Q?M=C3?= =?utf-8?Q?=A4rz?=", "März"),
        ("=?utf-8?Q?a?=\r\n =?utf-8?Q?b?= c", "ab c"),
        ("a =?utf-8?Q?b?= =?iso-8859-1?Q?=E4?=", "a bä"),
        ("=?utf-8?Q?mit Leerzeichen?=", "mit Leerzeichen"),
        ("=?utf-8*de?Q?M=C3=A4rz?=", "März"),
        ("=?zip?B?TcOkcno=?=", "März"),
        ("=?utf-8?X?a?=", "=?utf-8?X?a?="),
        ("=?utf-8?Q?a", "=?utf-8?Q?a"),
        ("=?utf-8?Q?a=0D=0ABcc:_b=40example.com?=", "a Bcc: b@example.com"),
        ("Störung", "Störung"),
        ("a\tb  c", "a b c"),
    ],
)
def test_subjects(field: str, subject: str) -> None:
    assert text.read(mail(f"Subject: {field}")).subject == subject


def test_a_raw_latin_subject_is_read() -> None:
    assert text.read("Subject: Störung\r\n\r\n".encode("latin-1")).subject == "Störung"


@pytest.mark.parametrize(
    ("field", "message_id"),
    [
        ("<a@example.com>", "<a@example.com>"),
        ("<[x@microsoft.com]>", "<[x@microsoft.com]>"),
        ("<no-at>", "<no-at>"),
        ("a@example.com", None),
        ("<a b@example.com>", None),
        ("<a@b> <c@d>", None),
        ("<ä@example.com>", None),
        ("<>", None),
        ("", None),
    ],
)
def test_message_ids(field: str, message_id: str | None) -> None:
    assert text.read(mail(f"Message-ID: {field}")).message_id == message_id


def test_references_are_bounded_and_keep_the_root() -> None:
    ids = [f"<{n}@example.com>" for n in range(300)]
    letter = text.read(mail("References: " + "\r\n ".join(ids)))
    assert letter.references == (ids[0], *ids[-49:])


@given(st.text(max_size=200), st.sampled_from(["From", "Subject", "Content-Type", "References", "Content-Disposition"]))
def test_noise_in_a_field_is_harmless(value: str, name: str) -> None:
    letter = text.read(f"{name}: {value}\r\n\r\nHallo".encode("utf-8", "replace"))
    assert "\n" not in letter.subject
    assert all("@" in address for address in letter.from_addresses)


@pytest.mark.parametrize(
    ("data", "found", "body"),
    [
        (b"A: b\r\nC: d\r\n\r\nbody", {"a": ("b",), "c": ("d",)}, b"body"),
        (b"A: b\nC: d\n\nbody", {"a": ("b",), "c": ("d",)}, b"body"),
        (b"A: b\n\r\nbody", {"a": ("b",)}, b"body"),
        (b"A: b\r\n c\r\n\td\r\n\r\n", {"a": ("b c\td",)}, b""),
        (b"A: b\r\na: c\r\nA: b\r\n\r\n", {"a": ("b", "c", "b")}, b""),
        (b"A:b\r\nB :c\r\nC\t: \r\n\r\n", {"a": ("b",), "b": ("c",), "c": ("",)}, b""),
        (b"A: b:c: d\r\n\r\n", {"a": ("b:c: d",)}, b""),
        ("A: Störung\n\n".encode("latin-1"), {"a": ("Störung",)}, b""),
        ("A: Störung\n\n".encode(), {"a": ("Störung",)}, b""),
        (b"A: b", {"a": ("b",)}, b""),
        (b"A: b\r\n", {"a": ("b",)}, b""),
        (b"\r\nA: b\r\n", {}, b"A: b\r\n"),
        (b"\nbody", {}, b"body"),
        (b"", {}, b""),
        (b"Alarm!\r\nZone 4", {}, b"Alarm!\r\nZone 4"),
        (b"A: b\r\nAlarm!\r\nC: d\r\n\r\nx", {"a": ("b",)}, b"Alarm!\r\nC: d\r\n\r\nx"),
        (b" A: b\r\n\r\nx", {}, b" A: b\r\n\r\nx"),
        (b"From a@example.com Wed\nA: b\n\nx", {"a": ("b",)}, b"x"),
        (b"A: b\nFrom a@example.com Wed\n\nx", {"a": ("b",)}, b"From a@example.com Wed\n\nx"),
        ("Ä: b\n\nx".encode(), {}, "Ä: b\n\nx".encode()),
    ],
)
def test_where_fields_end_and_the_body_begins(data: bytes, found: dict[str, tuple[str, ...]], body: bytes) -> None:
    head, begin = fields.split(data)
    assert (head, data[begin:]) == (found, body)


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", b"A: b\r\n", b"A: b\n ", b"From x\n", b"A:\r\n\r"]))
def test_splitting_loses_nothing_of_the_body(data: bytes, start: bytes) -> None:
    head, begin = fields.split(start + data)
    assert 0 <= begin <= len(start + data)
    for name, values in head.items():
        assert name == name.lower()
        assert values
        assert all("\n" not in value and value == value.strip(" \t\r\n\v\f") for value in values)


def test_the_first_of_several() -> None:
    assert fields.first({"a": ("b", "c")}, "a") == "b"
    assert fields.first({}, "a") == ""


_WORDS = st.lists(
    st.sampled_from(
        ["=?utf-8?q?", "=?iso-8859-1?B?", "=?zip?Q?", "?=", "=C3", "=A4", "=0D=0A", "TcOkcno=", " ", "=?", "a_b"]
    )
    | st.text(max_size=4)
).map("".join)


@settings(deadline=None, max_examples=300)
@given(_WORDS)
def test_words_are_one_line_that_can_be_sent(value: str) -> None:
    found = fields.words(value)
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 or char in "\u2028\u2029" for char in found)
    assert found == found.strip()
    assert "  " not in found
    found.encode()


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Zs"]), max_size=40), st.sampled_from("bq"))
def test_whatever_is_encoded_comes_back(words: str, kind: str) -> None:
    data = words.encode()
    text = b64encode(data).decode() if kind == "b" else "".join(f"={octet:02X}" for octet in data)
    assert fields.words(f"=?utf-8?{kind}?{text}?=") == words
    halves = [f"=?utf-8?Q?{''.join(f'={octet:02x}' for octet in half)}?=" for half in (data[:1], data[1:])]
    assert fields.words("\r\n ".join(halves)) == words


def test_many_words_need_time_that_grows_with_them_only() -> None:
    assert fields.words("=?utf-8?Q?a?= " * 50_000) == "a" * 50_000
    assert fields.words("=?utf-8?Q?" * 50_000).startswith("=?utf-8?Q?")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("<a@b>", ("<a@b>",)),
        ("<a@b> (comment) <c@d>", ("<a@b>", "<c@d>")),
        ("<a@b><c@d>", ("<a@b>", "<c@d>")),
        ("Your message of Monday", ()),
        ("<a b> <c@d>", ("<c@d>",)),
        ("<ä@b>", ()),
        ("<a@b", ()),
        ("<<a@b>", ("<a@b>",)),
        ("<" + "x" * 996 + ">", ("<" + "x" * 996 + ">",)),
        ("<" + "x" * 997 + ">", ()),
        ("", ()),
    ],
)
def test_ids(value: str, found: tuple[str, ...]) -> None:
    assert fields.ids(value) == found


def test_fifty_ids_are_all_kept() -> None:
    ids = tuple(f"<{n}@example.com>" for n in range(51))
    assert fields.ids(" ".join(ids[:50])) == ids[:50]
    assert fields.ids(" ".join(ids)) == (ids[0], *ids[2:])


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.sampled_from(['"', "\\", "<", ">", "(", ")", ",", ";", ":", "@", " ", "a@B.example", "Anna", "\r\n"]))
)
def test_addresses_are_whole_or_none(pieces: list[str]) -> None:
    for address in fields.addresses(("".join(pieces),)):
        local, _, domain = address.rpartition("@")
        assert local
        assert domain == domain.lower()
        assert not set(domain) & set(' "(),:;<>@[]\\')
        assert local.startswith('"') or not set(local) & set(' "(),:;<>@[]\\')


def test_one_doubtful_field_makes_all_doubtful() -> None:
    assert fields.addresses(("a@example.com", "B <b@example.com")) == ()
    assert fields.addresses(()) == ()


@pytest.mark.parametrize(
    ("value", "word", "found"),
    [
        ("", "", {}),
        (" Text/Plain ", "text/plain", {}),
        ("text/plain; charset=utf-8", "text/plain", {"charset": "utf-8"}),
        ("text/plain;CHARSET = UTF-8 ;x=y", "text/plain", {"charset": "UTF-8", "x": "y"}),
        ('a/b; name="x; y=\\"z\\""', "a/b", {"name": 'x; y="z"'}),
        ('a/b; name="open', "a/b", {"name": "open"}),
        ("a/b; x=1; x=2", "a/b", {"x": "1"}),
        ("a/b; name*=utf-8''%c3%a4.txt", "a/b", {"name": "Ã¤.txt"}),
        ("a/b; name*0=ab; name*1=cd", "a/b", {"name": "abcd"}),
        ("a/b; name*0*=utf-8''a%20; name*1=b%20", "a/b", {"name": "a b%20"}),
        ("a/b; =x; y", "a/b", {}),
        ("a/b;;;x=y", "a/b", {"x": "y"}),
    ],
)
def test_parameters(value: str, word: str, found: dict[str, str]) -> None:
    assert fields.parameters(value) == (word, found)


def test_at_most_forty_parameters() -> None:
    assert len(fields.parameters("a/b" + "".join(f"; x{n}=y" for n in range(1000)))[1]) == 40


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_value_breaks_the_reader_of_parameters(value: str) -> None:
    word, found = fields.parameters("a/b;" + value)
    assert word == "a/b"
    assert all(name and name == name.lower() for name in found)


@given(st.lists(st.sampled_from(["<", ">", "@", "a", "B", ".", " ", "-", "+", "_", "x.example"]), max_size=9))
@example(["a", " ", "<", "B", "@", "x.example", ">"])
@example(["B", "@", "X", ".", "a"])
@example(["<", "a", "@", "a"])
@example(["a", "@", "a", ">"])
def test_the_short_way_for_usual_senders_says_the_same(pieces: list[str]) -> None:
    field = "".join(pieces)
    assert fields.addresses((field,)) == fields.addresses((f"{field} ",))  # with a blank it is not usual
