"""Power cuts: what the spool acknowledged is there afterwards, and what it did not is there whole or not at all.

The real spool runs on a disk that forgets what was not synced (`tests.long.disk`). Senders, carriers, phones and a
purge work on it at once until the power goes, at any write or sync: in the middle of a commit, of a checkpoint, of the
first start, of the recovery after the last cut. What survived is opened by SQLite as it is, compared with what was
acknowledged (`tests.long.ledger`), and the next life begins on it: mails that nobody answered come again.

The seed decides what is asked and when the power goes; which askers share a commit is up to the machine.
"""

import contextlib
import random
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from bridge.message import StoreUnavailable
from bridge.spool import Intake, SpoolDamaged, deliveries
from bridge.spool.generation import file_of
from bridge.spool.sqlite import open_spool
from tests.long.disk import Disk
from tests.long.ledger import Ledger
from tests.long.life import LASTS, Life
from tests.make import NOW

FRESH_EVERY = 20
"""Lives of one spool."""

MOST_CHANGES, MOST_SYNCS = 4000, 100
"""Writes, syncs, truncations and removals until the power goes, or only syncs, at most."""

EARLY = 0.02
"""Of these, for a fifth of the cuts: while the spool is opened, and directly after."""

_FILE = "spool.db"


@dataclass(slots=True, kw_only=True)
class Figures:
    """What came of it."""

    seed: int
    cuts: int
    seconds: float = 0.0
    changes: int = 0  # writes, syncs, truncations, removals until the cuts
    syncs: int = 0
    acknowledged: int = 0  # mails and SMS
    other_commits: int = 0  # moves, reports, purges …, acknowledged too
    in_flight: int = 0  # mails and SMS without an answer when the power went
    of_these_kept: int = 0  # and recognised when they came again
    in_opening: int = 0  # cuts before the spool was open
    in_closing: int = 0  # or after it
    lost: int = 0
    damaged: int = 0
    wrong: list[str] = field(default_factory=list)


# The same mail is under way at many of these cuts, and none of them is its fault: what holds it has a test of its own.
@mock.patch.object(deliveries, "MOST_STOPS", 10**9)
async def prove(place: Path, *, cuts: int, seed: int, synchronous: str = "FULL", lies: bool = False) -> Figures:
    """Cut that often; `wrong` is empty when every promise was kept."""
    began = time.monotonic()
    chance = random.Random(seed)
    figures, ledger = Figures(seed=seed, cuts=cuts), Ledger()
    here, waiting = place / "0", list[Intake]()
    here.mkdir()
    for number in range(cuts):
        at_sync = number % 2 == 1
        most = (MOST_SYNCS if at_sync else MOST_CHANGES) * (EARLY if chance.random() < 0.2 else 1.0)
        disk = Disk(here, _FILE, chance, cut_at=chance.randint(1, int(most)), at_sync=at_sync, lies=lies)
        life = Life(disk, ledger, chance, number, waiting)
        try:
            await life.live(here / _FILE, synchronous)
        finally:
            disk.cut()
            disk.remove()
        _count(figures, life, disk)
        last, here = here, place / str(number + 1)
        here.mkdir()
        disk.lay_down(here)
        with contextlib.suppress(FileNotFoundError):  # the bridge itself writes that, and syncs it
            shutil.copy(file_of(last / _FILE), here)
        shutil.rmtree(last)
        waiting = ledger.under_way()
        sound = await _compare(here, ledger, NOW + number * LASTS)
        kept = [one for one in waiting if one.deliveries[0].id in ledger.entries and _known(ledger, one)]
        figures.in_flight += len(waiting)
        figures.of_these_kept += len(kept)
        if not sound or number % FRESH_EVERY == FRESH_EVERY - 1 or number == cuts - 1:
            _close(ledger, figures)
            ledger, waiting = Ledger(), []
            shutil.rmtree(here)
            here.mkdir()
    figures.seconds = time.monotonic() - began
    return figures


def _count(figures: Figures, life: Life, disk: Disk) -> None:
    figures.acknowledged += life.acknowledged
    figures.other_commits += life.other_commits
    figures.in_opening += not life.opened
    figures.in_closing += life.finished
    figures.changes += disk.done
    figures.syncs += disk.syncs


def _close(ledger: Ledger, figures: Figures) -> None:
    figures.lost += ledger.lost
    figures.damaged += ledger.damaged
    figures.wrong += ledger.wrong


def _known(ledger: Ledger, one: Intake) -> bool:
    return ledger.entries[one.deliveries[0].id].known is not None


async def _compare(place: Path, ledger: Ledger, now: float) -> bool:
    """Look at a copy, so that the next life begins on what the disk really held."""
    copy = place / "copy"
    copy.mkdir()
    for file in place.glob(_FILE + "*"):
        shutil.copyfile(file, copy / file.name)
        (copy / file.name).chmod(0o600)  # a spool that others may read is refused
    try:
        spool = await open_spool(copy / _FILE)
        try:
            await ledger.compare(spool, now)
        finally:
            await spool.close()
    except (SpoolDamaged, StoreUnavailable) as error:
        ledger.damaged += 1
        ledger.wrong.append(f"it does not open: {error}")
        return False
    finally:
        shutil.rmtree(copy)
    return True
