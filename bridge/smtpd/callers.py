"""Who calls: whether an address is one of ours, what counts as one, and hanging up on it."""

import contextlib
import ipaddress
import socket

from bridge.smtpd.contract import Reply

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_IPV6_HOST_BITS = 64  # one customer has at least a /64


def is_inside(host: str, networks: tuple[Network, ...]) -> bool:
    """Whether an address, as a `Peer` has it, is in one of these."""
    if not networks or not host:
        return False
    address = ipaddress.ip_address(host)
    return any(address.version == network.version and address in network for network in networks)


def place_of(host: str) -> str:
    """What counts as one address."""
    if ":" not in host:
        return host
    return format(int(ipaddress.IPv6Address(host)) >> _IPV6_HOST_BITS, "x")


def hang_up(sock: socket.socket, reply: Reply, *, aloud: bool) -> None:
    """Closes a socket that has no session yet, with a word where the client would understand one."""
    with contextlib.suppress(OSError):
        if aloud:
            sock.send(reply.encode())
        sock.shutdown(socket.SHUT_WR)
        sock.recv(4096)  # what is left unread would take the reply with it
    sock.close()
