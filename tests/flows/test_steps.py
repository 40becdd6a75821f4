"""Deterministic stops: a seeded slice of `python -m tests.long`."""

import os
import random
import shutil
from pathlib import Path

import pytest

from tests.flows.rig import running
from tests.long import steps
from tests.long.scene import SCENE_ROUTES, Scene

STOPS = 12


async def test_row_67_stopped_at_a_sync_a_send_or_a_receive_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        assert not os.environ.get("CI"), "strace is missing"
        pytest.skip("strace is not installed")
    seed = int(os.environ.get("SMSBRIDGE_SEED", random.SystemRandom().randrange(10**6)))
    print(f"SMSBRIDGE_SEED={seed}")  # shown with a failure, so that it can be repeated
    figures = await steps.prove(tmp_path, seed=seed, most=STOPS)
    assert figures.wrong == [], figures
    assert figures.counted > 100
    assert figures.stops >= STOPS // 2, figures


async def test_the_reckoning_sees_what_is_missing_and_what_is_there_twice(tmp_path: Path) -> None:
    async with running(tmp_path, routes=SCENE_ROUTES) as (bridge, simulator):
        scene = Scene(bridge, simulator, lambda: bridge.mails)
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
