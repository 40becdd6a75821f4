"""Readers of what lies on a network: hosts, places to listen, networks of peers, URLs."""

import re
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, urlsplit

from bridge.config.problems import Invalid, shown
from bridge.config.reading import Place, Reader
from bridge.config.settings import Endpoint
from bridge.config.values import text
from bridge.routing import Network

_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LONGEST_HOST: Final = 253  # RFC 1035 section 2.3.4, without the dot at its end
_HIGHEST_PORT: Final = 65535
_SHORTEST: Final = {
    4: 8,
    6: 16,
}  # prefix lengths: anything shorter is most of the world, however it is written
_MAPPED: Final = IPv6Network("::ffff:0:0/96")  # how IPv4 peers look on an IPv6 socket


def is_loopback(host: str) -> bool:
    """Whether a host can only be this machine."""
    try:
        return ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return host == "localhost"


def host(value: object, place: Place) -> str:
    """A host name in lower case, or an IP address."""
    name = text(value, place)
    bracketed = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\]", name)
    try:
        return IPv6Address(bracketed[1]).compressed if bracketed else str(ip_address(name))
    except ValueError:
        pass
    if re.fullmatch(r"[^:]+:[0-9]+", name):
        raise Invalid("the host holds a port", "write the port in its own key: port = 25")
    if not _is_host(name):
        raise Invalid(f"{shown(value)} is not a host name", 'write for example "mail.example.com"')
    return name.lower()


def _is_host(name: str) -> bool:
    """Whether this is a name; one whose last label is a number can only be a mistaken address (RFC 1123, 2.1)."""
    if name.rpartition(".")[2].isdigit():
        return False
    return len(name) <= _LONGEST_HOST and _HOST.fullmatch(name) is not None


def host_port(value: object, example: str) -> tuple[str, int]:
    """``127.0.0.1:8025``, ``[::1]:8025`` or ``localhost:8025``; port 0 lets the system choose."""
    found = None
    if isinstance(value, str):
        found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]{2,45})\]|([^\[\]:\s]+)):([0-9]{1,5})", value)
    if found is not None and int(found[3]) <= _HIGHEST_PORT:
        try:
            return _literal(found[1], found[2]), int(found[3])
        except ValueError:
            pass
    raise Invalid(f"{shown(value)} is not host:port", _nearest_host_port(value, example))


def _nearest_host_port(value: object, example: str) -> str:
    written = value if isinstance(value, str) else ""
    if re.fullmatch(r"\*?:[0-9]+", written):
        port = written.partition(":")[2]
        return f'to listen everywhere write "0.0.0.0:{port}" and "[::]:{port}"'
    if written.count(":") > 1 and "://" not in written:
        return 'an IPv6 address stands in brackets: "[::1]:8025"'
    return f'write for example "{example}"'


def _literal(ipv6: str | None, other: str) -> str:
    """The one spelling of a host, or ValueError."""
    if ipv6 is not None:
        return IPv6Address(ipv6).compressed
    if re.fullmatch(r"[0-9.]+", other):
        return str(ip_address(other))
    if not _is_host(other):
        raise ValueError(other)
    return other.lower()


def endpoint(example: str) -> Reader[Endpoint]:
    """A reader of one entry of a `listen` that is always text."""

    def read(value: object, _place: Place) -> Endpoint:
        name, port = host_port(value, example)
        return Endpoint(host=name, port=port)

    return read


def nameserver(value: object, _place: Place) -> Endpoint:
    """One resolver: an address, since it is what names are asked of."""
    name, port = host_port(value, "127.0.0.1:53")
    try:
        ip_address(name)
    except ValueError:
        raise Invalid(f"{shown(value)} is not an address", 'write for example "127.0.0.1:53"') from None
    return Endpoint(host=name, port=port)


def network(value: object, place: Place) -> Network:
    """``192.0.2.0/24``, ``2001:db8::/48`` or one address; IPv4 written as mapped IPv6 becomes IPv4."""
    written = text(value, place)
    try:
        found: Network = ip_network(written)
    except ValueError:
        raise Invalid(f"{shown(value)} is not a network", _nearest_network(written)) from None
    if isinstance(found, IPv6Network) and found.subnet_of(_MAPPED):
        mapped = found.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, found.prefixlen - _MAPPED.prefixlen))
    return found


def _nearest_network(written: str) -> str:
    try:
        return f'did you mean "{ip_network(written, strict=False)}"?'
    except ValueError:
        return 'write for example "192.0.2.0/24" or "2001:db8::1"'


def peers(value: object, place: Place) -> Network:
    """A network whose peers are trusted; one that is most of the world is an error."""
    found = network(value, place)
    if found.prefixlen < _SHORTEST[found.version]:
        raise Invalid(
            f"{shown(value)} is (nearly) everybody",
            f"name the networks you mean; the shortest allowed is /{_SHORTEST[found.version]}",
        )
    return found


def url(*, origin: bool, example: str) -> Reader[str]:
    """A reader of web addresses: https, or http on this machine; no password, query or fragment in it.

    With `origin` nothing may follow the host. The answer ends without a slash. Never quotes what it read: a
    URL is where people put secrets.
    """

    def read(value: object, place: Place) -> str:
        written = text(value, place)
        try:
            parts = urlsplit(written)
            _checked(parts, example)
        except ValueError:
            raise Invalid("this is not a URL", f'write for example "{example}"') from None
        if origin and parts.path.strip("/"):
            raise Invalid("a path follows the host", f'write only the origin, for example "{example}"')
        return f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")

    return read


def _checked(parts: SplitResult, example: str) -> None:
    """Raises Invalid with a sentence, or ValueError where there is no more to say than that it is no URL."""
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError
    if parts.username is not None or parts.password is not None:
        raise Invalid("a URL must not hold a user or password", f'put it in a file; here write "{example}"')
    if parts.query or parts.fragment:
        raise Invalid("nothing may follow the path", f'write for example "{example}"')
    if parts.port is None and parts.netloc.endswith(":"):
        raise ValueError
    if "[" in parts.netloc or not _is_host(parts.hostname):
        ip_address(parts.hostname)
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise Invalid("plain http is only allowed on this machine", "write https:// instead of http://")
