"""The daemon as it is run, in a process of its own: policy, routing, translation and durability on."""

import contextlib
import secrets
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.bench.frame import Running
from tests.bench.processes import free_port, listening, module, process

ROUTES = """
[[route]]
address = "*@sms.example.com"
number = "{local}"
allow = ["*@example.org"]
"""

_CONFIGURATION = """
hostname = "bridge.example.com"
domains = ["sms.example.com"]
postmaster = "postmaster@example.org"
processes = {processes}
[smtpd]
listen = ["127.0.0.1:{smtp}"]
networks = ["127.0.0.0/8"]
max_connections = 1000
max_connections_per_address = 1000
[websms]
url = "http://127.0.0.1:{provider}/rest"
token_file = "token"
max_in_flight = {max_in_flight}
[webhook]
listen = ["127.0.0.1:{webhook}"]
secret_file = "secret"
[smarthost]
{smarthost}
[spool]
{spool}
[limits]
sender = "0"
recipient = "0"
route = "0"
total = "0"
[console]
listen = ["127.0.0.1:{console}"]
"""

PROCESSES = 2
"""`processes` where several are measured: as many as the machine of the goals has cores."""

MAX_IN_FLIGHT = 64
"""Calls at the provider at a time: more than the 50 clients of the stages, or it is this that would be measured."""

SERVE = "tests.bench.program"
"""The module that runs the daemon; see there for the variants."""


@dataclass(frozen=True, kw_only=True)
class Bridge(Running):
    """A running bridge. `port` is its mail door; `database` its spool where that is a file."""

    webhook: int
    console: int
    secret: str  # the webhook's: POST /websms/<secret>
    place: Path

    @property
    def database(self) -> Path:
        """The spool."""
        return self.place / "smsbridge.db"


@contextlib.asynccontextmanager
async def bridge(
    place: Path, *, variant: str = "plain", environment: Mapping[str, str] | None = None, **settings: Any
) -> AsyncIterator[Bridge]:
    """A bridge with its files in `place`; `variant` is one of `program`'s, `settings` are keywords of `configured`."""
    files = configured(place, **settings)
    command = module(SERVE, variant, "serve", "--config", place / "bridge.toml")
    said = place / "said"
    with process(command, environment=environment, said=said) as pid:
        try:
            for port in (files.port, files.console):
                await listening(port, pid=pid)
        except RuntimeError as error:
            raise RuntimeError(f"the bridge did not start: {said.read_text(encoding='utf-8')}") from error
        yield replace(files, pids=[pid])


def configured(
    place: Path,
    *,
    provider: int | None = None,
    smarthost: int | None = None,
    routes: str = ROUTES,
    spool: str = 'url = "sqlite:smsbridge.db"',
    max_in_flight: int = MAX_IN_FLIGHT,
    processes: int = 1,
    extra: str = "",
    token: str = "",
) -> Bridge:
    """Write the files of a bridge into `place`; it does not run yet.

    `provider` is the port of a websms; none: nobody listens there. `smarthost` that of a mail server; none: a Maildir.
    `spool` are the lines of that section, `processes` speak with mail clients, `extra` are further sections; `token` is
    the provider's, for one that looks at it.
    """
    smtp, webhook, console = (free_port() for _ in range(3))
    secret = secrets.token_hex(24)
    for name, words in {"token": token or secrets.token_hex(16), "secret": secret}.items():
        _write(place / name, words)
    _write(place / "routes.toml", routes)
    relay = 'maildir = "Maildir"' if smarthost is None else f'host = "127.0.0.1"\nport = {smarthost}\ntls = "none"'
    ports = {"smtp": smtp, "webhook": webhook, "console": console, "provider": provider or closed_port()}
    settings = _CONFIGURATION.format(
        **ports, smarthost=relay, spool=spool, max_in_flight=max_in_flight, processes=processes
    )
    _write(place / "bridge.toml", settings + extra)
    return Bridge(port=smtp, pids=[], webhook=webhook, console=console, secret=secret, place=place)


def closed_port() -> int:
    """A port on which nobody will listen while this process lives: it is bound and not listened on."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    _HELD.append(held)
    return int(held.getsockname()[1])


_HELD: list[socket.socket] = []


def _write(file: Path, words: str) -> None:
    file.touch(mode=0o600)
    file.write_text(words, encoding="ascii")
