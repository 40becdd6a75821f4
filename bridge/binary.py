"""Binary SMS: octets cut into segments with a user data header, and put together again. Pure.

A phone knows what belongs together only by the header (UDH, 3GPP TS 23.040 section 9.2.3.24), and the provider
passes it on unread. What we write is the plainest form there is; what we read may be anything a phone, a network or
a gadget made, so reading is strict only where a guess would eat octets: `parse` says what is wrong, `join` never
loses any.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["vcard", "vcalendar", "text", "binary"]

SEGMENT: Final = 140
"""Octets of one SMS, its header included."""

MOST: Final = 255
"""Segments that one octet can count."""

VCARD: Final = 9204
"""The WAP port for a card (WAP-259-WDP, appendix B)."""

VCALENDAR: Final = 9205
"""The WAP port for an appointment."""

_CONCATENATED, _PORTS_8, _PORTS_16, _CONCATENATED_16 = 0x00, 0x04, 0x05, 0x08
_LENGTHS: Final = {_CONCATENATED: 3, _PORTS_8: 2, _PORTS_16: 4, _CONCATENATED_16: 4}
_BEGIN: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*BEGIN:(VCARD|VCALENDAR)\b", re.IGNORECASE)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """What one SMS holds behind its header, and what the header says. One that stands alone is 1 of 1."""

    data: bytes
    reference: int | None = None  # what all segments of one message share: one octet or two
    total: int = 1
    index: int = 1  # from 1
    port: int | None = None  # the destination's, one octet or two


def segments(data: bytes, *, port: int | None = None, reference: int | None = None) -> tuple[bytes, ...]:
    """`data` as the user data of as many SMS as it needs, at most 140 octets each.

    Every segment begins with a header if there is a `port` (0…65535) or more than one segment; a single one without
    port is `data` itself. `reference` (0…255) is by default an octet of the content's hash, so that the same content
    always gives the same segments. Raises ValueError for no data and for more than 255 segments.
    """
    if not data:
        raise ValueError("no data to send")
    ports = b"" if port is None else bytes((_PORTS_16, 4)) + port.to_bytes(2) + bytes(2)
    alone = _headed(ports)
    if len(alone) + len(data) <= SEGMENT:
        return (alone + data,)
    room = SEGMENT - len(_headed(ports + bytes(5)))
    total = -(-len(data) // room)
    if total > MOST:
        raise ValueError(f"the data needs {total} segments, and a header counts to {MOST}")
    shared = hashlib.sha256(data).digest()[0] if reference is None else reference
    return tuple(
        _headed(ports + bytes((_CONCATENATED, 3, shared, total, index + 1))) + data[index * room : (index + 1) * room]
        for index in range(total)
    )


def parse(segment: bytes) -> Segment:
    """Reads a segment that begins with a header.

    Elements we do not know are skipped; so is one that says nothing sane (index 7 of 3, a wrong length), as the
    standard wants it. Of an element that stands there twice the last one counts. Raises ValueError when the header
    itself cannot be walked through: it is longer than the segment, or an element is longer than the header.
    """
    if not segment or segment[0] >= len(segment):
        raise ValueError("the header is longer than the segment")
    reference, total, index, port = None, 1, 1, None
    for kind, value in _elements(segment[1 : 1 + segment[0]]):
        if kind in (_PORTS_8, _PORTS_16):
            port = int.from_bytes(value[: len(value) // 2])
        elif 1 <= value[-1] <= value[-2]:
            reference, total, index = int.from_bytes(value[:-2]), value[-2], value[-1]
    return Segment(data=segment[1 + segment[0] :], reference=reference, total=total, index=index, port=port)


def join(parts: Sequence[bytes], *, with_header: bool) -> tuple[bytes, int | None]:
    """The data of a message of several segments, in the order their headers say, and its destination port.

    Never fails and never drops octets but headers and true repetitions: a segment whose header cannot be read is
    taken as it is, what is missing leaves no gap, and what has no place among the others comes in the order given.
    """
    if not with_header:
        return b"".join(parts), None
    read = [_tolerant(part) for part in parts]
    messages: dict[tuple[int | None, int], int] = {}  # should they be of more than one: each in its place
    for one in read:
        messages.setdefault((one.reference, one.total), len(messages))
    once: dict[Segment | int, Segment] = {
        count if one.reference is None else one: one for count, one in enumerate(read)
    }
    ordered = sorted(once.values(), key=lambda one: (messages[one.reference, one.total], one.index))
    port = next((one.port for one in ordered if one.port is not None), None)
    return b"".join(one.data for one in ordered), port


def kind(data: bytes, port: int | None) -> Kind:
    """What the octets are, by their beginning, else by the port they were sent to, else by whether they can be read.

    "text" is UTF-8 without control characters; "binary" is everything else, also nothing at all.
    """
    if found := _BEGIN.match(data):
        return "vcard" if found[1].upper() == b"VCARD" else "vcalendar"
    if port in (VCARD, VCALENDAR):
        return "vcard" if port == VCARD else "vcalendar"
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return "binary"
    return "text" if text.strip() and not _CONTROL.search(text) else "binary"


def _headed(elements: bytes) -> bytes:
    return bytes((len(elements),)) + elements if elements else b""


def _tolerant(part: bytes) -> Segment:
    try:
        return parse(part)
    except ValueError:
        return Segment(data=part)


def _elements(header: bytes) -> Iterator[tuple[int, bytes]]:
    """The information elements we know and that have their length."""
    at = 0
    while at < len(header):
        if at + 1 >= len(header) or at + 2 + header[at + 1] > len(header):
            raise ValueError("an element is longer than the header")
        value = header[at + 2 : at + 2 + header[at + 1]]
        if _LENGTHS.get(header[at]) == len(value):
            yield header[at], value
        at += 2 + len(value)
