"""Deterministic stops: the daemon ends directly before every sync, every send and every receive of a scripted run.

One run that nobody stops says how many there are, in all threads together. Then each has a run of its own: the daemon
dies before its n-th call (`tests.long.brink`), what it had the kernel do before stays done, it is started again, the
script goes on to its end, and everything must have arrived once or be listed as unknown.

Syncs are those of the spool's file, of the Maildir, of the key and of the file beside the spool; in a fresh directory,
and in one where the daemon ran before. Sends and receives are those on sockets: mail clients, provider, notifications,
smarthost, console, and the database, where the spool is on a server; what the loop says to itself changes nothing for
anybody. A server that keeps the spool does the syncs itself: `tests.long.collapse` ends that one.
"""

import asyncio
import contextlib
import itertools
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path

from tests import pg
from tests.flows.office import Office
from tests.flows.program import Port
from tests.flows.rig import Bridge, running
from tests.long import brink, spools
from tests.long.load import LONG
from tests.long.scene import SCENE_ROUTES, Scene

AT_ONCE = 2
"""Runs side by side."""

MORE = 5
"""Calls that are tried beyond the last one counted: no two runs have as many."""

HEARTBEAT, DEAD_AFTER = 0.5, 1.0
"""Of a bridge on a server, in seconds: each beat is a dozen calls."""

