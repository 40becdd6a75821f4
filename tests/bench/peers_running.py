"""Mailrise, Postfix with a pipe to curl, and Kannel, each set up in its favour, with a provider of its own behind it.

Mailrise: no log, and Apprise's plain JSON. Postfix: curl started by pipe itself, without the shell that most put in
between. Kannel takes no mail, so it is spared that: a text comes by HTTP, is kept in a file that is never synced, and
leaves by HTTP. None of them keeps what became of a message; the bridge does, and is measured with it.
"""

import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.frame import Running
from tests.bench.peers import mailrise as mailrise_command
from tests.bench.peers import program
from tests.bench.postfixes import postfix
from tests.bench.processes import free_port, listening, process
from tests.bench.sinks import Sink, provider

_MAILRISE = """\
listen: {{host: 127.0.0.1, port: {port}}}
configs:
  "*@sms.example.com":
    urls: ["json://127.0.0.1:{provider}/"]
"""

_KANNEL = """\
group = core
admin-port = {admin}
admin-password = {password}
smsbox-port = {smsbox}
box-deny-ip = "*.*.*.*"
box-allow-ip = "127.0.0.1"
log-level = 4
store-type = file
store-location = {place}/store
dlr-storage = internal

group = smsc
smsc = http
smsc-id = bench
system-type = generic
port = {incoming}
connect-allow-ip = "127.0.0.1"
send-url = "http://127.0.0.1:{provider}/?to=%P&from=%p&text=%a"
status-success-regex = "2000"
max-pending-submits = 50

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
log-level = 4

group = sendsms-user
username = bench
password = {password}
max-messages = 1
"""

_CURLS = 16
"""At once: more only change places on two cores."""


@dataclass(frozen=True, kw_only=True)
class Peer(Running):
    """One that is up, and the provider it sends to."""

    sink: Sink
    password: str = ""


@contextlib.asynccontextmanager
async def mailrise(place: Path) -> AsyncIterator[Peer]:
    """Mail in, one HTTP POST per mail out, before the 250. Raises `Missing`."""
    command, port = mailrise_command(), free_port()
    async with provider() as sink:
        configuration = place / "mailrise.yaml"
        configuration.write_text(_MAILRISE.format(port=port, provider=sink.port), encoding="ascii")
        with process([str(command), str(configuration)]) as pid:
            await listening(port)
            yield Peer(port=port, pids=[pid], sink=sink)


@contextlib.asynccontextmanager
async def postfix_with_curl(_place: Path) -> AsyncIterator[Peer]:
    """Mail in, fsync, and one curl per mail out. Raises `Missing`."""
    curl = program("curl")
    async with provider() as sink:
        main = (
            "relay_domains = sms.example.com",
            "relay_transport = curl",
            "curl_destination_recipient_limit = 1",
            f"curl_destination_concurrency_limit = {_CURLS}",
            f"curl_initial_destination_concurrency = {_CURLS}",
        )
        post = f"{curl} -sS -f -o /dev/null --data-binary @- http://127.0.0.1:{sink.port}/?to=${{recipient}}"
        master = (f"curl unix - n n - {_CURLS} pipe user=nobody argv={post}",)
        async with postfix(main, master) as running:
            yield Peer(port=running.port, pids=running.pids, sink=sink)


@contextlib.asynccontextmanager
async def kannel(place: Path) -> AsyncIterator[Peer]:
    """A text by HTTP in, one HTTP request out. `port` takes GET /cgi-bin/sendsms. Raises `Missing`."""
    bearerbox = program("kannel")
    password = secrets.token_hex(16)
    ports = {name: free_port() for name in ("admin", "smsbox", "incoming", "sendsms")}
    async with provider() as sink:
        configuration = place / "kannel.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(
            _KANNEL.format(**ports, password=password, provider=sink.port, place=place), encoding="ascii"
        )
        said = place / "said"
        with process([str(bearerbox), "-v", "4", str(configuration)], said=said) as bearer:
            await listening(ports["smsbox"])
            with process([str(bearerbox.with_name("smsbox")), "-v", "4", str(configuration)], said=said) as box:
                await listening(ports["sendsms"])
                yield Peer(port=ports["sendsms"], pids=[bearer, box], sink=sink, password=password)
