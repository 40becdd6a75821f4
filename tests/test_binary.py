"""Segments of a binary SMS: written as the standard says, read whatever comes."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import binary
from bridge.binary import Segment, join, kind, parse, segments

PORTS = st.none() | st.integers(0, 65_535)


def test_what_fits_into_one_sms_without_a_port_needs_no_header() -> None:
    assert segments(b"x" * 140) == (b"x" * 140,)


def test_a_port_alone() -> None:
    assert segments(b"x" * 133, port=9204) == (bytes.fromhex("06 05 04 23f4 0000") + b"x" * 133,)


def test_two_segments_without_a_port() -> None:
    assert segments(b"a" * 134 + b"b" * 7, reference=0x2A) == (
        bytes.fromhex("05 00 03 2a 02 01") + b"a" * 134,
        bytes.fromhex("05 00 03 2a 02 02") + b"b" * 7,
    )


def test_two_segments_with_a_port() -> None:
    assert segments(b"a" * 128 + b"b" * 6, port=9205, reference=7) == (
        bytes.fromhex("0b 05 04 23f5 0000 00 03 07 02 01") + b"a" * 128,
        bytes.fromhex("0b 05 04 23f5 0000 00 03 07 02 02") + b"b" * 6,
    )


def test_the_reference_comes_from_the_content() -> None:
    data = b"x" * 200
    assert {one[3] for one in segments(data)} == {hashlib.sha256(data).digest()[0]}
    assert segments(data) == segments(data)
    assert len({segments(bytes([n]) * 200)[0][3] for n in range(50)}) > 25


@pytest.mark.parametrize(("size", "port", "needed"), [(255 * 134, None, 255), (255 * 128, 9204, 255)])
def test_at_most_what_an_octet_can_count(size: int, port: int | None, needed: int) -> None:
    assert len(segments(bytes(size), port=port)) == needed
    with pytest.raises(ValueError, match="256 segments"):
        segments(bytes(size + 1), port=port)


def test_nothing_cannot_be_sent() -> None:
    with pytest.raises(ValueError, match="no data"):
        segments(b"", port=9204)


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=3000), PORTS, st.none() | st.integers(0, 255), st.randoms())
def test_what_was_cut_is_joined_again_in_any_order(data: bytes, port: int | None, reference: int | None, order) -> None:  # type: ignore[no-untyped-def] # random.Random of hypothesis
    cut = segments(data, port=port, reference=reference)
    assert all(0 < len(one) <= binary.SEGMENT for one in cut)
    with_header = port is not None or len(cut) > 1
    if with_header:
        read = [parse(one) for one in cut]
        assert [one.index for one in read] == list(range(1, len(cut) + 1))
        assert {(one.total, one.port) for one in read} == {(len(cut), port)}
    mixed = [*cut, *cut[:2]] if len(cut) > 1 else list(cut)  # a repetition, as a network may make one
    order.shuffle(mixed)
    assert join(mixed, with_header=with_header) == (data, port)


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        ("05 00 03 2a 02 01 61", Segment(data=b"a", reference=0x2A, total=2, index=1)),
        ("06 08 04 01 2a 03 02 61", Segment(data=b"a", reference=0x12A, total=3, index=2)),
        ("06 05 04 23f4 0000 61", Segment(data=b"a", port=9204)),
        ("04 04 02 e2 00 61", Segment(data=b"a", port=0xE2)),
        ("0b 00 03 07 02 02 05 04 23f5 0000 61", Segment(data=b"a", reference=7, total=2, index=2, port=9205)),
        ("00 61", Segment(data=b"a")),  # a header without anything
        ("00", Segment(data=b"")),
        ("03 24 01 03 61", Segment(data=b"a")),  # a language table: not ours to know
        ("02 7f 00 61", Segment(data=b"a")),
        ("05 00 03 2a 02 03 61", Segment(data=b"a")),  # 3 of 2
        ("05 00 03 2a 02 00 61", Segment(data=b"a")),
        ("05 00 03 2a 00 00 61", Segment(data=b"a")),
        ("04 00 02 2a 02 61", Segment(data=b"a")),  # a wrong length
        ("0a 00 03 01 02 01 00 03 02 03 03 61", Segment(data=b"a", reference=2, total=3, index=3)),  # the last counts
    ],
)
def test_headers_of_every_make(segment: str, expected: Segment) -> None:
    assert parse(bytes.fromhex(segment)) == expected


@pytest.mark.parametrize("segment", ["", "01", "05 00 03 2a 02", "04 00 03 2a 02 01", "01 00 61", "02 00 09 61 61"])
def test_a_header_that_cannot_be_walked_through(segment: str) -> None:
    broken = bytes.fromhex(segment)
    with pytest.raises(ValueError, match="longer than"):
        parse(broken)
    assert join([broken], with_header=True) == (broken, None)


def test_without_a_header_the_octets_are_the_data() -> None:
    assert join([b"\x05\x00\x03*\x02\x02b", b"a"], with_header=False) == (b"\x05\x00\x03*\x02\x02ba", None)


def test_what_is_missing_leaves_no_gap_and_what_is_odd_stays() -> None:
    first, second, third = segments(b"x" * 300, reference=1)
    assert join([third, first], with_header=True) == (b"x" * (134 + 32), None)
    other = bytes.fromhex("05 00 03 01 03 02") + b"other"  # another segment that says it is the second
    assert join([first, second, other], with_header=True)[0] == b"x" * 268 + b"other"


def test_segments_of_two_messages_are_not_shuffled_together() -> None:
    one, two = segments(b"1" * 200, reference=1), segments(b"2" * 200, reference=2)
    assert join([one[1], two[1], two[0], one[0]], with_header=True)[0] == b"1" * 200 + b"2" * 200


def test_segments_that_stand_alone_may_be_equal() -> None:
    alone = bytes.fromhex("06 05 04 23f4 0000") + b"x"
    assert join([alone, alone], with_header=True) == (b"xx", 9204)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.binary(max_size=30), max_size=6), st.booleans())
def test_joining_never_fails_and_never_makes_anything_up(parts: list[bytes], with_header: bool) -> None:
    data, port = join(parts, with_header=with_header)
    assert len(data) <= sum(map(len, parts))
    assert port is None or (with_header and 0 <= port <= 65_535)
    kind(data, port)


@pytest.mark.parametrize(
    ("data", "port", "expected"),
    [
        (b"BEGIN:VCARD\r\nVERSION:2.1\r\nN:Anna\r\nEND:VCARD\r\n", 9204, "vcard"),
        (b"\xef\xbb\xbf\r\nbegin:vCard\r\n", None, "vcard"),
        (b"BEGIN:VCALENDAR\r\n", 9204, "vcalendar"),  # the content knows better than the port
        (b"N:Anna", 9204, "vcard"),
        (b"\x00", 9205, "vcalendar"),
        (b"BEGIN:VCARDS", None, "text"),
        ("Grüße aus Wien 🐢\r\n\tja".encode(), None, "text"),
        (b"Hallo", 16_000, "text"),
        ("Grüße".encode("latin-1"), None, "binary"),
        (b"Hallo\x00", None, "binary"),
        ("\x85".encode(), None, "binary"),
        (b" \r\n", None, "binary"),
        (b"", None, "binary"),
        (b"", 9204, "vcard"),
    ],
)
def test_kinds(data: bytes, port: int | None, expected: str) -> None:
    assert kind(data, port) == expected
