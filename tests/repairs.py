"""What others' code does wrong and a test would be blamed for; each has a test that says when it can go.

aioresponses 0.7.9, the latest, builds aiohttp's answers without the argument `stream_writer`, which aiohttp has
required since its security release 3.14. An older aiohttp is not the way out, so its answers are built here.

asyncio leaves a connection open that was accepted in the very turn of the loop in which its server is closed (CPython
109564, open): it is found when it is thrown away, mostly in the middle of another test.
"""

import asyncio
import socket
from asyncio import selector_events
from typing import Any
from unittest.mock import Mock

import aiohttp
import aioresponses.core

_Transport: Any = selector_events._SelectorTransport  # type: ignore[attr-defined] # of CPython alone
_begin = _Transport.__init__


class RepairedResponse(aiohttp.ClientResponse):
    """`aiohttp.ClientResponse` that can be made without a `stream_writer`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("stream_writer", Mock(output_size=0))
        super().__init__(*args, **kwargs)


def begin(transport: Any, loop: asyncio.AbstractEventLoop, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
    """`__init__` of a transport, which closes the socket where its server is closed."""
    try:
        _begin(transport, loop, sock, *args, **kwargs)
    except AssertionError:
        sock.close()
        transport._sock = None
        raise


def make() -> None:
    """From now on both do it right."""
    aioresponses.core.ClientResponse = RepairedResponse  # type: ignore[attr-defined] # it imports the name
    _Transport.__init__ = begin