_FILES = {
    "-wal": "log of the spool",
    "-journal": "journal of the spool",
    ".db": "spool",
    ".key": "key",
    ".ballast": "ballast",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One way to play the scene."""

    name: str
    kind: str  # of calls: `brink.SYNC` or `brink.TALK`
    used: bool = False  # the daemon ran here before
    smarthost: bool = False  # mail goes there, else into a Maildir


SETTINGS = (
    Setting(name="syncs, first start", kind=brink.SYNC),
    Setting(name="syncs", kind=brink.SYNC, used=True),
    Setting(name="sockets", kind=brink.TALK, smarthost=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Before the `number`-th call."""

    setting: Setting
    number: int


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
    while_stopping: int = 0  # it had been told to
    unknown: int = 0
    where: str = ""
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Stage:
    """Where the runs take place."""

    place: Path
    server: pg.Server | None
    turn: asyncio.Semaphore
    numbers: "itertools.count[int]"

    @contextlib.asynccontextmanager
    async def open(self, setting: Setting) -> AsyncIterator[Scene]:
        """A scene in a fresh directory, when its turn has come; the daemon is not started."""
        async with self.turn:
            here = self.place / str(next(self.numbers))
            here.mkdir()
            async with _scene(setting, here, self.server) as scene:
                yield scene
            shutil.rmtree(here)


async def prove(place: Path, *, seed: int, most: int = 0, server: pg.Server | None = None) -> Figures:
    """All stops, or `most` of them, from all settings; `wrong` is empty when every promise was kept."""
    began, chance = time.monotonic(), random.Random(seed)
    figures, where = Figures(seed=seed), Counter[str]()
    stage = _Stage(place, server, asyncio.Semaphore(AT_ONCE), itertools.count())
    counted = await asyncio.gather(*(_count(setting, stage) for setting in SETTINGS))
    figures.counted = sum(counted)
    stops = _stops(dict(zip(SETTINGS, counted, strict=True)), most, chance)

    async def one(stop: Stop) -> None:
        try:
            where[await _stop(stop, stage, figures)] += 1
        except (AssertionError, TimeoutError) as error:
            figures.wrong.append(f"{stop.setting.name}, call {stop.number}: {str(error) or 'no end in time'}")

    await asyncio.gather(*map(one, stops))
    figures.stops = len(stops) - figures.not_reached
    figures.where = ", ".join(f"{what} {times}" for what, times in where.most_common() if what)
    figures.seconds = time.monotonic() - began
    return figures


def _stops(counted: Mapping[Setting, int], most: int, chance: random.Random) -> list[Stop]:
    """All, and a few more; or so many, where a setting that has fewer leaves its share to the others."""
    stops: list[Stop] = []
    for done, (setting, count) in enumerate(sorted(counted.items(), key=lambda item: item[1])):
        numbers: Sequence[int] = range(1, count + 1 + MORE)
        if most:
            share = (most - len(stops)) // (len(counted) - done)
            numbers = chance.sample(numbers[:count], min(count, share))
        stops += [Stop(setting=setting, number=number) for number in numbers]
    return stops


async def _count(setting: Setting, stage: _Stage) -> int:
    """Play it once and see what there is to stop."""
    async with stage.open(setting) as scene:
        _start(scene.bridge, setting, 0)
        await scene.play()
        assert await scene.bridge.stop(LONG) == 0
        assert scene.wrong() == []
        assert scene.unknown == 0
        return len(_calls(scene.bridge).splitlines())


async def _stop(stop: Stop, stage: _Stage, figures: Figures) -> str:
    """Play it and stop it there; what the call was about, "" where it did not come so far."""
    setting, killed = stop.setting, False
    async with stage.open(setting) as scene:
        bridge = scene.bridge
        _start(bridge, setting, stop.number)
        watching = asyncio.create_task(_start_again(bridge))
        await scene.play()
        if not watching.done():
            watching.cancel()
            bridge.signal(signal.SIGTERM)
            killed = await bridge.ended(LONG) == -signal.SIGKILL
            figures.while_stopping += killed
            bridge.start()
        else:
            killed = watching.result() == -signal.SIGKILL
        await scene.quiet()
        figures.unknown += scene.unknown
        said = [f"{setting.name}, call {stop.number}: {what}" for what in scene.wrong()]
        await bridge.ready(LONG)
        if await bridge.stop(LONG) != 0:
            said.append(f"{setting.name}, call {stop.number}: it did not stop cleanly at the end")
        figures.wrong += said
        if not killed:
            figures.not_reached += 1
            return ""
        what = _what(_calls(bridge).splitlines()[stop.number - 1], scene)
    figures.at_syncs += setting.kind == brink.SYNC
    figures.on_sockets += setting.kind == brink.TALK
    return what


def _start(bridge: Bridge, setting: Setting, number: int) -> None:
    """Under a tracer that ends it before that call."""
    listed = bridge.place / "calls"
    bridge.start(sys.executable, "-m", "tests.long.brink", str(listed), setting.kind, str(number))


def _calls(bridge: Bridge) -> str:
    return (bridge.place / "calls").read_text(encoding="utf-8")


async def _start_again(bridge: Bridge) -> int:
    """As soon as it has ended; with which code that was."""
    code = await bridge.ended(LONG)
    bridge.start()
    return code


def _what(line: str, scene: Scene) -> str:
    """What the call was about."""
    _, _, _, what = line.split(" ", 3)
    if what.startswith("TCP"):
        ports = {scene.bridge.port(name): shown for name, shown in _PEERS.items()}
        if isinstance(scene.spool, spools.OnServer):
            ports[scene.spool.server.port] = "database"
        _, ours, theirs = what.split(" ")
        return ports.get(int(ours)) or ports.get(int(theirs)) or "smarthost"
    if "Maildir" in what:
        return "Maildir"
    if ".generation" in what:
        return "generation of the spool"
    return next((shown for end, shown in _FILES.items() if what.endswith(end)), "directory")


_PEERS = {"smtp": "mail client", "webhook": "notification", "provider": "provider", "console": "console"}


@contextlib.asynccontextmanager
async def _scene(setting: Setting, place: Path, server: pg.Server | None) -> AsyncIterator[Scene]:
    office, port = Office(), Port()
    to = port.number if setting.smarthost else None
    try:
        async with (
            spools.fresh(place, server, heartbeat=HEARTBEAT, dead_after=DEAD_AFTER) as spool,
            running(place, start=False, smarthost=to, routes=SCENE_ROUTES) as (bridge, simulator),
        ):
            spool.give(bridge)
            if setting.used:
                bridge.start()
                await bridge.ready(LONG)
                assert await bridge.stop(LONG) == 0

            def mails() -> list[Message]:
                return office.mails if setting.smarthost else bridge.mails

            async with office.open(port.number):
                yield Scene(bridge, simulator, spool, mails)
    finally:
        port.close()
