"""What an S/MIME mail wraps in its signature: the walk through CMS (RFC 5652) that reaches the words, and no more.

Just the path SignedData > encapContentInfo > eContent is looked at, in DER and in the BER with open lengths and chunks
that streaming programs write. The signature itself proves nothing here and is not checked. Steps are counted.
"""

from typing import Final

SIGNED: Final = bytes.fromhex("06092a864886f70d010702")
_DATA: Final = bytes.fromhex("06092a864886f70d010701")
_STEPS: Final = 20_000
_SEQUENCE, _CONTEXT, _OCTETS, _CHUNKS, _OPEN = 0x30, 0xA0, 0x04, 0x24, -1
_LONG_TAG, _CONSTRUCTED, _LONG, _LONGEST = 0x1F, 0x20, 0x80, 4


def is_signed(data: bytes) -> bool:
    """Whether `data` is a CMS ContentInfo of the type signedData."""
    try:
        at = _inside(data, 0, _SEQUENCE)
    except ValueError:
        return False
    return data.startswith(SIGNED, at)


def wrapped(data: bytes) -> bytes:
    """The octets that a SignedData holds; b"" when it holds none (certificates only). Raises ValueError for what is
    no SignedData, is cut off or takes more than 20,000 steps.
    """
    if not is_signed(data):
        raise ValueError("no SignedData")
    at = _inside(data, _inside(data, 0, _SEQUENCE) + len(SIGNED), _CONTEXT)
    at = _inside(data, at, _SEQUENCE)
    at = _behind(data, _behind(data, at))  # the version, the digest algorithms
    tag, at, end = _head(data, at)
    if tag != _SEQUENCE or not data.startswith(_DATA, at):
        raise ValueError("no data in the SignedData")
    at += len(_DATA)
    if at == end or data[at : at + 2] == b"\0\0":
        return b""
    return _chunks(data, _inside(data, at, _CONTEXT))


def _head(data: bytes, at: int) -> tuple[int, int, int]:
    """Tag, begin of the content and its end (_OPEN for an open length) of the element at `at`."""
    if at + 2 > len(data):
        raise ValueError("cut off")
    tag, length, begin = data[at], data[at + 1], at + 2
    if tag & _LONG_TAG == _LONG_TAG:
        raise ValueError("a tag of several octets")
    if length == _LONG:
        if not tag & _CONSTRUCTED:
            raise ValueError("an open length without elements")
        return tag, begin, _OPEN
    if length > _LONG:
        count = length - _LONG
        if count > _LONGEST:
            raise ValueError("a length of more than four octets")
        length = int.from_bytes(data[begin : begin + count], "big")
        begin += count
    if begin + length > len(data):
        raise ValueError("cut off")
    return tag, begin, begin + length


def _inside(data: bytes, at: int, tag: int) -> int:
    found, begin, _ = _head(data, at)
    if found != tag:
        raise ValueError(f"tag {found:#x} instead of {tag:#x}")
    return begin


def _behind(data: bytes, at: int) -> int:
    """Where the element at `at` ends, whatever it holds."""
    depth = 0
    for _ in range(_STEPS):
        tag, begin, end = _head(data, at)
        at = begin if end == _OPEN else end
        if end == _OPEN:
            depth += 1
        elif tag == 0 and depth:
            depth -= 1
        if not depth:
            return at
    raise ValueError("too many elements")


def _chunks(data: bytes, at: int) -> bytes:
    """The octets of the string at `at`, which may be cut into chunks, with or without a length."""
    tag, begin, end = _head(data, at)
    if tag == _OCTETS:
        return data[begin:end]
    if tag != _CHUNKS:
        raise ValueError("no octets")
    found: list[bytes] = []
    at, last, depth = begin, end, 1
    for _ in range(_STEPS):
        if at == last:
            return b"".join(found)
        tag, begin, end = _head(data, at)
        if tag == _OCTETS:
            found.append(data[begin:end])
        elif tag == _CHUNKS and end == _OPEN:
            depth += 1
        elif tag == 0 and end == begin:
            depth -= 1
            if not depth:
                return b"".join(found)
        elif tag != _CHUNKS:
            raise ValueError("no octets")
        at = begin if tag == _CHUNKS else end
    raise ValueError("too many chunks")
