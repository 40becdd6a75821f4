"""Processes beside the daemon, forked in a program of their own: here are threads, whose locks would be inherited."""

import subprocess
import sys

from tests.flows.program import ROOT
from tests.wait import PATIENCE

BROKEN = """
import os
from bridge import log
from bridge.daemon.hands import fork

def broken(link, doorway):
    raise RuntimeError("no room for the worker")

log.configure(json=True)
(hand,) = fork(1, broken)
print(os.waitstatus_to_exitcode(os.waitpid(hand.pid, 0)[1]))
"""

STUBBORN = """
import os
from bridge.daemon import hands

def stubborn(link, doorway):
    link.setblocking(True)
    link.recv(1)

hands.LAST_WORDS = 0.1
forked = hands.fork(2, stubborn)
hands.reap([hand.pid for hand in forked])
for hand in forked:
    hand.link.close()
    hand.doorway.close()
    try:
        os.waitpid(hand.pid, 0)
    except ChildProcessError:
        print("reaped")
"""


def ran(program: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-W", "error", "-c", program]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=True)


def test_what_breaks_a_worker_is_logged() -> None:
    done = ran(BROKEN)
    assert done.stdout.split() == ["1"]
    assert "no room for the worker" in done.stderr


def test_processes_that_do_not_end_are_ended() -> None:
    done = ran(STUBBORN)
    assert (done.stdout.split(), done.stderr) == (["reaped"] * 2, "")
