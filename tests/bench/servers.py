"""What is measured, each in a process of its own: plain aiosmtpd with a null handler, and the whole bridge."""

import asyncio
import contextlib
import json
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

NULL = """
import asyncio, sys
from aiosmtpd.smtp import SMTP
class Null:
    async def handle_DATA(self, server, session, envelope):
        return "250 OK"
async def main():
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: SMTP(Null(), hostname="null.example.com"), "127.0.0.1", int(sys.argv[1]))
    await asyncio.Event().wait()
asyncio.run(main())
"""

COMMAND = "from bridge.cli import main; main()"


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def null_server() -> AsyncIterator[int]:
    """Stock aiosmtpd that throws every mail away; gives its port."""
    port = free_port()
    with process([sys.executable, "-c", NULL, str(port)]):
        await listening(port)
        yield port


class Bridge:
    """A running bridge and what one may ask it."""

    def __init__(self, smtp: int, control: int) -> None:
        self.smtp = smtp
        self._control = control

    def arrived(self) -> int:
        """Messages the provider has accepted."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._control}/", timeout=10) as answer:
            return int(json.load(answer)["accepted"])

    async def all_arrived(self, count: int, within: float = 120.0) -> float:
        """Wait until the provider has `count`; gives the moment."""
        deadline = time.perf_counter() + within
        while time.perf_counter() < deadline:
            if await asyncio.to_thread(self.arrived) >= count:
                return time.perf_counter()
            await asyncio.sleep(0.02)
        raise RuntimeError(f"the provider has only {self.arrived()} of {count}")


@contextlib.asynccontextmanager
async def bridge(place: Path) -> AsyncIterator[Bridge]:
    """The daemon as it is run, with the simulator behind it; policy, routing, translation and durability on."""
    smtp, webhook, console, provider, control = (free_port() for _ in range(5))
    token, secret = secrets.token_hex(16), secrets.token_hex(24)
    (place / "token").write_text(token, encoding="ascii")
    (place / "secret").write_text(secret, encoding="ascii")
    (place / "routes.toml").write_text(
        '[[route]]\naddress = "*@sms.example.com"\nnumber = "{local}"\nallow = ["*@example.org"]\n', encoding="ascii"
    )
    config = place / "bridge.toml"
    config.write_text(
        f"""
hostname = "bridge.example.com"
domains = ["sms.example.com"]
postmaster = "postmaster@example.org"
[smtpd]
listen = ["127.0.0.1:{smtp}"]
networks = ["127.0.0.0/8"]
[websms]
url = "http://127.0.0.1:{provider}/rest"
token_file = "token"
max_in_flight = 32
[webhook]
listen = ["127.0.0.1:{webhook}"]
secret_file = "secret"
[smarthost]
maildir = "Maildir"
[limits]
sender = "0"
recipient = "0"
route = "0"
total = "0"
[console]
listen = ["127.0.0.1:{console}"]
""",
        encoding="ascii",
    )
    simulate = ["simulator", "--port", str(provider), "--control-port", str(control), "--token", token]
    with (
        process([sys.executable, "-c", COMMAND, *simulate]),
        process([sys.executable, "-c", COMMAND, "serve", "--config", str(config), "--log-level", "warning"]),
    ):
        for port in (provider, control, smtp, console):
            await listening(port)
        yield Bridge(smtp, control)


@contextlib.contextmanager
def process(command: list[str]) -> Iterator[int]:
    """A program while this is open; gives its process id."""
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield started.pid
    finally:
        started.terminate()
        started.wait(timeout=60)


async def listening(port: int, within: float = 30.0) -> None:
    """Wait until somebody listens on a port."""
    deadline = time.perf_counter() + within
    while time.perf_counter() < deadline:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")
