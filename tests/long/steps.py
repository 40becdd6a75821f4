"""Deterministic stops: the daemon ends directly before every sync, every send and every receive of a scripted run.

strace counts the calls and kills at the n-th, before the kernel does it; what the daemon had the kernel do before stays
done. One run that nobody stops says how many there are. Then each has a run of its own: the daemon is started again,
the script goes on to its end, and everything must have arrived once or be listed as unknown.

strace counts for each thread, and where two do the same the first to come to its n-th stops the run; the random kills
of `tests.long.kill` know no such order. Syncs are counted in all threads: in a fresh directory, where most are those of
the first start, and in one that is not, where they are those of the thread that writes. Sends and receives are the main
thread's; between the first and the last on a socket they include what the loop says to itself, to files and to the log.
"""

import asyncio
import contextlib
import itertools
import random
import re
import shutil
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path

from tests.flows.office import Office
from tests.flows.program import Port
from tests.flows.rig import Bridge, running
from tests.long.scene import SCENE_ROUTES, Scene

AT_ONCE = 2
"""Runs side by side."""

MORE = 10
"""Sends and receives that are tried beyond the last one counted: no two runs have as many."""

_SYNCS, _TALK = ("fdatasync", "fsync"), ("read", "write", "readv", "writev", "sendto", "sendmsg", "recvfrom", "recvmsg")
_CALL = re.compile(r"^(?:(?P<thread>\d+) +)?(?P<call>[a-z0-9_]+)\(\d+<(?P<what>[^>]*)", re.MULTILINE)
_FILES = {"-wal": "log of the spool", "-journal": "journal of the spool", ".db": "spool"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One way to play the scene."""

    name: str
    calls: tuple[str, ...]
    threads: bool = False  # calls of all threads count, each for itself
    used: bool = False  # the daemon ran here before
    smarthost: bool = False  # mail goes there, else into a Maildir


SETTINGS = (
    Setting(name="syncs, first start", calls=_SYNCS, threads=True),
    Setting(name="syncs", calls=_SYNCS, threads=True, used=True),
    Setting(name="sockets", calls=_TALK, smarthost=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Before the `number`-th `call`."""

    setting: Setting
    call: str
    number: int
    on_socket: bool = False  # in the run that was only counted


@dataclass(slots=True, kw_only=True)
class Figures:
    """What came of it."""

    seed: int
    seconds: float = 0.0
    counted: int = 0  # calls in runs that nobody stopped
    stops: int = 0
    not_reached: int = 0  # a run has a few calls more or less than another
    at_syncs: int = 0
    on_sockets: int = 0
    elsewhere: int = 0  # the loop's own, files, the log
    while_stopping: int = 0  # it had been told to
    unknown: int = 0
    where: str = ""
    wrong: list[str] = field(default_factory=list)


async def prove(place: Path, *, seed: int, most: int = 0) -> Figures:
    """All stops, or `most` of them, as many of each call; `wrong` is empty when every promise was kept."""
    began = time.monotonic()
    figures, places = Figures(seed=seed), (place / str(number) for number in itertools.count())
    turn = asyncio.Semaphore(AT_ONCE)
    listed = await asyncio.gather(*(_count(setting, next(places), turn) for setting in SETTINGS))
    stops = [stop for some in listed for stop in some]
    figures.counted = len(stops)
    if most:
        stops = _some(stops, most, random.Random(seed))
    where = Counter[str]()

    async def one(stop: Stop, here: Path) -> None:
        async with turn:
            what = await _stop(stop, here, figures)
        where[what] += 1
        shutil.rmtree(here)

    await asyncio.gather(*(one(stop, next(places)) for stop in stops))
    figures.stops = len(stops) - figures.not_reached
    figures.where = ", ".join(f"{what} {times}" for what, times in where.most_common() if what)
    figures.seconds = time.monotonic() - began
    return figures


def _some(stops: Sequence[Stop], most: int, chance: random.Random) -> list[Stop]:
    """A third of them from each setting, of sends and receives only those on sockets."""
    chosen = []
    for setting in SETTINGS:
        worth = [stop for stop in stops if stop.setting == setting and (stop.on_socket or setting.threads)]
        chosen += chance.sample(worth, min(len(worth), most // len(SETTINGS)))
    return chosen


async def _count(setting: Setting, place: Path, turn: asyncio.Semaphore) -> list[Stop]:
    """Play it once and see what there is to stop."""
    async with turn, _stage(setting, place) as scene:
        bridge = scene.bridge
        bridge.start("strace", "-D", "-f", "-yy", "-o", str(place / "calls"), "-e", "trace=" + ",".join(setting.calls))
        main = str(bridge.pid)
        await scene.play()
        assert await bridge.stop() == 0
        assert scene.wrong() == []
        assert scene.unknown == 0
    counts, last, sockets = Counter[tuple[str, str]](), dict[str, int](), dict[str, set[int]]()
    for found in _CALL.finditer((place / "calls").read_text(encoding="utf-8")):
        thread, call, what = found["thread"], found["call"], found["what"]
        if not setting.threads and thread != main:
            continue
        counts[call, thread] += 1
        number = counts[call, thread]
        if what.startswith("TCP"):
            sockets.setdefault(call, set()).add(number)
        if setting.threads or call in sockets:
            last[call] = max(last.get(call, 0), number)
    shutil.rmtree(place)
    return [
        Stop(setting=setting, call=call, number=number, on_socket=number in sockets.get(call, ()))
        for call, end in last.items()
        for number in (range(1, end + 1) if setting.threads else range(min(sockets[call]), end + MORE + 1))
    ]


async def _stop(stop: Stop, place: Path, figures: Figures) -> str:
    """Play it and stop it there; what the call was about, "" where it did not come so far."""
    setting, killed = stop.setting, False
    async with _stage(setting, place) as scene:
        bridge = scene.bridge
        bridge.start(
            *("strace", "-D", *(["-f"] if setting.threads else []), "-yy", "-o", str(place / "calls")),
            *("-e", f"trace={stop.call}", "-e", f"inject={stop.call}:signal=KILL:when={stop.number}"),
        )
        watching = asyncio.create_task(_start_again(bridge))
        await scene.play()
        if not watching.done():
            watching.cancel()
            bridge.signal(signal.SIGTERM)
            killed = await bridge.ended() == -signal.SIGKILL
            figures.while_stopping += killed
            bridge.start()
        else:
            killed = watching.result() == -signal.SIGKILL
        await scene.quiet()
        figures.unknown += scene.unknown
        said = [f"{setting.name}, {stop.call} {stop.number}: {what}" for what in scene.wrong()]
        await bridge.ready()
        if await bridge.stop() != 0:
            said.append(f"{setting.name}, {stop.call} {stop.number}: it did not stop cleanly at the end")
        figures.wrong += said
        if not killed:
            figures.not_reached += 1
            return ""
        what = _what(place / "calls", bridge)
    figures.at_syncs += setting.threads
    figures.on_sockets += what in _PEERS
    figures.elsewhere += not setting.threads and what not in _PEERS
    return what


async def _start_again(bridge: Bridge) -> int:
    """As soon as it has ended; with which code that was."""
    code = await bridge.ended(600.0)
    bridge.start()
    return code


_PEERS = ("mail client", "notification", "provider", "smarthost", "console")


def _what(calls: Path, bridge: Bridge) -> str:
    """What the last call, the one that was not done, was about."""
    *_, last = _CALL.finditer(calls.read_text(encoding="utf-8").partition("+++ killed")[0])
    what = last["what"]
    if what.startswith("TCP"):
        ports = {
            f":{bridge.port(name)}": shown
            for name, shown in (("smtp", "mail client"), ("webhook", "notification"), ("provider", "provider"))
        }
        return next((shown for port, shown in ports.items() if f"{port}-" in what or f"{port}]" in what), "smarthost")
    if what.startswith(("anon_inode", "pipe", "UNIX")):
        return "the loop itself"
    if "Maildir" in what:
        return "Maildir"
    return next((shown for end, shown in _FILES.items() if what.endswith(end)), "another file")


@contextlib.asynccontextmanager
async def _stage(setting: Setting, place: Path) -> AsyncIterator[Scene]:
    place.mkdir()
    office, port = Office(), Port()
    to = port.number if setting.smarthost else None
    try:
        async with running(place, start=False, smarthost=to, routes=SCENE_ROUTES) as (bridge, simulator):
            if setting.used:
                bridge.start()
                await bridge.ready()
                assert await bridge.stop() == 0

            def mails() -> list[Message]:
                return office.mails if setting.smarthost else bridge.mails

            async with office.open(port.number):
                yield Scene(bridge, simulator, mails)
    finally:
        port.close()
