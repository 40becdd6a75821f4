"""Hostile talk and hostile mails at the real daemon: it answers everything in time, keeps its size and its promises.

Every dialogue and every mail is made from the seed and its own number alone, so what went wrong can be had again
whatever the others did meanwhile. An exception of ours would be answered `451 4.3.0`: that counts as a crash.
"""

import asyncio
import itertools
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.flows.rig import letter, queue_id
from tests.flows.smtp import post
from tests.long.books import Books, compare
from tests.long.doors import Doors, opened
from tests.long.hostile import Hostile, Tally
from tests.long.watch import Watch, settled
from tests.wait import until

TALKERS, WRITERS = 32, 8
"""Connections at once."""

WARM = 0.1
"""Share of the run after which the daemon has its size."""

GROWTH = 50.0
"""MiB that it may then grow by."""

_OURS = re.compile(r"^\S+ (?:error|critical) |session failed|Traceback|spool unavailable", re.MULTILINE)
_MOST_WRONG = 20


@dataclass(slots=True, kw_only=True)
class Figures:
    """What came of it."""

    seed: int
    seconds: float = 0.0
    commands: int = 0  # answered
    dialogues: int = 0
    mails: int = 0  # answered, of the second part
    refused: int = 0  # of these
    taken: int = 0  # mails of both parts answered 250
    delivered: int = 0  # SMS of all that
    forwarded: int = 0
    failed: int = 0  # deliveries the provider refused
    slowest_ms: float = 0.0
    warm_mib: float = 0.0
    grown_mib: float = 0.0
    wrong: list[str] = field(default_factory=list)


async def prove(place: Path, *, commands: int, mails: int, seed: int, patience: float = 2.0) -> Figures:
    """`commands` and then `mails`, each answered within `patience` seconds; `wrong` is empty when all was well."""
    began = time.monotonic()
    figures, books, tally = Figures(seed=seed), Books(), Tally()
    async with opened(place) as doors:
        hostile = Hostile(doors, books, tally, seed=seed, patience=patience)
        talks, letters = itertools.count(), itertools.count()
        await _talk(hostile, tally, talks, int(commands * WARM))
        await _write(hostile, letters, int(mails * WARM))
        figures.warm_mib = await settled(doors.bridge.pid)
        await _talk(hostile, tally, talks, commands)
        after = await settled(doors.bridge.pid)  # while it hashes a password it is larger, and that is meant to be
        watch = Watch(doors.bridge.pid)
        await _write(hostile, letters, mails)
        figures.grown_mib = max(after, watch.end()) - figures.warm_mib
        await _settle(figures, books, doors)
        _expect(figures, await doors.bridge.stop() == 0, "it did not stop cleanly")
        ours = [line for line in doors.bridge.log.splitlines() if _OURS.search(line)]
        _expect(figures, not ours, f"{len(ours)} errors of ours, the first: {ours[:1]}")
    figures.commands, figures.dialogues, figures.mails = tally.commands, tally.dialogues, tally.mails
    figures.refused, figures.slowest_ms = tally.refused, tally.slowest * 1000.0
    figures.wrong += tally.wrong[:_MOST_WRONG]
    _expect(figures, figures.grown_mib < GROWTH, f"the daemon grew by {figures.grown_mib:.0f} MiB")
    figures.seconds = time.monotonic() - began
    return figures


async def _talk(hostile: Hostile, tally: Tally, numbers: "itertools.count[int]", commands: int) -> None:
    """Dialogues until so many commands have been answered in all."""

    async def one_after_the_other() -> None:
        while tally.commands < commands:
            await hostile.talk(next(numbers))

    async with asyncio.TaskGroup() as group:
        for _ in range(TALKERS):
            group.create_task(one_after_the_other())


async def _write(hostile: Hostile, numbers: "itertools.count[int]", mails: int) -> None:
    """Mails until so many have been answered in all."""
    async with asyncio.TaskGroup() as group:
        for _ in range(WRITERS):
            group.create_task(hostile.write(numbers, mails))


async def _settle(figures: Figures, books: Books, doors: Doors) -> None:
    """One good mail, then the comparison of everything."""
    reply = await post(doors.plain, "anna@example.org", ["phone@sms.example.com"], bytes(letter("ein gutes Ende")))
    books.queued[queue_id(reply)] = None
    found = await compare(books, doors, within=300.0)
    good = await until(lambda: sum(one.text == "ein gutes Ende" for one in doors.simulator.messages), "the good mail")
    _expect(figures, good == 1, "the good mail at the end came twice")
    _expect(figures, found.waiting == 0, f"{found.waiting} are still waiting")
    figures.taken = len(books.queued)
    figures.delivered, figures.forwarded, figures.failed = found.delivered, found.forwarded, found.failed
    figures.wrong += found.wrong[:_MOST_WRONG]


def _expect(figures: Figures, holds: bool, otherwise: str) -> None:
    if not holds:
        figures.wrong.append(otherwise)
