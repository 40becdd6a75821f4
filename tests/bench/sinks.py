"""The sinks of `sink_server`, as those who measure hold them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from tests.bench.frame import Running
from tests.bench.processes import free_port, listening, module, process

_PATIENCE = 300.0


@dataclass(frozen=True, kw_only=True)
class Sink(Running):
    """A sink that is up."""

    control: int

    async def count(self) -> int:
        """Messages it took; of a provider those that were answered with 2000."""
        return int((await self.ask({}))["count"])

    async def requests(self) -> int:
        """Requests it had, those that it refused too."""
        return int((await self.ask({}))["requests"])

    async def reached(self, count: int, within: float = _PATIENCE) -> float:
        """Wait until it took `count` in all; when that was, by CLOCK_MONOTONIC. Raises TimeoutError."""
        return float((await asyncio.wait_for(self.ask({"reached": count}), within))["at"])

    async def arrivals(self, since: int = 0) -> list[float]:
        """When each was taken, by CLOCK_MONOTONIC, without the first `since`."""
        return [float(at) for at in (await self.ask({"arrivals": since}))["arrivals"]]

    async def set(self, **settings: Any) -> None:
        """`delay`: seconds before each answer; `status`: HTTP status of all answers; `silent`: no answer at all."""
        await self.ask({"set": settings})

    async def ask(self, what: dict[str, Any]) -> dict[str, Any]:
        """A line to it, and its answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.control, limit=2**28)
        try:
            writer.write(json.dumps(what).encode() + b"\n")
            answer: dict[str, Any] = json.loads(await reader.readline())
            return answer
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def sink(kind: str) -> AsyncIterator[Sink]:
    """One of `sink_server.KINDS`."""
    port, control = free_port(), free_port()
    with process(module("tests.bench.sink_server", kind, port, control)) as pid:
        await listening(port, pid=pid)
        await listening(control, pid=pid)
        yield Sink(port=port, pids=[pid], control=control)


def provider() -> contextlib.AbstractAsyncContextManager[Sink]:
    """A lean websms: answers 2000 with the clientMessageId it was given."""
    return sink("provider")


def mailbox() -> contextlib.AbstractAsyncContextManager[Sink]:
    """A lean smarthost."""
    return sink("mailbox")
