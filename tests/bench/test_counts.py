"""What a mail costs, in figures that do not depend on the speed of a machine: commits, statements, calls, instructions.

The bounds are about twice what was counted when they were written, so that only a change of kind breaks them. Whoever
makes the bridge cheaper may lower them.
"""

import asyncio
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest

from bridge.daemon import Daemon
from bridge.spool import Accepted, Intake
from bridge.spool.sqlite import SqliteSpool
from tests.bench import bridges
from tests.bench.generators import volley
from tests.bench.processes import ROOT
from tests.bench.sinks import Sink, provider
from tests.flows.relays import missing
from tests.wait import until, until_async

MAILS = 200
CONNECTIONS = 50

COMMITS = 4
"""Taken in, begun, settled: twice what one mail costs that shares no commit with others, as on a very fast disk."""

STATEMENTS = 25
DIALOGUES = 45
"""System calls that are not for the disk, both conversations of a mail together: with its sender and the provider."""

PAGES, ON_DISK = 15, 20
"""System calls for the disk: of one mail, two for each page of the database that it changes, and of one commit."""

INSTRUCTIONS = 1_500_000

_VALGRIND = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
_DISK = {"pread64", "pwrite64", "fcntl", "fsync", "fdatasync", "ftruncate"}
_WAITING = {"futex", "restart_syscall", "sched_yield", "epoll_wait", "epoll_pwait"}
"""Called as often as somebody has to wait: less under load, more on a slow machine."""


@asynccontextmanager
async def _daemon(place: Path, behind: Sink) -> AsyncIterator[tuple[Daemon, SqliteSpool, int]]:
    """A bridge in this process, its spool, and its port."""
    files = bridges.configured(place, provider=behind.port)
    daemon = Daemon(place / "bridge.toml", grace=1.0)
    await daemon.start()
    try:
        spool = daemon._spool
        assert isinstance(spool, SqliteSpool)
        yield daemon, spool, files.port
    finally:
        await daemon.stop()


