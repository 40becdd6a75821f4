"""The mail door alone, beside stock aiosmtpd: what our readers, parser and limits cost or save.

Every server runs in a process of its own and is asked by turns, so that a busy machine is busy for all of them. Beside
the rates stands the time a server was busy for one mail: on a shared machine the steadier figure.
"""

import asyncio
import contextlib
import json
import os
import statistics
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from tests.bench.doors import KINDS
from tests.bench.servers import free_port, listening, process

GOAL = 2.5
"""Times stock aiosmtpd."""

_NAMES = {
    "stock": "stock aiosmtpd, null handler",
    "stock-uvloop": "stock aiosmtpd, null handler, uvloop",
    "ours-asyncio": "our door, null policy, plain asyncio",
    "ours": "our door, null policy, as the daemon runs",
    "sink": "canned replies: the generator's own limit",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One repeat: mails a second, and microseconds a mail that server and generator were busy."""

    rate: float
    server: float
    generator: float


async def measure(count: int, connections: int, repeats: int) -> None:
    """Run and print the table."""
    shots: dict[str, list[Shot]] = defaultdict(list)
    with contextlib.ExitStack() as stack:
        doors: dict[str, tuple[int, int]] = {}
        for kind in KINDS:
            port = free_port()
            doors[kind] = (
                port,
                stack.enter_context(process([sys.executable, "-m", "tests.bench.doors", kind, str(port)])),
            )
            await listening(port)
            await _shoot(*doors[kind], count // 5, connections)  # warm
        for _ in range(repeats):
            for kind, door in doors.items():
                shots[kind].append(await _shoot(*door, count, connections))
    _print(shots)


async def _shoot(port: int, pid: int, count: int, connections: int) -> Shot:
    before = _busy(pid)
    command = [sys.executable, "-m", "tests.bench.volley", str(port), str(count), str(connections)]
    volley = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said, _ = await volley.communicate()
    if volley.returncode:
        raise RuntimeError(f"the generator failed against port {port}")
    figures = json.loads(said)
    used = _busy(pid) - before
    return Shot(rate=count / figures["seconds"], server=used / count * 1e6, generator=figures["busy"] / count * 1e6)


def _busy(pid: int) -> float:
    """Seconds of processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _print(shots: dict[str, list[Shot]]) -> None:
    print(f"\n{'mail door alone':<44}{'min':>8}{'median':>8}{'max':>8} mails/s{'ratio':>9}   µs/mail (server, client)")
    median = {kind: statistics.median(shot.rate for shot in of_kind) for kind, of_kind in shots.items()}
    for kind, of_kind in shots.items():
        rates = [shot.rate for shot in of_kind]
        server = statistics.median(shot.server for shot in of_kind)
        client = statistics.median(shot.generator for shot in of_kind)
        print(
            f"{_NAMES[kind]:<44}{min(rates):>8.0f}{median[kind]:>8.0f}{max(rates):>8.0f}        "
            f"{median[kind] / median['stock']:>7.2f} x {server:>8.0f}{client:>8.0f}"
        )
    by_turn = [ours.rate / stock.rate for ours, stock in zip(shots["ours"], shots["stock"], strict=True)]
    verdict = "reached" if median["ours"] >= GOAL * median["stock"] else "MISSED"
    print(f"ratio by turn {min(by_turn):.2f} to {max(by_turn):.2f}; the goal of {GOAL} x is {verdict}")
