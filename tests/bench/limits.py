"""What generators and sinks reach alone: whatever comes near such a figure says nothing about what it was measured on.

And that the lean provider takes what the simulator takes, which checks every field and is therefore too slow to stand
behind a measurement.
"""

import asyncio
import contextlib
import json
import secrets
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.bench import contestants as who
from tests.bench import generators
from tests.bench.bridges import bridge
from tests.bench.frame import Contestant, Options, Outcome, Running, Shot, Stage, compete
from tests.bench.processes import free_port, listening, module, process
from tests.bench.sinks import provider, sink

_SMS = (
    '{"recipientAddressList":["436600000001"],"messageContent":"PROBLEM host%(n)s is DOWN","maxSmsPerMessage":3,'
    '"clientMessageId":"01jd%(n)s-1","validityPeriode":86400}'
)
_MAILS = 50


async def _post(running: Running, count: int, _run: str) -> Shot:
    return await generators.posts(running.port, count, 50, "/rest/smsmessaging/text", _SMS)


async def alone(options: Options) -> Outcome:
    """Each generator against replies that are not thought about, each sink behind a generator."""
    kept, each = who.shoots(50), who.shoots(10, each=True)
    kinds: list[Contestant[Any]] = [
        _on("canned", "mail generator, 50 kept connections, canned replies", kept),
        _on("canned", "mail generator, one per connection, 10 at once, canned replies", each),
        _on("mailbox", "the sink for mail, 50 kept connections", kept),
        _on("canned-web", "POST generator, 50 kept connections, canned replies", _post),
        _on("provider", "the sink for SMS, 50 kept connections", _post),
    ]
    return Outcome(tables=[await compete("what generators and sinks reach alone", kinds, options, unit="messages/s")])


def _on(kind: str, name: str, shoot: who.Shoots) -> Contestant[Any]:
    return Contestant(name=name, open=lambda _place: sink(kind), shoot=shoot)


async def checked(_options: Options) -> Outcome:
    """The same mails to the simulator and to the lean provider. Raises RuntimeError where they differ."""
    said = []
    for name, behind in (("the simulator", _simulator), ("the lean provider", _lean)):
        with tempfile.TemporaryDirectory(prefix="smsbridge-bench-") as place:
            async with behind() as (port, token, taken), bridge(Path(place), provider=port, token=token) as running:
                await generators.volley(running.port, _MAILS, 10, "check")
                said.append(f"{name} took {await _all_taken(taken)} of {_MAILS} SMS and refused none")
    return Outcome(text="\n".join(said))


_Taken = Callable[[], Awaitable[tuple[int, int]]]
"""How many were accepted and how many refused."""


@contextlib.asynccontextmanager
async def _simulator() -> AsyncIterator[tuple[int, str, _Taken]]:
    port, control, token = free_port(), free_port(), secrets.token_hex(16)
    command = module("tests.bench.program", "plain", "simulator", "--strict", "--port", port)

    def asked() -> tuple[int, int]:
        with urllib.request.urlopen(f"http://127.0.0.1:{control}/", timeout=10) as answer:
            counts = json.load(answer)
        return int(counts["accepted"]), int(counts["refused"])

    async def taken() -> tuple[int, int]:
        return await asyncio.to_thread(asked)

    with process([*command, "--control-port", str(control), "--token", token]) as pid:
        await listening(port, pid=pid)
        await listening(control, pid=pid)
        yield port, token, taken


@contextlib.asynccontextmanager
async def _lean() -> AsyncIterator[tuple[int, str, _Taken]]:
    async with provider() as behind:

        async def taken() -> tuple[int, int]:
            count = await behind.count()
            return count, await behind.requests() - count

        yield behind.port, "", taken


async def _all_taken(taken: _Taken, within: float = 60.0) -> int:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        accepted, refused = await taken()
        if refused:
            raise RuntimeError(f"{refused} SMS were refused")
        if accepted >= _MAILS:
            return accepted
        await asyncio.sleep(0.05)
    raise RuntimeError(f"only {accepted} of {_MAILS} SMS arrived")


STAGES = (
    Stage(name="limits", title="what generators and sinks reach alone", run=alone),
    Stage(name="sinks", title="the lean provider takes what the simulator takes", run=checked),
)
