"""The program `smsbridge` as processes: the daemon, to be started, killed and restarted, and commands beside it.

The daemon's ports must stay the same through kill and restart, and nobody may take them while it is down. So they are
chosen by the system and held by sockets that are bound but never listen: with SO_REUSEADDR on both sides the daemon
may bind over them, and nobody else gets the port, not even as the near end of a connection.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import bridge
from tests.wait import PATIENCE, until, until_async

ROOT = Path(bridge.__file__).parents[1]
MOST_STARTS = 200
_FOREIGN = ("JOURNAL_STREAM", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "CREDENTIALS_DIRECTORY")
# The kernel ends the process when this one goes, however that comes about.
PROGRAM = (
    "import ctypes; ctypes.CDLL(None).prctl(1, 9); "
    "from tests import loopback; loopback.only(); from bridge.cli import main; main()"
)


class Port:
    """A free port that stays ours until `close`."""

    def __init__(self) -> None:
        self._held = socket.socket()
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.bind(("127.0.0.1", 0))
        self.number = int(self._held.getsockname()[1])

    def close(self) -> None:
        """Give it back."""
        self._held.close()


class Program:
    """One configuration file and the processes that are started with it; at most one daemon at a time."""

    program = PROGRAM
    options: tuple[str, ...] = ()  # of `serve`

    def __init__(self, config: Path, log: Path, console: int) -> None:
        self.config = config
        self.starts = 0
        self._log = log
        self._console = console
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """Everything the daemon said in all its lives."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    @property
    def pid(self) -> int:
        """Of the daemon."""
        assert self._process is not None
        return self._process.pid

    def start(self, *under: str) -> None:
        """Start the daemon, `under` a program that leaves it to us as our child; it is not ready yet."""
        self.starts += 1
        assert self.starts <= MOST_STARTS
        assert self._process is None
        with self._log.open("ab") as said:
            self._process = subprocess.Popen(
                [*under, sys.executable, "-c", self.program, "serve", "--config", str(self.config), *self.options],
                cwd=ROOT,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )

    async def ready(self, seconds: float = PATIENCE) -> None:
        """Wait until the doors are open; fails at once when the process has ended."""

        async def open_now() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, self.log
            try:
                return bool((await self.readiness())["ready"])
            except (OSError, EOFError):
                return False

        await until_async(open_now, "the daemon is ready", seconds)

    async def readiness(self) -> dict[str, Any]:
        """What /readyz shows. Raises OSError or EOFError while nobody answers."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._console)
        try:
            writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = await asyncio.wait_for(reader.read(), PATIENCE)
        finally:
            writer.close()
        head, separator, body = answer.partition(b"\r\n\r\n")
        if not separator or not head:
            raise EOFError
        shown: dict[str, Any] = json.loads(body)
        return shown

    async def drained(self, seconds: float = PATIENCE) -> None:
        """Wait until nothing is queued, unknown or held any more."""

        async def look() -> bool:
            return bool((await self.readiness())["queued"] == 0)

        await until_async(look, "the queue is empty", seconds)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the daemon."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End the daemon without a chance to say or write anything."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(PATIENCE)
        self._process = None

    @property
    def children(self) -> list[int]:
        """Process ids of those that the daemon started."""
        assert self._process is not None
        pid = self._process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]

    async def ended(self, seconds: float = PATIENCE) -> int:
        """Wait for the daemon's end; the exit code."""
        assert self._process is not None
        process = self._process
        await until(lambda: process.poll() is not None, "the daemon has ended", seconds)
        self._process = None
        return int(process.returncode)

    async def stop(self, seconds: float = 45.0) -> int:
        """SIGTERM to the daemon; the exit code."""
        self.signal(signal.SIGTERM)
        return await self.ended(seconds)

    def close(self) -> None:
        """End the daemon if it still runs."""
        if self._process is not None:
            self.kill()

    async def command(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command beside the daemon: exit code, stdout, stderr."""

        def call() -> tuple[int, str, str]:
            done = subprocess.run(
                [sys.executable, "-c", self.program, *arguments, "--config", str(self.config)],
                cwd=ROOT,
                env=_environment(),
                capture_output=True,
                check=False,
                encoding="utf-8",
                timeout=60,
            )
            return done.returncode, done.stdout, done.stderr

        return await asyncio.to_thread(call)

    async def queue(self, *arguments: str) -> list[dict[str, Any]]:
        """`smsbridge queue list --json`."""
        return await self._shown("queue", "list", "--limit", "10000000", *arguments)

    async def show(self, identifier: str) -> list[dict[str, Any]]:
        """`smsbridge queue show --json` of a whole mail."""
        return await self._shown("queue", "show", identifier)

    async def settled(self, identifier: str, state: str) -> dict[str, Any]:
        """The first delivery of a mail, as soon as it is in `state`."""

        async def look() -> dict[str, Any] | None:
            first = (await self.show(identifier))[0]
            return first if first["state"] == state else None

        return await until_async(look, f"{identifier} is {state}")

    async def _shown(self, *arguments: str) -> list[dict[str, Any]]:
        code, said, complaint = await self.command(*arguments, "--json")
        assert code == 0, complaint
        found: list[dict[str, Any]] = json.loads(said)
        return found


def _environment() -> dict[str, str]:
    """Ours without what systemd may have said to us, and buffered: a Python without buffers loses the rest of a long
    output without a word when a signal comes in between.
    """
    return {name: value for name, value in os.environ.items() if name not in {*_FOREIGN, "PYTHONUNBUFFERED"}}
