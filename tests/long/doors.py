"""A bridge with every kind of door, for those who come to break it: plain, STARTTLS, implicit TLS, logins, networks.

All of 127.0.0.0/8 is this machine, so a client chooses by its own address whether it is trusted (`127.0.x.y`) or
comes from the Internet (everything else), and is one of many or many of one.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme
from argon2 import PasswordHasher

from bridge.simulator import Simulator
from tests.flows.program import Port
from tests.flows.rig import ANNA, ROUTES, Bridge, running

DENIED, DENIED_ADDRESS = "436600000005", "denied@sms.example.com"
GUEST, GUEST_ADDRESS = "436600000006", "guest@sms.example.com"
GUEST_HOST = "127.7.7.7"
"""Not trusted, but allowed on one row."""

USER, PASSWORD = "panel", "pässwörd"

_ROUTES = f"""
[[route]]
address = "{DENIED_ADDRESS}"
number = "{DENIED}"
allow = ["198.51.100.7/32"]

[[route]]
address = "{GUEST_ADDRESS}"
number = "{GUEST}"
allow = ["{GUEST_HOST}/32"]

[[route]]
address = "*@sms.example.com"
number = "{{local}}"
allow = ["*@example.org"]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """The bridge, its provider, and what a client needs to come in by each door."""

    bridge: Bridge
    simulator: Simulator
    plain: int
    implicit: int
    context: ssl.SSLContext


@asynccontextmanager
async def opened(place: Path) -> AsyncIterator[Doors]:
    """All doors open, the daemon a program of its own."""
    context = _certificate(place)
    hasher = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)  # what is tested is not the hash
    (place / "users").write_text(f"{USER}:{hasher.hash(PASSWORD)}:{ANNA}\n", encoding="ascii")
    (place / "users").chmod(0o600)
    implicit = Port()
    try:
        async with running(place, start=False, routes=ROUTES + _ROUTES) as (bridge, simulator):
            plain = bridge.port("smtp")
            section = (
                f'listen = ["127.0.0.1:{plain}", {{ address = "127.0.0.1:{implicit.number}", mode = "implicit" }}]\n'
                'tls_certificate = "chain.pem"\ntls_key = "key.pem"\nusers_file = "users"\n'
                'networks = ["127.0.0.0/16"]\n'
            )
            head, heading, rest = bridge.config.read_text(encoding="utf-8").partition("[smtpd]\n")
            others = rest.partition("\n\n")[2]
            bridge.config.write_text(f"{head}{heading}{section}\n{others}", encoding="utf-8")
            bridge.start()
            await bridge.ready()
            yield Doors(bridge=bridge, simulator=simulator, plain=plain, implicit=implicit.number, context=context)
    finally:
        implicit.close()


def _certificate(place: Path) -> ssl.SSLContext:
    """Writes the daemon's certificate; gives the context of a client that trusts it."""
    authority = trustme.CA()
    leaf = authority.issue_cert("localhost")
    for number, blob in enumerate(leaf.cert_chain_pems):
        blob.write_to_path(str(place / "chain.pem"), append=number > 0)
    leaf.private_key_pem.write_to_path(str(place / "key.pem"))
    (place / "key.pem").chmod(0o600)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context
