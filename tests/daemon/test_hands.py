"""Processes beside the daemon."""

import os
import socket
import sys

import pytest

from bridge import log
from bridge.daemon.hands import fork, reap


def test_what_breaks_a_worker_is_logged(capfd: pytest.CaptureFixture[str]) -> None:
    def broken(_link: socket.socket, _doorway: socket.socket) -> None:
        raise RuntimeError("no room for the worker")

    log.configure(json=True, stream=sys.stderr)
    (hand,) = fork(1, broken)
    _, status = os.waitpid(hand.pid, 0)
    hand.link.close()
    hand.doorway.close()
    assert os.waitstatus_to_exitcode(status) == 1
    assert "no room for the worker" in capfd.readouterr().err


def test_processes_that_do_not_end_are_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.daemon.hands.LAST_WORDS", 0.1)
    hands = fork(2, _stubborn)
    reap([hand.pid for hand in hands])
    for hand in hands:
        hand.link.close()
        hand.doorway.close()
        with pytest.raises(ChildProcessError):
            os.waitpid(hand.pid, 0)


def _stubborn(link: socket.socket, _: socket.socket) -> None:
    link.setblocking(True)
    link.recv(1)
