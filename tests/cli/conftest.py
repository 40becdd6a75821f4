"""The command as a user runs it: its two outputs and its exit code.

Once per command in a process of its own, for the rest inside this one, where starting costs nothing.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bridge.cli import main
from bridge.spool.sqlite import open_spool
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


Here = Callable[..., Ran]


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str]) -> Here:
    """Runs the command inside this process."""

    def run(*arguments: str | Path) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Ran(ended.value.code, said.out, said.err)

    return run


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A bridge.toml that is right."""
    return setup.put(tmp_path, setup.GOOD)


@pytest.fixture
def made(config: Path) -> Path:
    """Its spool, which only a daemon makes."""

    async def making() -> Path:
        spool = await open_spool(config.with_name("smsbridge.db"))
        await spool.close()
        return spool.path

    return asyncio.run(making())
