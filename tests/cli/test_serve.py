"""`serve`: the daemon as a process, its log on the terminal, its exit codes."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import MAIN, ROOT, Here
from tests.daemon.hands import ended
from tests.wait import PATIENCE

_FOREIGN = ("JOURNAL_STREAM", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")


@pytest.fixture
def served(config: Path) -> Path:
    """A configuration on free ports."""
    text = config.read_text().replace("[smtpd]\n", '[smtpd]\nlisten = ["127.0.0.1:0"]\n')
    text = text.replace("[webhook]\n", '[webhook]\nlisten = ["127.0.0.1:0"]\n')
    config.write_text(text + '[console]\nlisten = ["127.0.0.1:0"]\n')
    return config


@contextmanager
def serving(config: Path, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
    log = config.with_name("log")
    with log.open("wb") as said:
        environment = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
        process = subprocess.Popen(
            [sys.executable, "-c", MAIN, "serve", "--config", str(config), *options],
            cwd=ROOT,
            env={**environment, "PYTHONWARNINGS": "error"},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while b"started" not in log.read_bytes():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_runs_until_it_is_told_to_stop(served: Path, number: signal.Signals) -> None:
    with serving(served) as process:
        assert served.with_name("smsbridge.db").exists()
        process.send_signal(number)
        assert process.wait(PATIENCE) == 0
    said = served.with_name("log").read_text()
    assert "stopped" in said
    assert "Traceback" not in said
    assert re.search(r"version=\S+", said)


_AT_ONCE = """
import os, sys

class Terminal:
    def write(self, text):
        sys.__stderr__.write(text)
        if "started" in text:
            os.kill(os.getpid(), {number})
    flush = sys.__stderr__.flush

sys.stderr = Terminal()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_who_reads_that_it_has_started_may_tell_it_to_stop_at_once(served: Path, number: signal.Signals) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _AT_ONCE.format(number=int(number)) + MAIN, "serve", "--config", str(served)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert ran.returncode == 0, ran.stderr
    assert "stopped" in ran.stderr


def test_it_gives_up_with_1_when_its_spool_is_taken_away(served: Path) -> None:
    with serving(served) as process:
        served.with_name("smsbridge.db").unlink()
        assert process.wait(PATIENCE) == 1
    assert "the spool's file was removed or replaced" in served.with_name("log").read_text()


def test_a_log_level_that_does_not_exist_is_wrong_usage(here: Here, served: Path) -> None:
    ran = here("serve", "--config", served, "--log-level", "loud")
    assert (ran.code, ran.out) == (64, "")
    assert not served.with_name("smsbridge.db").exists()


@pytest.mark.parametrize("only", ["smtpd,console", "everything", ""])
def test_a_role_that_does_not_exist_is_wrong_usage(here: Here, served: Path, only: str) -> None:
    ran = here("serve", "--config", served, "--only", only)
    assert (ran.code, ran.out) == (64, "")
    assert "smtpd, webhook, delivery" in ran.err
    assert not served.with_name("smsbridge.db").exists()


@pytest.mark.parametrize(
    "only", [("--only", "smtpd"), ("--only", "webhook", "--only", "delivery"), ("--only", "smtpd,webhook")]
)
def test_a_part_of_the_work_on_sqlite_is_a_wrong_configuration(here: Here, served: Path, only: tuple[str, ...]) -> None:
    ran = here("serve", "--config", served, *only)
    assert (ran.code, ran.out) == (78, "")
    assert "a SQLite file has only one; several need" in ran.err
    assert not served.with_name("smsbridge.db").exists()


def children(process: "subprocess.Popen[bytes]") -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def processes(config: Path, number: int) -> None:
    config.write_text(f"processes = {number}\n{config.read_text()}")


@pytest.mark.parametrize("number", [1, 2, 4])
def test_the_daemon_is_one_of_the_processes_that_speak_with_clients(served: Path, number: int) -> None:
    processes(served, number)
    with serving(served) as process:
        workers = children(process)
        assert len(workers) == number - 1
        for pid in (*workers, process.pid):  # as a terminal and systemd do it
            os.kill(pid, signal.SIGINT)
        assert process.wait(PATIENCE) == 0
        assert all(ended(pid) for pid in workers)
    said = served.with_name("log").read_text()
    assert "stopped" in said
    assert "Traceback" not in said


def test_it_gives_up_with_1_when_one_of_them_ends(served: Path) -> None:
    processes(served, 3)
    with serving(served) as process:
        first, other = children(process)
        os.kill(first, signal.SIGKILL)
        assert process.wait(PATIENCE) == 1
        assert ended(other)
    said = served.with_name("log").read_text()
    assert f'reason="process {first} beside the daemon ended"' in said
    assert "Traceback" not in said


def test_a_wrong_configuration_is_told_once_however_many_processes(here: Here, served: Path) -> None:
    processes(served, 2)
    served.write_text(served.read_text() + "\n[nonsense]\n")
    ran = here("serve", "--config", served)
    assert (ran.code, ran.out) == (78, "")
    assert ran.err.count("bridge.toml:23:") == 1
