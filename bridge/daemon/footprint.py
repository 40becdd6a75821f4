"""What the processes of this bridge take of the machine: memory, processor time and descriptors, for /metrics.

prometheus_client's own collector shows one process, and nothing at all under our unit: it needs the time of the boot
from /proc/stat, which `ProcSubset=pid` hides. Only what stands below a process's own number is read here.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

_PROC: Final = Path("/proc")
_LABEL: Final = ("process",)

# Places in /proc/PID/stat behind the name of the program, proc(5).
_USER, _SYSTEM, _STARTED, _VIRTUAL, _RESIDENT = 11, 12, 19, 20, 21


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One of them, as it is shown."""

    name: str
    place: Path  # in /proc
    started: float  # Unix seconds


def processes(workers: Sequence[int], *, proc: Path = _PROC) -> list[Process]:
    """This one and those beside it, by their numbers; one that is gone is left out."""
    found = []
    for name, pid in (("daemon", os.getpid()), *((f"worker {row}", pid) for row, pid in enumerate(workers, start=1))):
        with suppress(OSError):
            place = proc / str(pid)
            since_boot = int(_stat(place)[_STARTED]) / os.sysconf("SC_CLK_TCK")
            started = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + since_boot
            found.append(Process(name=name, place=place, started=started))
    return found


def footprint(prefix: str, of: Sequence[Process]) -> Iterator[Metric]:
    """What each of them takes now, under names that begin with `prefix`."""
    families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {
        "virtual": GaugeMetricFamily(f"{prefix}virtual_memory_bytes", "Virtual memory.", labels=_LABEL),
        "resident": GaugeMetricFamily(
            f"{prefix}resident_memory_bytes", "Memory, with what processes share in each of them.", labels=_LABEL
        ),
        "started": GaugeMetricFamily(f"{prefix}start_time_seconds", "When it began, as Unix time.", labels=_LABEL),
        "seconds": CounterMetricFamily(f"{prefix}cpu_seconds_total", "Processor time, user and system.", labels=_LABEL),
        "open": GaugeMetricFamily(f"{prefix}open_fds", "Open descriptors.", labels=_LABEL),
        "most": GaugeMetricFamily(f"{prefix}max_fds", "How many descriptors it may have.", labels=_LABEL),
    }
    for process in of:
        with suppress(OSError):  # it ended just now
            for name, value in _taken(process).items():
                families[name].add_metric([process.name], value)
    yield from families.values()


def _taken(process: Process) -> dict[str, float]:
    stat = _stat(process.place)
    return {
        "virtual": float(stat[_VIRTUAL]),
        "resident": float(stat[_RESIDENT]) * os.sysconf("SC_PAGE_SIZE"),
        "started": process.started,
        "seconds": (int(stat[_USER]) + int(stat[_SYSTEM])) / os.sysconf("SC_CLK_TCK"),
        "open": float(len(os.listdir(process.place / "fd"))),  # noqa: PTH208  # names alone: there may be thousands
        "most": _most(process.place),
    }


def _stat(place: Path) -> list[str]:
    return (place / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()


def _most(place: Path) -> float:
    lines = (place / "limits").read_text(encoding="ascii").splitlines()
    (limit,) = (line.split()[3] for line in lines if line.startswith("Max open files"))
    return float("inf") if limit == "unlimited" else float(limit)
