"""Given a proof: who may send what, and what must never cross. Pure."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from bridge.routing import Allow, Network

MOST_RECEIVED = 30
"""Received lines after which a mail is taken to be going round in circles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What is known for certain of the peer and of the mail's envelope sender."""

    peer: IPv4Address | IPv6Address | None = None
    user: str | None = None  # logged in as
    sender: str | None = None  # the envelope sender where it is proven; the author
    how: str = ""  # "user:anna", "network", "" when nothing but the peer's address is known


def inside(address: IPv4Address | IPv6Address | None, networks: tuple[Network, ...]) -> bool:
    """Whether an address lies in one of the networks; an IPv4 address seen through an IPv6 socket counts as itself."""
    if address is None:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    seen = mapped or address
    return any(seen in network for network in networks if network.version == seen.version)


def may_use(allow: Allow, proof: Proof) -> bool:
    """Whether one entry of a row's `allow` matches what was proven."""
    if proof.user is not None and proof.user in allow.users:
        return True
    sender = proof.sender
    if sender is not None and (sender in allow.addresses or sender.rpartition("@")[2] in allow.domains):
        return True
    return inside(proof.peer, allow.networks)
