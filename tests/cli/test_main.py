"""Usage, help and exit codes of all commands."""

import array
import fcntl
import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import apsw
import pytest

from bridge.spool import sqlite
from tests.cli.conftest import MAIN, ROOT, Here, smsbridge
from tests.cli.test_queue import put
from tests.make import delivery
from tests.wait import PATIENCE

COMMANDS = [
    "demo", "serve", "check", "route", "send", "simulator",
    "doctor", "status", "search", "trace", "conversation", "explain", "backup", "forget", "completion",
    "queue", "queue list", "queue show", "queue hold", "queue release", "queue retry", "queue drop",
]  # fmt: skip


def test_help_names_every_command() -> None:
    ran = smsbridge("--help")
    assert ran.code == 0
    assert all(f"\n  {command} " in ran.out for command in COMMANDS if " " not in command)
    assert smsbridge("-h").out == ran.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(here: Here, command: str) -> None:
    ran = here(*command.split(), "--help")
    assert (ran.code, ran.err) == (0, "")
    assert f"Usage: smsbridge {command}" in ran.out
    assert ("--config" in ran.out) is (command not in {"demo", "simulator", "queue", "completion"})


def test_version(here: Here) -> None:
    try:
        version = importlib.metadata.version("smsbridge")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("smsbridge is not installed here, and the version is its distribution's")
    ran = here("--version")
    assert ran.code == 0
    assert ran.out == f"smsbridge, version {version}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        "nonsense",
        "queue nonsense",
        "check --nonsense",
        "route",
        "send 06600000001",
        "queue show",
        "queue drop",
        "queue list --state nonsense",
        "queue list --limit 0",
    ],
)
def test_wrong_usage_is_64(here: Here, arguments: str) -> None:
    ran = here(*arguments.split())
    assert (ran.code, ran.out) == (64, "")
    assert "Usage:" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("route", "066\x1b]0;owned\x07"),
        ("--none\x07",),
        ("queue", "list", "--since", "\x9b31m\x07"),
        ("user", "remove", "ben\x07"),
        ("queue", "list", "--config", "none\x07/bridge.toml"),
    ],
)
def test_what_was_typed_does_nothing_to_the_terminal(here: Here, config: Path, arguments: tuple[str, ...]) -> None:
    """Who pastes a number out of a stranger's mail pastes what hides in it, too."""
    ran = here(*arguments, *(() if "--config" in arguments else ("--config", config)))
    assert ran.code in {1, 64, 78}
    assert ran.err
    assert all(letter.isprintable() or letter == "\n" for letter in ran.out + ran.err), ran.err


@pytest.mark.parametrize(
    "arguments", ["serve", "check", "route anna@sms.example.com", "send 06600000001 x", "queue list", "queue show x"]
)
def test_a_missing_configuration_is_78(here: Here, tmp_path: Path, arguments: str) -> None:
    ran = here(*arguments.split(), "--config", tmp_path / "none.toml")
    assert (ran.code, ran.out) == (78, "")
    assert "none.toml" in ran.err
    assert "Traceback" not in ran.err


def test_a_second_daemon_is_75(config: Path) -> None:
    with config.with_name("smsbridge.db.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        ran = smsbridge("serve", "--config", config)
    assert ran.code == 75
    assert "another smsbridge" in ran.err


def test_a_damaged_spool_is_78_and_left_alone(here: Here, config: Path) -> None:
    spool = config.with_name("smsbridge.db")
    spool.write_bytes(b"no database" * 1000)
    for run, arguments in ((here, "queue list"), (here, "send 06600000001 x"), (smsbridge, "serve")):
        ran = run(*arguments.split(), "--config", config)
        assert ran.code == 78
        assert "damaged" in ran.err
        assert "Traceback" not in ran.err
    assert spool.read_bytes() == b"no database" * 1000


def test_a_spool_that_does_not_exist_yet_is_75(here: Here, config: Path) -> None:
    ran = here("queue", "list", "--config", config)
    assert ran.code == 75
    assert not config.with_name("smsbridge.db").exists()


def test_a_spool_that_is_locked_is_75(here: Here, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.05)
    other = apsw.Connection(str(config.with_name("smsbridge.db")))
    other.execute("CREATE TABLE x (a)")
    other.execute("BEGIN EXCLUSIVE")
    ran = here("send", "06600000001", "x", "--config", config)
    other.close()
    assert ran.code == 75


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["queue", "show", "M7"], 1, "nothing with the id M7"),
        (["trace", "M7"], 1, "nothing with the id M7"),
        (["route", "nonsense"], 64, "nonsense"),
        (["queue", "list", "--state", "nonsense"], 64, "nonsense"),
        (["queue", "drop"], 64, "ID..."),
        (["send", "06600000001", ""], 64, "the text is empty"),
    ],
)
def test_errors_are_json_where_json_is_wanted(
    here: Here, config: Path, made: Path, arguments: list[str], code: int, says: str
) -> None:
    assert made.exists()
    ran = here(*arguments, "--json", "--config", config)
    assert (ran.code, ran.out) == (code, "")
    error = json.loads(ran.err)
    assert (list(error), error["code"]) == (["error", "code"], code)
    assert says in error["error"]


def test_a_spool_that_does_not_exist_yet_as_json(here: Here, config: Path) -> None:
    ran = here("queue", "list", "--json", "--config", config)
    assert (ran.code, ran.out) == (75, "")
    assert json.loads(ran.err)["code"] == 75


def test_a_wrong_configuration_as_json(here: Here, tmp_path: Path) -> None:
    ran = here("queue", "list", "--json", "--config", tmp_path / "none.toml")
    assert (ran.code, ran.out) == (78, "")
    error = json.loads(ran.err)
    assert "none.toml" in error["error"]
    assert [list(problem) for problem in error["problems"]] == [["file", "line", "key", "message", "hint"]]


def test_what_follows_two_dashes_is_no_option(here: Here, config: Path, made: Path) -> None:
    assert made.exists()
    ran = here("trace", "--config", config, "--", "--json")
    assert (ran.code, ran.err) == (1, "there is nothing with the id --json\n")


def waiting_octets(descriptor: int) -> int:
    count = array.array("i", [0])
    fcntl.ioctl(descriptor, termios.FIONREAD, count)
    return count[0]


def test_a_slow_reader_gets_all_of_a_long_output(config: Path, made: Path) -> None:
    """What a stopped writer did not get rid of in one write was lost with PYTHONUNBUFFERED, and the exit code was 0."""
    assert made.exists()
    put(config, *(delivery(number, reason="x" * 200) for number in range(1, 1001)))
    program = subprocess.Popen(
        [sys.executable, "-c", MAIN, "queue", "list", "--json", "--config", str(config)],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
    )
    assert program.stdout is not None
    came, deadline, out = b"", time.monotonic() + 3 * PATIENCE, program.stdout.fileno()
    while time.monotonic() < deadline:
        while waiting_octets(out) < 65536 and program.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        program.send_signal(signal.SIGSTOP)  # a system call under way ends with what it has done
        program.send_signal(signal.SIGCONT)
        octets = os.read(out, 65536)
        came += octets
        if not octets:
            break
    assert program.wait(PATIENCE) == 0
    program.stdout.close()
    assert len(json.loads(came)) == 1000
