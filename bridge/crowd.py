"""Who is connected to an HTTP listener: how many are let in, in all and of one address, and whose turn the next one is.

Peers on this machine and those that are spared are not bounded: a reverse proxy is one address; behind it stands
everybody. They are work like the others, though, and of several processes each takes its part of all.
"""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

from bridge.access import inside
from bridge.census import Census
from bridge.log import get_logger
from bridge.routing import Network

_SAID_EVERY: Final = 60.0
_HTTP: Final = "http "  # the mail door counts in the same census
_EVERYBODY: Final = "at a listener"  # counted like an address, spared or not
_STRANGERS: Final = "not spared"
_FIRST: Final = 6  # a connection of the daemon weighs, found by trying: it is answered sooner and so brings more


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much a listener bears of peers that are not spared."""

    header_within: float = 10.0  # seconds from the connection to the end of the first header, for everybody
    unread_within: float = 30.0  # seconds for which a peer may leave unread what he was answered, for everybody
    connections: int = 100
    per_address: int = 10
    spare_loopback: bool = True


BOUNDS: Final = Bounds()


class Crowd:
    """The connections of one listener that are counted."""

    def __init__(self, bounds: Bounds, spared: Callable[[], tuple[Network, ...]], census: Census) -> None:
        self.bounds = bounds
        self._spared = spared
        self._census = census
        self._counted = 0
        self._said_at = -_SAID_EVERY
        self._log = get_logger("listeners")

    def lead(self) -> int:
        """How many more are here than at another process: so much rather the next one is left to others.

        The first may have fewer than the others, since it does for all what is done once, unless that would leave it
        with places when the others have none.
        """
        most = self.bounds.connections if self._census.of(_STRANGERS) else sys.maxsize
        return self._census.lead(_EVERYBODY, most, first=_FIRST)

    def enter(self, peer: str) -> bool | None:
        """Whether one more of this address may come in, and is counted; None: it may, and is not."""
        if self._is_spared(peer):
            self._census.enter(_EVERYBODY)
            return None
        at = place(peer)
        if self._counted >= self.bounds.connections or self._census.of(_HTTP + at) >= self.bounds.per_address:
            self._say(at)
            return False
        self._counted += 1
        for kind in (_HTTP + at, _STRANGERS, _EVERYBODY):
            self._census.enter(kind)
        return True

    def leave(self, peer: str, *, counted: bool) -> None:
        """One that came in is gone."""
        self._census.leave(_EVERYBODY)
        if counted:
            self._counted -= 1
            self._census.leave(_STRANGERS)
            self._census.leave(_HTTP + place(peer))

    def _is_spared(self, peer: str) -> bool:
        address: IPv4Address | IPv6Address
        try:
            address = ip_address(peer.partition("%")[0])
        except ValueError:
            return True  # a socket of this machine, which has no address
        address = getattr(address, "ipv4_mapped", None) or address
        return (address.is_loopback and self.bounds.spare_loopback) or inside(address, self._spared())

    def _say(self, peer: str) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._said_at >= _SAID_EVERY:
            self._said_at = now
            self._log.warning("reject", peer=peer, reason="too many connections; others of this minute are not logged")


def place(peer: str) -> str:
    """What is counted as one address: of IPv6 a whole /64, since whoever has one address there has them all."""
    address = ip_address(peer.partition("%")[0])
    if address.version == 4 or address.ipv4_mapped:  # noqa: PLR2004  # the version of IP
        return peer
    return str(ip_network((address, 64), strict=False))
