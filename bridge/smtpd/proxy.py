"""The PROXY header, versions 1 and 2 (haproxy's proxy-protocol.txt), in which a proxy says for whom it speaks.

It is read before there is a session, and not an octet beyond its end: what follows may be a TLS handshake. The parser
is our own because aiosmtpd's is made for friends: a short line is an IndexError, and any word between TCP and 4 passes.
"""

import re
import struct
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address, ip_address

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"  # how version 2 begins
FIRST_WORD = b"PROXY "  # how version 1 begins

_SHORTEST = 15  # octets: "PROXY UNKNOWN" CR LF; version 2 has at least one more
_LONGEST_LINE = 107  # octets of version 1, section 2.1
_FIXED = 16  # octets before the addresses of version 2
_LONGEST_REST = 4096  # octets behind those: addresses, and TLVs that we have no use for
_HIGHEST_PORT = 65535

_ADDRESS = rb"([0-9A-Fa-f.:]{2,39})"
_PORT = rb"(0|[1-9][0-9]{0,4})"
_LINE = re.compile(rb"PROXY TCP([46]) %b %b %b %b\r\n" % (_ADDRESS, _ADDRESS, _PORT, _PORT))
_UNKNOWN = re.compile(rb"PROXY UNKNOWN(?: [ -~]*)?\r\n")

_LOCAL, _PROXY = 0x20, 0x21  # version and command
_TCP4, _TCP6 = 0x11, 0x21  # family and transport
_NO_ADDRESS = frozenset({0x00, 0x31})  # unspecified; a Unix socket

Client = tuple[str, int]
"""Address and port of whom the proxy speaks for."""

Receive = Callable[[int], Awaitable[bytes]]
"""Gives up to so many octets; none at the end of the stream."""


class BadHeader(Exception):
    """What came is no PROXY header; says why."""


class Left(Exception):
    """The peer left without a word, as health checks do."""


def speaks_proxy(octets: bytes | bytearray) -> bool:
    """Whether these octets begin like a PROXY header."""
    return octets.startswith((FIRST_WORD, SIGNATURE))


async def read_client(receive: Receive) -> Client | None:
    """Reads exactly one header. None: the proxy speaks for itself (LOCAL), or cannot say for whom (UNKNOWN).

    Raises `BadHeader`, `Left`, and what `receive` raises.
    """
    head = b""
    while len(head) < _SHORTEST:
        piece = await receive(_SHORTEST - len(head))
        if not piece and not head:
            raise Left
        head += _something(piece)
        if not (SIGNATURE.startswith(head[: len(SIGNATURE)]) or FIRST_WORD.startswith(head[: len(FIRST_WORD)])):
            raise BadHeader("it begins with something else")
    return await (_read_line if head.startswith(FIRST_WORD) else _read_binary)(receive, head)


async def _read_line(receive: Receive, head: bytes) -> Client | None:
    while not head.endswith(b"\r\n"):
        if len(head) >= _LONGEST_LINE or b"\r" in head[:-1] or b"\n" in head:
            raise BadHeader("the line does not end where it should")
        # Two octets at a time, since CR LF is still to come.
        head += _something(await receive(1 if head.endswith(b"\r") else min(2, _LONGEST_LINE - len(head))))
    if _UNKNOWN.fullmatch(head):
        return None
    found = _LINE.fullmatch(head)
    if found is None:
        raise BadHeader("the line cannot be read")
    source, destination = _address(found[2]), _address(found[3])
    if not source.version == destination.version == int(found[1]):
        raise BadHeader("the addresses are not of the family it names")
    if max(int(found[4]), int(found[5])) > _HIGHEST_PORT:
        raise BadHeader("there is no such port")
    return str(source), int(found[4])


def _address(text: bytes) -> IPv4Address | IPv6Address:
    try:
        return ip_address(text.decode("ascii"))
    except ValueError:
        raise BadHeader("the line holds no address") from None


async def _read_binary(receive: Receive, head: bytes) -> Client | None:
    head += await _exactly(receive, _FIXED - len(head))
    version_and_command, family, length = struct.unpack("!BBH", head[len(SIGNATURE) :])
    if version_and_command not in {_LOCAL, _PROXY}:
        raise BadHeader("version or command is not known")
    if length > _LONGEST_REST:
        raise BadHeader("it is too long")
    rest = await _exactly(receive, length)
    if version_and_command == _LOCAL or family in _NO_ADDRESS:
        return None
    layout = {_TCP4: "!4s4sHH", _TCP6: "!16s16sHH"}.get(family)
    if layout is None:
        raise BadHeader("address family or transport is not known")
    if length < struct.calcsize(layout):
        raise BadHeader("it is too short for its addresses")
    source, _, port, _ = struct.unpack_from(layout, rest)
    return str(ip_address(source)), port


async def _exactly(receive: Receive, octets: int) -> bytes:
    found = b""
    while len(found) < octets:
        found += _something(await receive(octets - len(found)))
    return found


def _something(piece: bytes) -> bytes:
    if not piece:
        raise BadHeader("it breaks off")
    return piece
