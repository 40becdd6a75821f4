"""Thousands of slow clients at the real daemon, and a good one that is served all the same.

The house holds 200. So most of the slow ones are thrown out for the next of their kind, and come again: the good client
must find its way between them, and keep its place until its mail is taken. Told 421 it comes again at once, as others
do after a while; its time runs on meanwhile.
"""

import asyncio
import resource
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.flows.rig import ADDRESS, ANNA
from tests.long import endings
from tests.long.doors import GUEST_ADDRESS, GUEST_HOST, Doors, opened
from tests.long.siege import KINDS, Siege, Slow
from tests.long.talk import Broken, Talk
from tests.long.watch import Watch, descriptors
from tests.wait import until

TRUSTED_HOST = "127.0.0.1"
FOR_A_CLIENT = 4
"""Descriptors of ours that one slow client may take."""

PAUSE = 0.5
"""Seconds between two good mails."""

AGAIN_AFTER = 0.05
NEVER = 60.0
"""Seconds."""

GROWTH = 100.0
"""MiB by which the daemon may grow: every session that is kept by mistake shows here."""


@dataclass(slots=True, kw_only=True)
class Figures:
    """What came of it; the times from the first SYN to the 250."""

    slow_clients: int
    seconds: float = 0.0
    connections: int = 0  # the slow ones made in all
    turned_away: int = 0  # told 421
    most_open: int = 0
    most_in_data: int = 0
    good_mails: int = 0  # each of a trusted client and of a stranger
    came_again: int = 0  # good clients that were told 421
    trusted_ms: float = 0.0  # the slowest
    trusted_median_ms: float = 0.0
    stranger_ms: float = 0.0
    stranger_median_ms: float = 0.0
    descriptors_before: int = 0
    descriptors_after: int = 0
    most_mib: float = 0.0
    grown_mib: float = 0.0
    endings: int = 0  # tricks that were to make two mails of one
    wrong: list[str] = field(default_factory=list)


async def prove(
    place: Path, *, clients: int, rounds: int = 30, within: float = 1.0, kinds: Sequence[type[Slow]] = KINDS
) -> Figures:
    """`rounds` good mails of each sort, each taken `within` seconds, while `clients` of these `kinds` are slow."""
    began = time.monotonic()
    figures = Figures(slow_clients=clients)
    with _descriptors_for(clients):
        async with opened(place) as doors:
            await _besieged(figures, doors, rounds, within, kinds)
            figures.endings = len(endings.TRICKS)
            figures.wrong += await endings.prove(doors)
            await doors.bridge.drained()
            _expect(figures, await doors.bridge.stop() == 0, "it did not stop cleanly")
            broken = sum(line.partition(" ")[2].startswith("error ") for line in doors.bridge.log.splitlines())
            _expect(figures, broken == 0, f"{broken} errors of ours in the log")
    figures.seconds = time.monotonic() - began
    return figures


async def _besieged(figures: Figures, doors: Doors, rounds: int, within: float, kinds: Sequence[type[Slow]]) -> None:
    pid = doors.bridge.pid
    figures.descriptors_before = descriptors(pid)
    watch, trusted, strangers = Watch(pid), list[float](), list[float]()
    before = watch.most
    async with Siege(figures.slow_clients, plain=doors.plain, implicit=doors.implicit, kinds=kinds) as siege:
        await until(lambda: siege.connections >= figures.slow_clients and siege.most_in_data, "they have come", 60.0)
        for number in range(rounds):
            results = await asyncio.gather(
                _served(figures, doors, TRUSTED_HOST, ADDRESS, f"trusted{number}"),
                _served(figures, doors, GUEST_HOST, GUEST_ADDRESS, f"stranger{number}"),
            )
            trusted.append(results[0])
            strangers.append(results[1])
            await asyncio.sleep(PAUSE)
        figures.connections, figures.turned_away = siege.connections, siege.turned_away
        figures.most_open, figures.most_in_data = siege.most_open, siege.most_in_data
    figures.most_mib = watch.end()
    figures.grown_mib = figures.most_mib - before
    figures.good_mails = len(trusted) + len(strangers)
    figures.trusted_ms, figures.stranger_ms = max(trusted) * 1000.0, max(strangers) * 1000.0
    figures.trusted_median_ms = statistics.median(trusted) * 1000.0
    figures.stranger_median_ms = statistics.median(strangers) * 1000.0
    late = sum(seconds > within for seconds in (*trusted, *strangers))
    _expect(figures, late == 0, f"{late} good mails took more than {within:.0f} s")
    _expect(figures, figures.grown_mib < GROWTH, f"the daemon grew by {figures.grown_mib:.0f} MiB")
    await _emptied(figures, pid)


async def _emptied(figures: Figures, pid: int) -> None:
    """The daemon gives back what the slow clients took."""
    allowed = figures.descriptors_before + 4  # files and connections of its own that it opens with the first mail
    try:
        await until(lambda: descriptors(pid) <= allowed, "descriptors come back", 60.0)
    except AssertionError as late:
        figures.wrong.append(str(late))
    figures.descriptors_after = descriptors(pid)


async def _served(figures: Figures, doors: Doors, host: str, to: str, mark: str) -> float:
    """The seconds until a mail was taken, however often it had to be tried. Raises `Broken` when it never is."""
    began = time.perf_counter()
    while True:
        try:
            await _mail(doors, host, to, mark)
        except (Broken, OSError) as broken:
            if time.perf_counter() - began > NEVER:
                raise Broken(f"{mark} is not served: {broken}") from None
            figures.came_again += 1
            await asyncio.sleep(AGAIN_AFTER)
        else:
            return time.perf_counter() - began


async def _mail(doors: Doors, host: str, to: str, mark: str) -> None:
    """A mail as every server sends it, with an answer to each line. Raises `Broken` unless it was taken."""
    talk = await Talk.connect(doors.plain, NEVER, host=host)
    try:
        await _heard(talk, 220)
        for line in ("EHLO good.example.org", f"MAIL FROM:<{ANNA}>", f"RCPT TO:<{to}>"):
            await talk.say(f"{line}\r\n".encode())
            await _heard(talk, 250)
        await talk.say(b"DATA\r\n")
        await _heard(talk, 354)
        await talk.say(f"Message-ID: <{mark}@example.org>\r\n\r\ngood {mark}\r\n.\r\n".encode())
        await _heard(talk, 250)
    finally:
        talk.drop()


async def _heard(talk: Talk, code: int) -> None:
    reply = await talk.reply()
    if reply is None or reply.code != code:
        raise Broken(f"{reply} instead of {code}")


@contextmanager
def _descriptors_for(clients: int) -> Iterator[None]:
    """As many as that takes, if the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, clients * FOR_A_CLIENT), hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _expect(figures: Figures, holds: bool, otherwise: str) -> None:
    if not holds:
        figures.wrong.append(otherwise)
