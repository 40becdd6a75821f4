"""The cost of one mail by stage: where the daemon's processor time goes, sampled from outside while it works.

py-spy looks at the running daemon a few hundred times a second and changes nothing in it. A sample belongs to the
innermost frame that is of a known stage: an e-mail package called by the reader of texts is reading, a socket written
by the dialogue is dialogue. The shares are of the samples, the microseconds of what the kernel counted: for the thread
of the loop and for the others apart, since a thread that waits in C for work or for the disk looks busy from outside.
"""

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from tests.bench import contestants as who
from tests.bench.bridges import Bridge, bridge
from tests.bench.frame import Missing, Options, Outcome, Shot, Stage, Table
from tests.bench.sinks import Sink, provider

_RATE = 400
"""Samples a second."""

_LONGER = 2
"""Times the seconds of a shot."""

_CONNECTIONS = 50
_TAKES = 200
"""A provider's HTTP status."""

STAGES_OF = (
    ("log", ("bridge/log.py", "structlog/", "logging/")),
    ("who may send, and where to", ("bridge/smtpd/admission.py", "bridge/access.py", "bridge/routing.py")),
    ("who may send, and where to", ("bridge/recipients.py", "bridge/normalize.py", "bridge/config/", "bridge/proof/")),
    ("who may send, and where to", ("bridge/limits.py", "bridge/smtpd/till.py", "bridge/smtpd/checking.py")),
    ("reading the mail", ("bridge/text/", "bridge/subjects.py")),
    ("the SMS and its intake", ("bridge/translate.py", "bridge/gsm.py", "bridge/message.py", "bridge/smtpd/intake.py")),
    ("the SMS and its intake", ("bridge/threads.py", "bridge/dsn.py", "bridge/ids.py", "bridge/smtpd/holding.py")),
    ("the SMS and its intake", ("bridge/compose.py", "bridge/exchanges.py", "bridge/smtpd/wishes.py")),
    ("the spool: statements and commits", ("bridge/spool/",)),
    ("the door: one mail's way through", ("bridge/smtpd/door.py", "bridge/smtpd/returned.py")),
    ("SMTP dialogue", ("bridge/smtpd/", "aiosmtpd/")),
    ("delivery: claim, pace, settle", ("bridge/delivery/",)),
    ("the provider's request and answer", ("bridge/providers/", "aiohttp/", "yarl/", "multidict/")),
    ("notices, looking round", ("bridge/notices/", "bridge/daemon/", "bridge/console/")),
)
"""Parts of a file's path, and the stage it belongs to; the first that fits."""

_LOOP = "event loop and sockets"

_OTHERS = "Thread._bootstrap "
"""A frame of every thread but the first."""

_WAITING = ("_worker (concurrent/futures/thread.py", "_run (bridge/spool/writer.py", "wait (threading.py")
"""Where those wait for work."""


async def profile(options: Options) -> Outcome:
    """Accepting alone, and the whole path."""
    spy = shutil.which("py-spy", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if spy is None:
        raise Missing("py-spy is not installed: pip install py-spy")
    tables = []
    for title, status in (("accepted, the account paused", 401), ("accepted and delivered", _TAKES)):
        with tempfile.TemporaryDirectory(prefix="smsbridge-bench-") as name:
            async with provider() as behind, bridge(Path(name), provider=behind.port) as running:
                await behind.set(status=status)
                delivered = behind if status == _TAKES else None
                tables.append(await _profile(title, running, spy, options, delivered))
    return Outcome(tables=tables)


async def _profile(title: str, running: Bridge, spy: str, options: Options, behind: Sink | None) -> Table:
    shoot = who.shoots(_CONNECTIONS)
    warm = await shoot(running, _CONNECTIONS * 2, "warm")
    count = options.amount(warm.count / warm.seconds * _LONGER, _CONNECTIONS * 4)
    samples = running.place / "samples"
    async with _sampled(spy, running.pids[0], samples):
        before = _used(running.pids[0])
        shot = await shoot(running, count, "profile")
        if behind is not None:
            await behind.reached(warm.count + count)
        used = {name: (after - before[name]) / count * 1e6 for name, after in _used(running.pids[0]).items()}
    costs: Counter[str] = Counter()
    for group, found in by_stage(samples.read_text(encoding="utf-8")).items():
        for name, number in found.items():
            costs[name] += used[group] * number / found.total()  # type: ignore[assignment]  # µs are no integers
    shots = {name: [Shot(count=shot.count, seconds=shot.seconds, value=cost)] for name, cost in costs.most_common()}
    whole = Shot(count=shot.count, seconds=shot.seconds, value=sum(used.values()))
    return Table(
        title=f"the cost of one mail by stage: {title}, {_CONNECTIONS} kept connections",
        unit="µs/mail",
        shots={"all of it": [whole], **shots},
        notes=[f"while {shot.measured:.0f} mails/s were accepted; the sampling itself slows it down"],
    )


@contextlib.asynccontextmanager
async def _sampled(spy: str, pid: int, file: Path) -> Any:
    """Sampling while this is open; the stacks stand in `file` afterwards."""
    command = [spy, "record", "--pid", str(pid), "--rate", str(_RATE), "--format", "raw", "--output", str(file)]
    sampler = await asyncio.create_subprocess_exec(
        *command, "--duration", "600", stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    try:
        await asyncio.sleep(1.0)  # it reads the symbols of the interpreter first
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            sampler.send_signal(2)
        _, said = await sampler.communicate()
    if not file.exists():
        raise Missing(f"py-spy could not look at the daemon: {said.decode(errors='replace').strip()[-200:]}")


def _used(pid: int) -> dict[str, float]:
    """Seconds of processor time of the first thread, "loop", and of all others; to the nanosecond, where ticks of
    /proc/PID/stat are a hundredth of a second, in which 30 mails are taken.
    """
    spent: dict[str, float] = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread that ended just now
            spent[task.name] = int((task / "schedstat").read_text(encoding="ascii").split()[0]) / 1e9
    first = spent.pop(str(pid))
    return {"loop": first, "others": sum(spent.values())}


def by_stage(stacks: str) -> dict[str, Counter[str]]:
    """Samples of each stage, those of the loop's thread and of the others apart.

    A line of `stacks` is frames, outermost first, with `;` between them, and their number.
    """
    found: dict[str, Counter[str]] = {"loop": Counter(), "others": Counter()}
    for line in stacks.splitlines():
        frames, _, number = line.rpartition(" ")
        other = _OTHERS in frames
        if other and frames.rpartition(";")[2].startswith(_WAITING):
            continue
        found["others" if other else "loop"][_stage(frames)] += int(number)
    return found


def _stage(frames: str) -> str:
    for frame in reversed(frames.split(";")):
        for name, places in STAGES_OF:
            if any(place in frame for place in places):
                return name
    return _LOOP


STAGES = (Stage(name="profile", title="the cost of one mail by stage", run=profile),)
