"""`python -m tests.bench`: the mail door alone beside stock aiosmtpd, then mails accepted and delivered end to end.

Everything runs on this machine in the same minutes, the repeats interleaved; only the ratios mean anything.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from tests.bench import door
from tests.bench.load import Load, send
from tests.bench.servers import bridge, null_server

DOOR_TIMES = 4
"""More mails for the door, since it is that much faster."""


async def measure(count: int, connections: int, repeats: int) -> None:
    """Run and print the table."""
    null: list[Load] = []
    accepted: list[Load] = []
    delivered: list[float] = []
    with tempfile.TemporaryDirectory(prefix="smsbridge-bench-") as place:
        async with null_server() as null_port, bridge(Path(place)) as tested:
            await send(null_port, connections * 2, connections, "warm")
            await send(tested.smtp, connections * 2, connections, "warm")
            sent = connections * 2
            await tested.all_arrived(sent)
            for repeat in range(repeats):
                null.append(await send(null_port, count, connections, f"null{repeat}"))
                begun = time.perf_counter()
                accepted.append(await send(tested.smtp, count, connections, f"run{repeat}"))
                sent += count
                delivered.append(count / (await tested.all_arrived(sent) - begun))
    _print("plain aiosmtpd, null handler, accepted", [load.rate for load in null], None)
    base = statistics.median(load.rate for load in null)
    _print("smsbridge, accepted durably", [load.rate for load in accepted], base)
    _print("smsbridge, mail to provider end to end", delivered, base)


def _print(what: str, rates: list[float], base: float | None) -> None:
    median = statistics.median(rates)
    ratio = f"{median / base:6.2f} x" if base else "  1.00 x"
    print(f"{what:<42} {min(rates):8.0f} {median:8.0f} {max(rates):8.0f} mails/s  {ratio}")


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--count", type=int, default=3000, help="mails in one repeat")
    parser.add_argument("--connections", type=int, default=50, help="kept connections")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--stage", choices=("door", "bridge"), help="only one of the two")
    options = parser.parse_args()
    if options.stage != "bridge":
        asyncio.run(door.measure(options.count * DOOR_TIMES, options.connections, options.repeats))
    if options.stage == "door":
        return
    print(f"\n{'whole bridge':<42} {'min':>8} {'median':>8} {'max':>8}")
    asyncio.run(measure(options.count, options.connections, options.repeats))


if __name__ == "__main__":
    main()
