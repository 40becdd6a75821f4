"""The command as a user runs it: a process of its own, its two outputs and its exit code."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.config import setup

ROOT = Path(__file__).parents[2]
MAIN = "from bridge.cli import main; main()"


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def smsbridge(*arguments: str | Path, stdin: str | None = None) -> Ran:
    """Runs the command and waits for its end."""
    done = subprocess.run(
        [sys.executable, "-c", MAIN, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A bridge.toml that is right."""
    return setup.put(tmp_path, setup.GOOD)
