"""What the files allow and nobody could ever use: logins that no listener takes, rows whose senders nothing proves.

None of it is wrong by itself, and a table is often written before the users are. But every mail would be refused, and
the reply to it cannot tell the sender what the operator forgot. So these are warnings.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from bridge.config.reading import Place
from bridge.config.settings import Endpoint, User
from bridge.config.users import CERTIFICATE
from bridge.routing import Allow, Route

_WITH_TLS = frozenset({"starttls", "implicit"})


def check_users(users: Collection[User], place: Place, *, listen: Sequence[Endpoint], has_tls: bool) -> None:
    """Warns at `place`, the key that names the users file, of users whom no entry of `listen` lets log in."""
    if any(user.hash != CERTIFICATE for user in users):
        if not has_tls:
            place.warning(
                "nobody can log in with a password: there is no certificate", "set tls_certificate and tls_key"
            )
        elif not any(entry.mode in _WITH_TLS for entry in listen):
            place.warning(
                "nobody can log in with a password: no entry of listen has TLS", 'write mode = "starttls" in one'
            )
    if any(user.hash == CERTIFICATE for user in users) and not any(entry.client_ca for entry in listen):
        place.warning(
            "nobody can log in with a certificate: no entry of listen asks for one",
            'add client_ca to one: { address = "0.0.0.0:465", mode = "implicit", client_ca = "tls/devices.pem" }',
        )


def check_routes(rows: Sequence[Route], place: Place, *, users: Collection[User], others: bool) -> None:
    """Warns once, at the first of the `rows` of `place` that are for nobody.

    `others` says that networks, relays or DNS can prove senders who do not log in.
    """
    useless = [row for row in rows if row.address is not None and not (others or _can_be_used(row.allow, users))]
    if not useless:
        return
    more = f" (and to {len(useless) - 1} more)" if len(useless) > 1 else ""
    row = place.at("route", useless[0].row - 1)
    replace(row, prefix=len(row.trail)).at("allow").warning(
        f"nothing can prove one of these senders, so every mail to this route is refused{more}",
        "give them a login (smsbridge user add), name their mail server in [smtpd] networks, "
        "or set [mail_authentication] check = true",
    )


def _can_be_used(allow: Allow, users: Collection[User]) -> bool:
    """Whether its peer's address or a login can open a row; who is named as user is known to exist."""
    return bool(allow.networks or allow.users) or any(_may_send_as_one_of(allow, user) for user in users)


def _may_send_as_one_of(allow: Allow, user: User) -> bool:
    addresses = allow.addresses & user.addresses or allow.domains & user.domains
    its_domains = {address.rpartition("@")[2] for address in user.addresses}
    their_domains = {address.rpartition("@")[2] for address in allow.addresses}
    return bool(addresses or allow.domains & its_domains or user.domains & their_domains)
