"""Mail doors without a bridge behind them, each a process of its own: `python -m tests.bench.doors KIND PORT`.

`ours` is the daemon's listener with a policy that takes everything; `stock` is aiosmtpd with a handler that takes
everything; both on uvloop and on asyncio.
"""

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import uvloop
from aiosmtpd.smtp import SMTP

from bridge.config.settings import Endpoint
from bridge.smtpd.contract import Peer, Policy, Reply, Terms
from bridge.smtpd.listener import Listener

KINDS = ("stock", "stock-uvloop", "ours-asyncio", "ours")
_MANY = 1000
_TAKEN = Reply(250, "2.0.0", "queued as 01jd0000000000000000000000")


class _Null(Policy[str]):
    """Takes everything."""

    def connected(self, _peer: Peer) -> None:
        return None

    def mail(self, _peer: Peer, _sender: str, _params: Mapping[str, str]) -> None:
        return None

    def rcpt(self, _peer: Peer, _sender: str, recipient: str, _params: Mapping[str, str]) -> str:
        return recipient

    async def data(
        self, _peer: Peer, _sender: str, _recipients: Sequence[str], _content: bytes, _params: Mapping[str, str]
    ) -> Reply:
        return _TAKEN

    async def authenticate(self, _peer: Peer, _name: bytes, _password: bytes) -> None:
        return None

    def broke(self, _peer: Peer) -> None:
        return None

    def exposed(self, _peer: Peer, _name: bytes) -> None:
        return None

    def certified(self, _peer: Peer) -> None:
        return None


class _NullHandler:
    """The same for aiosmtpd."""

    async def handle_DATA(self, _server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        return "250 2.0.0 OK"


async def _ours(port: int) -> None:
    terms = Terms(policy=_Null(), hostname="door.example.com")
    listener = Listener(terms=terms, per_address=_MANY, total=_MANY)
    await listener.open([Endpoint(host="127.0.0.1", port=port)])
    await asyncio.Event().wait()


async def _plain(protocol: Callable[[], asyncio.BaseProtocol], port: int) -> None:
    await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", port)
    await asyncio.Event().wait()


def main() -> None:
    """Serve until killed."""
    kind, port = sys.argv[1], int(sys.argv[2])
    run = asyncio.run if kind in {"stock", "ours-asyncio"} else uvloop.run
    if kind.startswith("ours"):
        run(_ours(port))
    else:
        run(_plain(partial(SMTP, _NullHandler(), hostname="stock.example.com"), port))


if __name__ == "__main__":
    main()
