"""No test talks to anybody but this machine: not to the provider, whose SMS cost money and reach people.

Below everything that could be configured wrongly: at the socket. What is raised is no Exception, so that nothing that
is made to live with a broken network takes it for one.
"""

import socket
from ipaddress import ip_address
from typing import Any

_connect, _connect_ex = socket.socket.connect, socket.socket.connect_ex


class Outside(BaseException):
    """A connection beyond this machine was begun."""


def only() -> None:
    """From now on this process connects to this machine alone."""
    socket.socket.connect = _guarded_connect  # type: ignore[method-assign,assignment] # that is the point
    socket.socket.connect_ex = _guarded_connect_ex  # type: ignore[method-assign,assignment] # and here


def _guarded_connect(self: socket.socket, address: Any, /) -> None:
    _check(self, address)
    return _connect(self, address)


def _guarded_connect_ex(self: socket.socket, address: Any, /) -> int:
    _check(self, address)
    return _connect_ex(self, address)


def _check(opened: socket.socket, address: Any) -> None:
    if opened.family not in (socket.AF_INET, socket.AF_INET6):
        return
    host = str(address[0])
    if host != "localhost" and not ip_address(host.partition("%")[0]).is_loopback:
        raise Outside(f"a test must not connect to {host}")
