"""How long the bridge's own spool takes to claim what is due, as delivery does: put into SENDING in one commit.

In a process of its own; its orders are JSON on standard input.
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvloop

from bridge.message import Channel, State
from bridge.spool import Step
from bridge.spool.sqlite import open_spool

LEASE = 300.0
_BACK = Step(id="", to=State.QUEUED, event="deferred", attempts=-1)


async def _claim(orders: dict[str, Any]) -> dict[str, Any]:
    """Each claim with its commit, and not what puts them back."""
    spool = await open_spool(Path(orders["file"]))
    waits: list[float] = []
    began, before = time.perf_counter(), time.process_time()
    for _ in range(orders["count"]):
        now = time.time()
        begun = time.perf_counter()
        claimed = await spool.start(Channel.SMS, orders["batch"], now, now + LEASE, (), ())
        waits.append(time.perf_counter() - begun)
        if len(claimed) != orders["batch"]:
            raise RuntimeError(f"only {len(claimed)} were due")
        # Behind all others: the same again would soon have longer histories than any delivery has.
        await spool.move([replace(_BACK, id=delivery.id, next_at=now) for delivery in claimed], now)
    ended, busy = time.perf_counter(), time.process_time() - before
    await spool.close()
    return {"began": began, "ended": ended, "busy": busy, "waits": waits}


def main() -> None:
    """Prints when it began and ended, how long it was busy, and each claim's wait, all in seconds, as JSON."""
    print(json.dumps(uvloop.run(_claim(json.load(sys.stdin)))))


if __name__ == "__main__":
    main()
