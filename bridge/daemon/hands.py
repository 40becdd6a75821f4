"""Processes beside the daemon, as processes: forked before anything runs, gone with it, reaped at the end."""

import ctypes
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from bridge.log import get_logger

LAST_WORDS: Final = 5.0
"""Seconds that a process which was told to end has for it."""

_PR_SET_PDEATHSIG: Final = 1  # prctl(2)
_FOR_THE_DAEMON: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """A worker process that waits for its daemon: this side of its link and of its doorway."""

    pid: int
    link: socket.socket
    doorway: socket.socket


def fork(number: int, inside: Callable[[socket.socket, socket.socket], None]) -> list[Hand]:
    """So many processes, each in `inside` until it ends. To be called before there is a loop or a thread."""
    hands: list[Hand] = []
    for _ in range(number):
        link, far_link = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        doorway, far_doorway = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for each in (link, doorway, far_link, far_doorway):
            each.setblocking(False)
        signal.pthread_sigmask(signal.SIG_BLOCK, _FOR_THE_DAEMON)  # one that came now would end the new process
        daemon, pid = os.getpid(), os.fork()
        if pid == 0:
            code = 1
            try:
                _belong_to(daemon)
                for other in (*hands, Hand(pid=0, link=link, doorway=doorway)):  # or they would never seem closed
                    other.link.close()
                    other.doorway.close()
                inside(far_link, far_doorway)
                code = 0
            except Exception:  # noqa: BLE001  # nobody is above to tell
                get_logger("daemon").critical("giving up", reason="a process beside the daemon broke", exc_info=True)
            finally:
                os._exit(code)  # nothing of what the daemon wants done at its end
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _FOR_THE_DAEMON)
        far_link.close()
        far_doorway.close()
        hands.append(Hand(pid=pid, link=link, doorway=doorway))
    return hands


def _belong_to(daemon: int) -> None:
    """This process ends when the daemon wants, or with it: even a stopped one, which holds the ports that the next
    daemon needs.
    """
    for number in _FOR_THE_DAEMON:
        signal.signal(number, signal.SIG_IGN)  # a terminal and systemd tell the whole group; the daemon tells us
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _FOR_THE_DAEMON)
    with suppress(Exception):  # where it cannot be called the closed link ends us, unless we hang
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != daemon:  # it was gone before
        os._exit(1)


def reap(pids: Sequence[int]) -> None:
    """Wait for processes that were told to end; who does not is ended."""
    until = time.monotonic() + LAST_WORDS
    for pid in pids:
        while not _has_ended(pid):
            if time.monotonic() >= until:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)


def _has_ended(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG) != (0, 0)
    except ChildProcessError:  # whoever started us ignores SIGCHLD, so the kernel forgot it at once
        return True
