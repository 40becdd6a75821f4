"""Hostile talk and hostile mails: a seeded slice of `python -m tests.long`."""

from pathlib import Path

from tests.long import fuzz
from tests.wait import PATIENCE

SEED = 4


async def test_damaged_commands_and_mails_break_nothing(tmp_path: Path) -> None:
    figures = await fuzz.prove(tmp_path, commands=4000, mails=400, seed=SEED, patience=PATIENCE)
    assert figures.wrong == [], figures
    assert figures.commands >= 4000
    assert figures.mails >= 400
    assert figures.taken > 100
    assert figures.refused > 20
    assert figures.delivered > 100
