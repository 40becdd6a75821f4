"""Deterministic stops: a seeded slice of `python -m tests.long`."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests import pg
from tests.flows.program import ROOT
from tests.flows.rig import running
from tests.long import brink, steps
from tests.long.scene import SCENE_ROUTES, Scene
from tests.long.spools import InFile

STOPS, STOPS_ON_POSTGRESQL = 12, 8

# Two threads, each with three syncs of its own, strictly by turns.
_BY_TURNS = """
import os, sys, threading
turns = [threading.Semaphore(1), threading.Semaphore(0)]
def sync(me):
    for number in range(3):
        turns[me].acquire()
        with open(os.path.join(sys.argv[1], f"{number}.{me}"), "w") as file:
            os.fsync(file.fileno())
        turns[1 - me].release()
other = threading.Thread(target=sync, args=[1])
other.start()
sync(0)
other.join()
"""


async def test_row_67_stopped_at_a_sync_a_send_or_a_receive_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    figures = await steps.prove(tmp_path, seed=_seed(), most=STOPS)
    assert figures.wrong == [], figures
    assert figures.counted > 100
    assert figures.stops >= STOPS // 2, figures


async def test_row_67_the_same_with_the_spool_on_postgresql(tmp_path: Path, postgres: pg.Server) -> None:
    figures = await steps.prove(tmp_path, seed=_seed(), most=STOPS_ON_POSTGRESQL, server=postgres)
    assert figures.wrong == [], figures
    assert figures.counted > 300
    assert figures.stops >= STOPS_ON_POSTGRESQL // 2, figures


@pytest.mark.parametrize("number", range(8))
def test_a_call_is_stopped_at_whichever_thread_makes_it(tmp_path: Path, number: int) -> None:
    listed = tmp_path / "calls"
    under = [sys.executable, "-m", "tests.long.brink", str(listed), brink.SYNC, str(number)]
    done = subprocess.run([*under, sys.executable, "-c", _BY_TURNS, str(tmp_path)], cwd=ROOT, check=False, timeout=60)
    stopped = 0 < number <= 6
    assert done.returncode == (-9 if stopped else 0)
    names = [line.rpartition("/")[2] for line in listed.read_text(encoding="utf-8").splitlines()]
    assert names == ["0.0", "0.1", "1.0", "1.1", "2.0", "2.1"][: number if stopped else 6]
    assert len({line.split(" ")[1] for line in listed.read_text(encoding="utf-8").splitlines()}) == min(2, len(names))


def _seed() -> int:
    seed = int(os.environ.get("SMSBRIDGE_SEED", random.SystemRandom().randrange(10**6)))
    print(f"SMSBRIDGE_SEED={seed}")  # shown with a failure, so that it can be repeated
    return seed


async def test_the_reckoning_sees_what_is_missing_and_what_is_there_twice(tmp_path: Path) -> None:
    async with running(tmp_path, routes=SCENE_ROUTES) as (bridge, simulator):
        scene = Scene(bridge, simulator, InFile(tmp_path / "smsbridge.db"), lambda: bridge.mails)
        await scene.play()
        assert scene.wrong() == []
        first, *_ = simulator.acceptance.messages
        simulator.acceptance.messages.append(first)
        assert any("twice" in what or "2 times" in what for what in scene.wrong())
        simulator.acceptance.messages.pop()
        simulator.acceptance.messages.remove(first)
        assert any("arrived 0 times" in what for what in scene.wrong())
        simulator.acceptance.messages.insert(0, first)
        assert scene.wrong() == []
        next((tmp_path / "Maildir" / "new").iterdir()).unlink()
        assert scene.wrong() == ["1 SMS were confirmed and lost"]
