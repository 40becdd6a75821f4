"""The Debian package in a clean Debian of its own under a real systemd.

That is tests/package/test_machine.py and what goes on with its machine, which is too long for every run of the tests.
"""

import re
import subprocess
import sys
from dataclasses import dataclass, field

from tests.package.built import ROOT
from tests.package.machine import ASKED

_TESTS = ("tests/package/test_machine.py", "tests/package/test_machine_processes.py")


@dataclass(kw_only=True)
class Figures:
    """How many tests; `wrong` names those that failed."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    wrong: list[str] = field(default_factory=list)


def prove() -> Figures:
    """Runs them in a pytest of their own, and shows what that said where not all passed."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rsfE", *_TESTS]
    done = subprocess.run(
        ["env", f"{ASKED}=1", *command], cwd=ROOT, capture_output=True, text=True, timeout=1800, check=False
    )
    counted = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|skipped|error)", done.stdout)}
    figures = Figures(
        passed=counted.get("passed", 0),
        failed=counted.get("failed", 0) + counted.get("error", 0),
        skipped=counted.get("skipped", 0),
        wrong=re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE),
    )
    if figures.failed or figures.skipped or done.returncode:
        print(done.stdout + done.stderr)
    if done.returncode and not figures.wrong:
        figures.wrong.append("the tests of the package did not run")
    return figures
