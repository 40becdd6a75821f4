"""What sends: each a process of its own, so that what it costs is seen apart from what it measures."""

import asyncio
import itertools
import json
import os
import statistics
from collections.abc import Mapping
from typing import Any

from tests.bench.frame import Shot
from tests.bench.processes import ROOT, module

_PATIENCE = 600.0
"""Seconds for one shot."""

_SHOTS = itertools.count(1)
"""Sets the messages of a shot apart from those of all others."""

NEW_IDS = 10_000_000
"""Numbers that one shot may use."""


async def volley(port: int, count: int, connections: int, run: str, *, each: bool = False, size: int = 500) -> Shot:
    """Send `count` mails over kept connections, or with `each` one in each. p50, p99: from MAIL (connect) to 250."""
    orders = {"port": port, "count": count, "connections": connections, "each": each, "size": size}
    return shot(await ordered("volley", {**orders, "first": 0, "run": f"{run}.{next(_SHOTS)}"}))


async def posts(
    port: int,
    count: int,
    connections: int,
    path: str,
    body: str,
    *,
    headers: Mapping[str, str] | None = None,
    good: str = "HTTP/1.1 200",
) -> Shot:
    """Send `count` POSTs over kept connections; ``%(n)s`` in the body is a number that no other request has."""
    first = next(_SHOTS) * NEW_IDS
    orders = {"port": port, "count": count, "connections": connections, "path": path, "body": body}
    return shot(await ordered("posts", {**orders, "headers": dict(headers or {}), "good": good, "first": first}))


async def ordered(name: str, orders: Mapping[str, Any]) -> dict[str, Any]:
    """What a generator says of its shot: `began`, `ended`, `busy`, and `waits`, in seconds."""
    process = await asyncio.create_subprocess_exec(
        *module(f"tests.bench.{name}"),
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": ""},  # unbuffered, Python drops what a pipe does not take at once
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(json.dumps(orders).encode()), _PATIENCE)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError(f"the generator {name} failed against port {orders['port']}; its last words stand above")
    found: dict[str, Any] = json.loads(said)
    return found


def shot(said: Mapping[str, Any]) -> Shot:
    """The same as a `Shot`."""
    waits = sorted(said["waits"])
    return Shot(
        count=len(waits),
        seconds=said["ended"] - said["began"],
        began=said["began"],
        p50=statistics.median(waits) * 1e3,
        p99=waits[int(len(waits) * 0.99)] * 1e3,
        generator=said["busy"] / len(waits) * 1e6,
    )
