"""Where mail comes in: one entry of smtpd's `listen`, and what all entries and the certificate mean together.

An entry that could never take a mail, or would take one from everybody where only own devices are meant, is an error
here: nobody looks at a port until the alarm that should have come through it is missed.
"""

from typing import Final

from bridge.config.network import host_port, peers
from bridge.config.problems import Reported
from bridge.config.reading import Key, Place, list_of, one_of, read_keys
from bridge.config.settings import Endpoint
from bridge.config.values import path
from bridge.routing import Network

_EXAMPLE: Final = "127.0.0.1:8025"
_UNPROTECTED: Final = frozenset({"plain", "legacy"})  # modes without TLS


def smtp_endpoint(value: object, place: Place) -> Endpoint:
    """One entry of smtpd's `listen`: text, or a table with `address` and more."""
    if not isinstance(value, dict):
        name, port = host_port(value, _EXAMPLE)
        return Endpoint(host=name, port=port)
    read = read_keys(value, LISTENER, place)
    if set(value) - set(read) or "address" not in read:
        raise Reported
    name, port = read.pop("address")  # type: ignore[misc] # what _address gave
    return Endpoint(host=name, port=port, **read)  # type: ignore[arg-type] # what the readers below gave


def _address(value: object, _place: Place) -> tuple[str, int]:
    return host_port(value, _EXAMPLE)


_proxies = list_of(peers, example='["192.0.2.7/32"]', at_least=1)

LISTENER: Final = (
    Key("address", _address, None, "Where to listen.", f'write for example address = "{_EXAMPLE}"'),
    Key("mode", one_of("starttls", "implicit", "plain", "legacy"), "starttls", "How."),
    Key("proxy", _proxies, None, "Peers that say in a PROXY header for whom they speak."),
    Key("client_ca", path, None, "PEM of the authorities whose client certificates are believed."),
)


def check(
    listen: tuple[Endpoint, ...], place: Place, *, networks: tuple[Network, ...] | None, has_tls: bool, needs_tls: bool
) -> None:
    """Problems go to the entry's line in `place`. `networks` is None where they could not be read."""
    for index, entry in enumerate(listen):
        here = place.at("listen", index)
        if entry.mode == "implicit" and not has_tls:
            here.problem("the mode «implicit» needs a certificate", "set tls_certificate and tls_key")
        if entry.mode in _UNPROTECTED and needs_tls:
            here.problem(
                f"the mode «{entry.mode}» has no TLS and require_tls is set: no mail could come in here",
                'write mode = "starttls", or require_tls = false',
            )
        if entry.mode == "legacy" and networks == ():
            here.problem(
                "the mode «legacy» is for peers in `networks`, and there are none",
                'name your devices, for example networks = ["192.0.2.0/24"]',
            )
        if entry.client_ca is not None:
            _check_client_ca(entry, here, has_tls=has_tls)
        if networks and any(_overlap(one, other) for one in entry.proxy for other in networks):
            here.warning(
                "this proxy lies in `networks`: whoever it cannot name an address for is trusted as it is",
                "leave the proxy out of `networks`",
            )


def _check_client_ca(entry: Endpoint, here: Place, *, has_tls: bool) -> None:
    if entry.mode in _UNPROTECTED:
        here.problem(
            f"the mode «{entry.mode}» has no TLS, and so no client certificates",
            'remove client_ca, or write mode = "starttls"',
        )
    elif not has_tls:
        here.problem("client certificates need one of our own", "set tls_certificate and tls_key")


def _overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)
