"""The DATA reader by itself: where a message ends and what may be in it, however the octets are cut into pieces."""

import random
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.smtpd import replies
from bridge.smtpd.contract import Limits, Reply
from bridge.smtpd.reader import DataReader, Flood

SMALL = Limits(max_message_size=1000, max_line=100)


def read(
    pieces: Iterable[bytes], limits: Limits = SMALL, *, normalize: bool = False, room: int = 10_000
) -> tuple[bytes | Reply | None, bytes]:
    """What the reader gives first, and what it left; the rest of `pieces` follows what it left."""
    buffer = bytearray()
    reader = DataReader(buffer, limits, lambda octets: octets <= room, normalize=normalize)
    found: bytes | Reply | None = None
    for piece in pieces:
        buffer += piece
        if found is None:
            found = reader.step()
    return found, bytes(buffer)


def octets(wire: bytes) -> list[bytes]:
    return [wire[i : i + 1] for i in range(len(wire))]


MESSAGES = [
    (b".\r\n", b""),
    (b"\r\n.\r\n", b"\r\n"),
    (b"Hi\r\n.\r\n", b"Hi\r\n"),
    (b"..\r\n.\r\n", b".\r\n"),
    (b"..Hi\r\n\r\n...\r\n.\r\n", b".Hi\r\n\r\n..\r\n"),
    (b".Hi\r\n.you\r\n.\r\n", b"Hi\r\nyou\r\n"),
    (b"a\r\n\r\nb\xff\x80\r\n.\r\n", b"a\r\n\r\nb\xff\x80\r\n"),
    (b"x" * 100 + b"\r\n.\r\n", b"x" * 100 + b"\r\n"),
]


@pytest.mark.parametrize(("wire", "content"), MESSAGES)
@pytest.mark.parametrize("following", [b"", b"QUIT\r\n", b".\r\n", b"a\nb\r\n.\r\n"])
def test_a_message_ends_where_it_ends(wire: bytes, content: bytes, following: bytes) -> None:
    assert read([wire + following]) == (content, following)
    assert read(octets(wire + following)) == (content, following)


@given(seed=st.integers(0, 2**32), lines=st.lists(st.sampled_from([b"", b".", b"..", b"a", b".a", b"QUIT", b"x" * 90])))
@settings(max_examples=200)
def test_the_cuts_make_no_difference(seed: int, lines: list[bytes]) -> None:
    content = b"".join(line + b"\r\n" for line in lines)
    wire = (
        b"".join((b"." + line if line.startswith(b".") else line) + b"\r\n" for line in lines) + b".\r\n" + b"NOOP\r\n"
    )
    chance = random.Random(seed)
    cuts = sorted(chance.randrange(len(wire) + 1) for _ in range(chance.randrange(6)))
    pieces = [wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)]
    expected = content if len(content) <= SMALL.max_message_size else replies.TOO_BIG
    assert read(pieces) == (expected, b"NOOP\r\n")


@pytest.mark.parametrize(
    "wire",
    [
        b"a\nb",
        b"a\rb",
        b"\n",
        b"\r\r\n",
        b"a\r\n.\n",
        b"a\n.\r\n",
        b"a\r\n.\rb",
        b".\n",
        b".\rx",
        b"a\r\n\n.\r\n",
        b"\r\n\r.\r\n",
    ],
)
def test_a_lone_cr_or_lf_is_reported_when_it_is_seen(wire: bytes) -> None:
    assert read([wire])[0] is replies.BARE_LINE_END
    assert read(octets(wire))[0] is replies.BARE_LINE_END


def test_a_cr_at_the_end_of_a_piece_is_not_judged_yet() -> None:
    assert read([b"a\r", b"\nb\r", b"\n.\r", b"\n"]) == (b"a\r\nb\r\n", b"")


def test_normalize_makes_lone_lf_a_line_end_but_never_the_end() -> None:
    assert read([b"a\nb\r\n.\r\n"], normalize=True)[0] == b"a\r\nb\r\n"
    assert read([b"a\n.\nb\n.\r\nc\r\n.\r\n"], normalize=True)[0] == b"a\r\n\r\nb\r\n\r\nc\r\n"
    assert read([b"\n..a\n\r\n.\r\n"], normalize=True)[0] == b"\r\n.a\r\n\r\n"
    assert read([b"a\rb\r\n.\r\n"], normalize=True)[0] is replies.BARE_LINE_END


def test_other_faults_are_told_after_the_end() -> None:
    assert read([b"a\0", b"b\r\n.\r\n"]) == (replies.NUL_IN_DATA, b"")
    assert read([b"x" * 101 + b"\r\n.\r\nNOOP\r\n"]) == (replies.DATA_LINE_TOO_LONG, b"NOOP\r\n")
    assert read(octets(b"ok\r\n" + b"x" * 101 + b"\r\nok\r\n.\r\n")) == (replies.DATA_LINE_TOO_LONG, b"")
    assert read([b"a\r\n" * 334 + b".\r\n"]) == (replies.TOO_BIG, b"")
    assert read(octets(b"a\r\n" * 1000 + b".\r\nQUIT\r\n")) == (replies.TOO_BIG, b"QUIT\r\n")


def test_a_message_of_exactly_the_limit_is_taken_and_stuffing_does_not_count() -> None:
    limits = Limits(max_message_size=999, max_line=100)
    assert read([b"..\r\n" * 333 + b".\r\n"], limits)[0] == b".\r\n" * 333
    assert read(octets(b"..\r\n" * 333 + b".\r\n"), limits)[0] == b".\r\n" * 333
    assert read([b"..\r\n" * 334 + b".\r\n"], limits)[0] is replies.TOO_BIG


@pytest.mark.parametrize("piece", [b"x" * 50_000, b"x" * 60 + b"\r\n", b"\0" * 1000])
def test_what_is_refused_anyway_is_not_kept(piece: bytes) -> None:
    limits = Limits(max_message_size=100_000, max_line=1000)
    buffer = bytearray()
    reader = DataReader(buffer, limits, lambda _: True)
    largest = 0

    def flood() -> None:
        nonlocal largest
        while True:
            buffer.extend(piece)
            assert reader.step() is None
            largest = max(largest, len(buffer))

    with pytest.raises(Flood):
        flood()
    assert largest < 2 * limits.max_message_size


def test_what_is_thrown_away_takes_no_room() -> None:
    held, buffer = [0], bytearray()

    def hold(octets: int) -> bool:
        held[0] = octets
        return True

    reader = DataReader(buffer, SMALL, hold)
    for _ in range(3):
        buffer += b"x" * 98 + b"\r\n"
        assert reader.step() is None
    assert held == [len(buffer)] == [300]
    for _ in range(20):  # too big, and it goes on
        buffer += b"x" * 98 + b"\r\n"
        assert reader.step() is None
    assert held == [len(buffer)]
    assert len(buffer) < 100
