"""Who a sender really is. Nothing a client merely says is proof: a login, its certificate, its address or DNS is.

Logins and networks are known before the first recipient (`prove`); what SPF and DKIM prove of the From domain is known
only after DATA (`bridge.proof.mail`).
"""

from ipaddress import IPv4Address, IPv6Address

from bridge.access import Proof, inside
from bridge.config import User
from bridge.config.users import CERTIFICATE
from bridge.routing import Network


def prove(
    *,
    peer: IPv4Address | IPv6Address | None,
    user: User | None,
    sender: str,
    networks: tuple[Network, ...],
) -> Proof:
    """What is certain of a peer and the (normalised) envelope sender it gave."""
    if user is not None:
        owns = sender in user.addresses or sender.rpartition("@")[2] in user.domains
        proven = bool(owns and sender)
        return Proof(
            peer=peer,
            user=user.name,
            sender=sender if proven else None,
            envelope=proven,
            how=f"{'certificate' if user.hash == CERTIFICATE else 'user'}:{user.name}",
        )
    if sender and inside(peer, networks):
        return Proof(peer=peer, sender=sender, envelope=True, how="network")
    return Proof(peer=peer)
