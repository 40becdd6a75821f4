"""What processes take of the machine, as /metrics shows it."""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.daemon.footprint import footprint, processes
from tests.daemon.hands import ENDS
from tests.wait import PATIENCE


@pytest.fixture
def worker() -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-c", f"print(flush=True); {ENDS}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.communicate(timeout=PATIENCE)


@pytest.fixture
def proc(tmp_path: Path, worker: "subprocess.Popen[bytes]") -> Path:
    """As the unit shows it to the daemon (ProcSubset=pid): processes and nothing else."""
    for pid in (os.getpid(), worker.pid):
        (tmp_path / str(pid)).symlink_to(f"/proc/{pid}")
    return tmp_path


def shown(workers: list[int], proc: Path) -> dict[tuple[str, str], float]:
    return {
        (sample.name, sample.labels["process"]): sample.value
        for family in footprint("p_", processes(workers, proc=proc))
        for sample in family.samples
    }


def test_each_process_is_shown_where_only_processes_are(worker: "subprocess.Popen[bytes]", proc: Path) -> None:
    found = shown([worker.pid], proc)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    for name in ("daemon", "worker 1"):
        assert 2**20 < found["p_resident_memory_bytes", name] < found["p_virtual_memory_bytes", name]
        assert found["p_max_fds", name] == soft
        assert abs(time.time() - found["p_start_time_seconds", name]) < 86400
    assert found["p_open_fds", "worker 1"] == 3
    assert found["p_open_fds", "daemon"] > 3
    assert found["p_start_time_seconds", "daemon"] <= found["p_start_time_seconds", "worker 1"]
    assert 0 < found["p_cpu_seconds_total", "daemon"] <= time.process_time() + 1


def test_one_that_is_gone_is_not_shown(worker: "subprocess.Popen[bytes]", proc: Path) -> None:
    known = processes([worker.pid], proc=proc)
    worker.communicate(timeout=PATIENCE)
    names = {sample.labels["process"] for family in footprint("p_", known) for sample in family.samples}
    assert names == {"daemon"}
    assert [process.name for process in processes([worker.pid], proc=proc)] == ["daemon"]