async def test_mails_that_wait_for_the_disk_share_a_commit(tmp_path: Path) -> None:
    async with provider() as behind:
        await behind.set(status=401)  # nothing but taking mail
        async with _daemon(tmp_path, behind) as (_, spool, port):
            await volley(port, 1, 1, "pauses")
            await until_async(lambda: _is_paused(behind), "the account is paused")
            asked = _asked(spool)
            commits = 0
            for turn in range(MAILS // CONNECTIONS):
                commits += await _commits_of_a_crowd(spool, asked, port, turn)
    assert commits <= MAILS / 10, f"{commits} commits for {MAILS} mails"


def _asked(spool: SqliteSpool) -> list[str]:
    """The ids of mails that wait or waited for their commit, from now on."""
    ids: list[str] = []
    accept = spool.accept

    async def accepting(intake: Intake) -> Accepted:
        ids.append(intake.id)
        return await accept(intake)

    setattr(spool, "accept", accepting)  # noqa: B010  # watched, not replaced
    return ids


async def _is_paused(behind: Sink) -> bool:
    return await behind.requests() > 0


async def _commits_of_a_crowd(spool: SqliteSpool, asked: list[str], port: int, turn: int) -> int:
    """The commits of as many mails as there are connections, all of which came while one commit was under way."""
    writer = spool.writer
    disk, stands = threading.Event(), threading.Event()

    def slow(_: apsw.Connection) -> None:
        stands.set()
        disk.wait(60)

    commit = asyncio.create_task(writer.run(slow))
    await until(stands.is_set, "a commit is under way")
    before, earlier = writer.commits, len(asked)
    crowd = asyncio.create_task(volley(port, CONNECTIONS, CONNECTIONS, f"crowd{turn}"))
    try:
        await until(lambda: len(asked) - earlier >= CONNECTIONS, "all mails wait for it")
    finally:
        disk.set()
    await asyncio.gather(commit, crowd)
    return writer.commits - before


async def test_statements_and_commits_of_a_mail_are_few(tmp_path: Path) -> None:
    said: Counter[str] = Counter()

    def count(_cursor: apsw.Cursor, sql: str, _bindings: Any) -> bool:
        said[" ".join(sql.split()[:3])] += 1
        return True

    async with provider() as behind, _daemon(tmp_path, behind) as (_, spool, port):
        await _delivered(spool, behind, port, "warm", CONNECTIONS)
        await spool.writer.run(lambda db: db.set_exec_trace(count))
        before = spool.writer.commits
        await _delivered(spool, behind, port, "counted", CONNECTIONS + MAILS)
        commits = spool.writer.commits - before
    print(said)
    assert sum(said.values()) <= MAILS * STATEMENTS, said
    assert commits <= MAILS * COMMITS + 10, commits  # and looking for work now and then


async def test_a_lone_mail_is_taken_in_and_begun_in_one_commit(tmp_path: Path) -> None:
    transactions: list[list[str]] = [[]]

    def note(_cursor: apsw.Cursor, sql: str, _bindings: Any) -> bool:
        if sql.startswith("BEGIN"):
            transactions.append([])
        transactions[-1].append(sql)
        return True

    async with provider() as behind, _daemon(tmp_path, behind) as (_, spool, port):
        await _delivered(spool, behind, port, "warm", 1)
        await spool.writer.run(lambda db: db.set_exec_trace(note))
        for number in range(10):
            await _delivered(spool, behind, port, f"lone{number}", number + 2)
    taken = [one for one in transactions if any("INSERT INTO deliveries" in sql for sql in one)]
    begun = [one for one in taken if any("'sending'" in sql for sql in one)]
    assert len(taken) == 10
    assert len(begun) >= 5, transactions  # not where the agent was looking for work just then


async def _delivered(spool: SqliteSpool, behind: Sink, port: int, run: str, total: int) -> None:
    """Send mails until the provider has `total` of them, and all of that is written down."""
    await volley(port, total - await behind.count(), CONNECTIONS, run)
    await behind.reached(total)

    async def nothing_open() -> bool:
        return await spool.open_count() == 0

    await until_async(nothing_open, "everything is settled")


async def test_system_calls_of_a_mail_are_few(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        missing("strace is not installed")
    async with provider() as behind, bridges.bridge(tmp_path, provider=behind.port) as running:
        await volley(running.port, CONNECTIONS, CONNECTIONS, "warm")
        await behind.reached(CONNECTIONS)
        counted, said = tmp_path / "calls", tmp_path / "strace"
        with said.open("wb") as words:
            tracer = subprocess.Popen(
                [strace, "-f", "-c", "-o", str(counted), "-p", str(running.pids[0])], stderr=words, stdout=words
            )
        try:
            await until(lambda: b"attached" in said.read_bytes() or tracer.poll() is not None, "strace looks on")
            if tracer.poll() is not None:
                missing(f"strace may not look at another process: {said.read_text(encoding='utf-8')}")
            await volley(running.port, MAILS, CONNECTIONS, "counted")
            await behind.reached(CONNECTIONS + MAILS)
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait(60)
        calls = _calls(counted.read_text(encoding="utf-8"))
    print(calls)
    syncs = calls["fsync"] + calls["fdatasync"]
    assert 0 < syncs <= MAILS * COMMITS, calls
    assert sum(calls[name] for name in _DISK) <= MAILS * PAGES + syncs * ON_DISK, calls
    assert 0 < sum(calls[name] for name in calls.keys() - _DISK - _WAITING) <= MAILS * DIALOGUES, calls


def _calls(table: str) -> Counter[str]:
    """Names and numbers of `strace -c`."""
    rows = re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$", table, re.MULTILINE)
    return Counter({name: int(number) for number, name in rows if name != "total"})


@pytest.mark.timeout(300)  # seven seconds each on a machine that does nothing else
def test_instructions_of_reading_and_translating_a_mail_are_few() -> None:
    if shutil.which("valgrind") is None:
        missing("valgrind is not installed")
    less, more = _instructions(100), _instructions(200)
    assert 0 < (more - less) / 100 <= INSTRUCTIONS, f"{(more - less) / 100:.0f} instructions a mail"


def _instructions(mails: int) -> int:
    """Of a Python that reads and translates so many."""
    ended = subprocess.run(
        [*_VALGRIND, sys.executable, "-m", "tests.bench.counted", str(mails)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert ended.returncode == 0, ended.stderr
    found = re.search(r"Collected : (\d+)", ended.stderr)
    assert found is not None, ended.stderr
    return int(found[1])
