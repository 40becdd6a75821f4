"""Two nodes on one PostgreSQL, one killed, one frozen: a seeded slice of `python -m tests.long --only nodes`."""

import os
import random
from pathlib import Path

from tests import pg
from tests.long import nodes
from tests.long.cluster import Variant


async def test_two_nodes_lose_nothing_and_double_nothing(tmp_path: Path, postgres: pg.Server) -> None:
    seed = int(os.environ.get("SMSBRIDGE_SEED", random.SystemRandom().randrange(10**6)))
    print(f"SMSBRIDGE_SEED={seed}")  # shown with a failure, so that it can be repeated
    blows = (nodes.KILL, nodes.FREEZE)
    figures = await nodes.prove(tmp_path, postgres, nodes=2, blows=blows, seed=seed)
    assert figures.wrong == [], figures
    assert figures.taken_over >= 1  # at least the one that was frozen
    assert figures.acked > 50
    assert figures.mailed > 20


async def test_processes_that_share_the_roles_keep_the_same_promise(tmp_path: Path, postgres: pg.Server) -> None:
    seed = int(os.environ.get("SMSBRIDGE_SEED", random.SystemRandom().randrange(10**6)))
    print(f"SMSBRIDGE_SEED={seed}")
    figures = await nodes.prove(
        tmp_path, postgres, nodes=2, blows=(nodes.KILL,), seed=seed, variant=Variant(split=True)
    )
    assert figures.wrong == [], figures
    assert figures.acked > 20
    assert figures.mailed > 10


async def test_nodes_that_hear_nothing_of_each_other_keep_the_same_promise(tmp_path: Path, postgres: pg.Server) -> None:
    seed = int(os.environ.get("SMSBRIDGE_SEED", random.SystemRandom().randrange(10**6)))
    print(f"SMSBRIDGE_SEED={seed}")
    quiet = Variant(quiet=True)
    figures = await nodes.prove(tmp_path, postgres, nodes=2, blows=(nodes.KILL,), seed=seed, variant=quiet)
    assert figures.wrong == [], figures
    assert figures.acked > 20
    assert figures.mailed > 10
