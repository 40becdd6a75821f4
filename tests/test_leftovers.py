"""What a file of tests leaves behind fails that file, and no other one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

_FORGETS = """
import asyncio

def test_forgets():
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    loop.close()
    {what}
    itself = [future]
    itself.append(itself)  # nothing but a collection finds it
"""


@pytest.mark.parametrize(
    ("what", "passes"), [('future.set_exception(ValueError("nobody asks"))', False), ("future.cancel()", True)]
)
def test_a_file_fails_for_an_error_that_it_throws_away(what: str, passes: bool, tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text(_FORGETS.format(what=what), encoding="utf-8")
    (tmp_path / "test_two.py").write_text("def test_innocent():\n    pass\n", encoding="utf-8")
    options = ["-p", "tests.conftest", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    command = [sys.executable, "-m", "pytest", *options, "-c", str(ROOT / "pyproject.toml"), str(tmp_path)]
    # Who runs this may have asked for several processes, or for coverage: that is not asked of two files.
    given = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    ran = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False)
    assert (ran.returncode == 0) is passes, ran.stdout
    assert "2 passed" in ran.stdout
    assert ("ERROR" in ran.stdout and "test_one.py::test_forgets" in ran.stdout) is not passes
    assert "ERROR" not in ran.stdout or "test_two.py" not in ran.stdout.partition("short test summary")[2]
