"""Who may use a row: one proven fact suffices, an unproven one never does."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.access import Proof, inside, may_use
from bridge.routing import Allow

ALLOW = Allow(
    addresses=frozenset({"chief@example.com"}),
    domains=frozenset({"example.org"}),
    users=frozenset({"anna"}),
    networks=(ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")),
)


@pytest.mark.parametrize(
    ("proof", "allowed"),
    [
        (Proof(), False),
        (Proof(sender="chief@example.com"), True),
        (Proof(sender="other@example.com"), False),
        (Proof(sender="x@example.org"), True),
        (Proof(sender="x@sub.example.org"), False),
        (Proof(sender="x@example.org.evil.example.net"), False),
        (Proof(sender='"x@example.org"@example.net'), False),
        (Proof(sender='"x@example.net"@example.org'), True),
        (Proof(user="anna"), True),
        (Proof(user="Anna"), False),
        (Proof(user="bernd"), False),
        (Proof(user="bernd", sender="x@example.org"), True),
        (Proof(peer=ip_address("192.0.2.7")), True),
        (Proof(peer=ip_address("192.0.3.7")), False),
        (Proof(peer=ip_address("::ffff:192.0.2.7")), True),
        (Proof(peer=ip_address("::ffff:192.0.3.7")), False),
        (Proof(peer=ip_address("2001:db8::7")), True),
        (Proof(peer=ip_address("2001:db9::7")), False),
        (Proof(peer=ip_address("::192.0.2.7")), False),
    ],
)
def test_allow(proof: Proof, allowed: bool) -> None:
    assert may_use(ALLOW, proof) is allowed


@given(
    st.one_of(st.none(), st.ip_addresses()),
    st.one_of(st.none(), st.text()),
    st.one_of(st.none(), st.text()),
)
def test_an_empty_allow_lets_nobody_in(peer: object, user: str | None, sender: str | None) -> None:
    assert not may_use(Allow(), Proof(peer=peer, user=user, sender=sender))  # type: ignore[arg-type] # both kinds


@given(st.ip_addresses(v=4))
def test_a_mapped_address_counts_as_itself(address: object) -> None:
    networks = (ip_network("10.0.0.0/8"), ip_network("192.0.2.0/24"))
    mapped = ip_address(f"::ffff:{address}")
    assert inside(mapped, networks) is inside(ip_address(str(address)), networks)


def test_no_address_is_in_no_network() -> None:
    assert not inside(None, (ip_network("0.0.0.0/0"), ip_network("::/0")))
