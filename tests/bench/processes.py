"""Programs while they are needed, and what the kernel knows about them."""

import asyncio
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


_PORTS = range(12_000, 32_000)
"""Below those that the system gives to clients: a generator opens thousands, and one of them could be a server's."""


def free_port() -> int:
    """A port nobody listens on now."""
    for port in random.choices(_PORTS, k=1000):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port is free")


def module(name: str, *arguments: object) -> list[str]:
    """The command that runs one of our modules."""
    return [sys.executable, "-m", name, *map(str, arguments)]


@contextlib.contextmanager
def process(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    said: Path | None = None,
    gently: bool = False,
) -> Iterator[int]:
    """A program while this is open; gives its process id. What it writes goes to `said`, else only errors are shown.

    It leads a session of its own and is killed with all of it, for nobody needs its files any more; `gently`: it is
    asked to end first. It also ends when this process does.
    """
    guard = shutil.which("setpriv")
    with Path(said or os.devnull).open("ab") as output:
        started = subprocess.Popen(
            [*([guard, "--pdeathsig", "KILL"] if guard else []), *command],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output if said else None,
            start_new_session=True,
        )
    try:
        yield started.pid
    finally:
        if gently:
            started.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                started.wait(timeout=60)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait(timeout=60)


async def listening(port: int, within: float = 30.0, *, pid: int | None = None) -> None:
    """Wait until somebody listens on a port, as long as the process `pid` lives."""
    deadline = time.perf_counter() + within
    while time.perf_counter() < deadline:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        if pid is not None and _stat(pid)[:1] in ([], ["Z"]):
            raise RuntimeError(f"the process that should listen on port {port} ended")
        await asyncio.sleep(0.02)
    raise RuntimeError(f"nothing listens on port {port}")


def busy(pids: Sequence[int]) -> float:
    """Seconds of processor time that processes used, with all their descendants, dead ones too."""
    # user, system, and both of the children that were waited for
    return sum(sum(map(int, _stat(pid)[11:15])) for pid in family(pids)) / _TICK


def resident(pids: Sequence[int]) -> float:
    """MiB of memory they have, each for itself, with their descendants."""
    return sum(int((_stat(pid) or ["0"] * 22)[21]) for pid in family(pids)) * _PAGE / 2**20


def share(pids: Sequence[int]) -> float:
    """MiB of memory they have, with their descendants; what several share is counted once."""
    found = 0
    for pid in family(pids):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
            found += next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    return found / 1024


def family(pids: Sequence[int]) -> list[int]:
    """These processes and all that they started and that live."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found: list[int] = []
    waiting = list(pids)
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.append(one)
            waiting += children.get(one, [])
    return found


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name; [] when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
