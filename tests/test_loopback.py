"""The guard that keeps tests on this machine, and the daemons that they start."""

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.providers.websms import Websms
from tests.flows import program
from tests.loopback import Outside
from tests.make import NOW, delivery

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("host", ["192.0.2.1", "203.0.113.7", "2001:db8::1", "0.0.0.0"])  # noqa: S104 - not bound
@pytest.mark.parametrize("ask", ["connect", "connect_ex"])
def test_nobody_connects_beyond_this_machine(host: str, ask: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as client, pytest.raises(Outside, match=host):
        getattr(client, ask)((host, 9))


def test_this_machine_is_there(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.connect(server.getsockname())
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen()
        client.connect(str(tmp_path / "s"))


async def test_row_64_no_test_sends_an_sms_to_the_real_provider() -> None:
    """Not even one that is configured to: the call ends the test instead of becoming an outcome."""
    provider = Websms(url="https://192.0.2.1/rest", token="made-up")
    try:
        with pytest.raises(Outside):
            await asyncio.wait_for(provider.send(delivery(), NOW), 20)
    finally:
        await provider.close()


def test_row_64_nor_does_a_daemon_that_a_test_starts() -> None:
    source = program.PROGRAM.replace("from bridge.cli import main; main()", "")
    source += "import socket; socket.socket().connect(('192.0.2.1', 9))"
    ended = subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "Outside: a test must not connect to 192.0.2.1" in ended.stderr
