"""Two nodes on one PostgreSQL, one killed, one frozen: a seeded slice of `python -m tests.long --only nodes`."""

import os
import random
from pathlib import Path

from tests.databases import Database
from tests.long import nodes


async def test_two_nodes_lose_nothing_and_double_nothing(tmp_path: Path, database: Database) -> None:
    seed = int(os.environ.get("SMSBRIDGE_SEED", random.SystemRandom().randrange(10**6)))
    print(f"SMSBRIDGE_SEED={seed}")  # shown with a failure, so that it can be repeated
    blows = (nodes.KILL, nodes.FREEZE)
    figures = await nodes.prove(tmp_path, database.server, database.name, nodes=2, blows=blows, seed=seed)
    assert figures.wrong == [], figures
    assert figures.taken_over >= 1  # at least the one that was frozen
    assert figures.acked > 50
    assert figures.mailed > 20
