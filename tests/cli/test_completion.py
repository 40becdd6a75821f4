"""Shell completion: the scripts, and what they offer."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.cli.completion import SHELLS, VARIABLE
from bridge.message import Channel
from tests.cli.conftest import MAIN, ROOT, Here
from tests.cli.test_queue import put
from tests.make import delivery


def offered(*words: str) -> list[str]:
    """What bash is told for the last of the words."""
    return [each.partition(",")[2] for each in told("bash", *words).splitlines() if each]


def told(shell: str, *words: str) -> str:
    line = ["smsbridge", *words]
    done = subprocess.run(
        [sys.executable, "-c", MAIN],
        cwd=ROOT,
        env={
            **os.environ,
            VARIABLE: f"{shell}_complete",
            "COMP_WORDS": " ".join(line),
            "COMP_CWORD": str(len(line) - 1),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_for_every_shell(here: Here, shell: str) -> None:
    ran = here("completion", shell)
    assert (ran.code, ran.err) == (0, "")
    assert f"{VARIABLE}={shell}_complete" in ran.out
    if program := shutil.which(shell):
        checked = subprocess.run([program, "-n"], input=ran.out, capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, "")


def test_another_shell_is_64(here: Here) -> None:
    ran = here("completion", "tcsh")
    assert (ran.code, ran.out) == (64, "")
    assert "'bash', 'zsh', 'fish'" in ran.err


def test_commands_and_options_are_offered() -> None:
    assert {"queue", "doctor", "status"} <= set(offered(""))
    assert offered("queue", "re") == ["release", "retry"]
    assert "--restored" in offered("queue", "release", "--")


def test_states_are_offered() -> None:
    assert offered("queue", "list", "--state", "d") == ["delivered", "dropped"]


def test_ids_are_offered(config: Path, made: Path) -> None:
    assert made.exists()
    put(config, delivery(1), delivery(2))
    assert offered("queue", "show", "--config", str(config), "M") == ["M1-1", "M1-2"]
    assert offered("trace", "--config", str(config), "M1-2") == ["M1-2"]


def test_what_a_stranger_wrote_is_one_line_and_moves_no_cursor(config: Path, made: Path) -> None:
    assert made.exists()
    put(config, delivery(1, channel=Channel.MAIL, recipient='"a\nplain\nx\t\x1b[31m\u202e"@example.org'))
    lines = told("zsh", "queue", "show", "--config", str(config), "M").splitlines()
    assert lines[:2] == ["plain", "M1-1"]
    assert len(lines) == 3
    assert lines[2].isprintable()


def test_without_a_spool_nothing_is_offered_and_nothing_said(config: Path, tmp_path: Path) -> None:
    assert offered("queue", "drop", "--config", str(config), "M") == []
    assert offered("queue", "drop", "--config", str(tmp_path / "none.toml"), "M") == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_completes(here: Here, tmp_path: Path) -> None:
    """The script in a real bash, as the Tab key would call it."""
    script = tmp_path / "completion"
    script.write_text(here("completion", "bash").out)
    program = tmp_path / "smsbridge"
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{MAIN}' \"$@\"\n")
    program.chmod(0o755)
    function = next(line.split("()")[0].strip() for line in script.read_text().splitlines() if "()" in line)
    asked = f'. {script}; COMP_WORDS=(smsbridge queue sh); COMP_CWORD=2; {function} {program}; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(["bash", "-c", asked], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["show"]
