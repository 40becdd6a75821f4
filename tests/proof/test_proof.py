"""What a login or a trusted network proves of an envelope sender."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from bridge.access import Proof
from bridge.config import User
from bridge.config.users import CERTIFICATE
from bridge.proof import prove

NETWORKS = (ip_network("192.0.2.0/24"),)
INSIDE, OUTSIDE = ip_address("192.0.2.7"), ip_address("198.51.100.7")
ANNA = User(name="anna", hash="", addresses=frozenset({"anna@example.org"}), domains=frozenset({"team.example.org"}))


@pytest.mark.parametrize(
    ("user", "sender", "found"),
    [
        ("anna", "anna@example.org", "anna@example.org"),
        ("anna", "x@team.example.org", "x@team.example.org"),
        ("anna", "x@sub.team.example.org", None),
        ("anna", "chief@example.org", None),
        ("anna", "", None),
        (None, "anna@example.org", None),
    ],
)
@pytest.mark.parametrize("peer", [INSIDE, OUTSIDE, None])
def test_what_is_proven(peer: object, user: str | None, sender: str, found: str | None) -> None:
    trusted = peer is INSIDE and user is None and bool(sender)
    made = prove(peer=peer, user=ANNA if user else None, sender=sender, networks=NETWORKS)  # type: ignore[arg-type] # both
    # A login is never widened by the network it comes from: who logs in is bound to its own addresses.
    assert made.sender == (sender if trusted else found)
    assert made.user == user
    assert made.how == ("network" if trusted else f"user:{user}" if user else "")
    assert made.peer is peer


def test_row_40_a_certificate_is_told_from_a_password() -> None:
    relay = replace(ANNA, hash=CERTIFICATE)
    assert prove(peer=OUTSIDE, user=relay, sender="anna@example.org", networks=()).how == "certificate:anna"


def test_a_trusted_peer_with_the_null_sender_proves_nobody() -> None:
    assert prove(peer=INSIDE, user=None, sender="", networks=NETWORKS) == Proof(peer=INSIDE)
