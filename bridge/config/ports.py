"""Where the listeners of all sections stand to each other, and who can reach the console."""

from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from bridge.config.network import is_loopback
from bridge.config.reading import Place
from bridge.config.settings import Endpoint


def check(entries: Iterable[tuple[Endpoint, Place]]) -> None:
    """Two listeners on one place: the second could not be opened."""
    seen: list[tuple[Endpoint, Place]] = []
    for entry, place in entries:
        for other, where in seen:
            if _collide(entry, other):
                place.problem(
                    f"{where.key}{_on_line(where)} listens on port {entry.port} of the same host already",
                    "choose another port",
                )
                break
        seen.append((entry, place))


def check_console(listen: Sequence[Endpoint], place: Place, *, has_users: bool) -> None:
    """Warns of a console that others can reach: it does not encrypt, and without users it shows no page."""
    for index, entry in enumerate(listen):
        if is_loopback(entry.host):
            continue
        if has_users:
            place.at("listen", index).warning(
                "others can reach the console, and it does not encrypt",
                "listen on 127.0.0.1 behind a web server with a certificate, or use ssh -L",
            )
        else:
            place.at("listen", index).warning(
                "others can reach the console, and for want of users it shows no page",
                'set users_file = "console-users", or listen on 127.0.0.1',
            )


def _on_line(place: Place) -> str:
    return "" if place.line is None else f" on line {place.line}"


def _collide(one: Endpoint, other: Endpoint) -> bool:
    """Whether both mean one port of one host; 0.0.0.0 and :: are every host of their family, port 0 is any
    free one.
    """
    if one.port != other.port or one.port == 0:
        return False
    if one.host == other.host:
        return True
    try:
        first, second = ip_address(one.host), ip_address(other.host)
    except ValueError:
        return False
    return first.version == second.version and (first.is_unspecified or second.is_unspecified)
