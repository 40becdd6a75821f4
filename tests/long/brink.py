"""Ends a program directly before its n-th sync, send or receive, whichever of its threads and children makes it.

`python -m tests.long.brink LIST KIND NUMBER PROGRAM ARGUMENT…` becomes the program, with the same pid, and a tracer
beside it writes each call of that kind to LIST before the kernel does it: "number thread call what". KIND is "sync", or
"talk" for sends and receives on sockets that lead out of the process; NUMBER 0 ends nothing.

strace can do nearly that, but counts for each thread: a call in one thread is never reached when another thread makes
as many before. Here a filter (seccomp) stops the threads at the calls in question and at no others, so the program runs
almost as fast as it does alone.
"""

import ctypes
import os
import platform
import signal
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

SYNC, TALK = "sync", "talk"

_NAMES = {
    SYNC: ("fsync", "fdatasync", "sync", "syncfs", "sync_file_range"),
    TALK: (
        *("read", "write", "readv", "writev", "sendto", "recvfrom", "sendmsg", "recvmsg"),
        *("sendfile", "sendmmsg", "recvmmsg"),
    ),
}
_NUMBERS = {
    "x86_64": {SYNC: (74, 75, 162, 306, 277), TALK: (0, 1, 19, 20, 44, 45, 46, 47, 40, 307, 299)},
    "aarch64": {SYNC: (82, 83, 81, 267, 84), TALK: (63, 64, 65, 66, 206, 207, 211, 212, 71, 269, 243)},
}
"""Of system calls, in the order of their names (Linux: syscall_64.tbl and asm-generic/unistd.h)."""

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _PR_SET_PTRACER = 38, 22, 0x59616D61
_FILTER_MODE, _ALLOW, _TRACE = 2, 0x7FFF0000, 0x7FF00000
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_CONTINUE, _SEIZE, _LISTEN, _SYSCALL_INFO = 7, 0x4206, 0x4208, 0x420E
_OPTIONS = 0x2 | 0x4 | 0x8 | 0x80 | 0x100000  # fork, vfork, clone, seccomp; and all end when the tracer does
_EVENT_SECCOMP, _EVENT_STOP = 7, 128
_WALL = 0x40000000
_STOPS = {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
_libc.ptrace.restype = ctypes.c_long


class _Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def calls(kind: str) -> dict[int, str]:
    """Names of the system calls of a kind on this machine. Raises KeyError where nobody has looked them up."""
    return dict(zip(_NUMBERS[platform.machine()][kind], _NAMES[kind], strict=True))


def main(arguments: Sequence[str]) -> None:
    """Become the program."""
    listed, kind, number, *command = arguments
    seized, tell = os.pipe()
    watched = os.getpid()
    tracer = os.fork()
    if tracer == 0:
        code = 1
        try:
            os.close(seized)
            _Tracer(Path(listed), kind, int(number), watched, tell).run()
            code = 0
        finally:
            os._exit(code)
    os.close(tell)
    _libc.prctl(_PR_SET_PTRACER, tracer, 0, 0, 0)  # where only descendants may be traced; unknown elsewhere
    assert os.read(seized, 1) == b"+", "the tracer could not begin"
    os.close(seized)
    _stop_at(calls(kind))
    os.execvp(command[0], command)  # noqa: S606 # that is its purpose


def _stop_at(numbers: dict[int, str]) -> None:
    """From now on each such call of this process, and of all that come from it, goes to the tracer first."""
    code = [(_LOAD, 0, 0, 0)]
    code += [(_JUMP_IF_EQUAL, len(numbers) - at, 0, number) for at, number in enumerate(numbers)]
    code += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _TRACE)]
    program = _Program(len(code), b"".join(struct.pack("=HBBI", *one) for one in code))
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if _libc.prctl(_PR_SET_SECCOMP, _FILTER_MODE, ctypes.byref(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no filter for system calls")


class _Tracer:
    """Counts, and ends what it watches."""

    def __init__(self, listed: Path, kind: str, number: int, watched: int, tell: int) -> None:
        self._list = os.open(listed, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._kind, self._number, self._watched, self._tell = kind, number, watched, tell
        self._names = calls(kind)
        self._count = 0
        self._threads = {watched}
        self._peers: dict[str, str] = {}

    def run(self) -> None:
        """Until nothing is left to watch."""
        for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(ignored, signal.SIG_IGN)
        while self._tell >= 0:
            self._seize()
        while True:
            try:
                thread, status = os.waitpid(-1, _WALL)
            except ChildProcessError:
                return
            if not os.WIFSTOPPED(status):
                self._threads.discard(thread)
                continue
            self._threads.add(thread)
            event, number, given = status >> 16, os.WSTOPSIG(status), 0
            if event == _EVENT_SECCOMP:
                self._look(thread)
            elif event == _EVENT_STOP and number in _STOPS:
                _libc.ptrace(_LISTEN, thread, None, None)
                continue
            elif event == 0:
                given = number  # a signal on its way
            _libc.ptrace(_CONTINUE, thread, None, given)

    def _seize(self) -> None:
        if _libc.ptrace(_SEIZE, self._watched, None, _OPTIONS) != 0:
            if os.getppid() != self._watched:
                os._exit(1)
            return  # it has not allowed it yet
        os.write(self._tell, b"+")
        os.close(self._tell)
        self._tell = -1

    def _look(self, thread: int) -> None:
        """A call is about to begin."""
        info = ctypes.create_string_buffer(88)
        if _libc.ptrace(_SYSCALL_INFO, thread, len(info), ctypes.addressof(info)) <= 0:
            return  # it has just ended
        call, file = struct.unpack_from("=QQ", info.raw, 24)  # ptrace_syscall_info: nr and the first argument
        what = self._what(thread, file & 0xFFFFFFFF)
        if not what:
            return
        self._count += 1
        os.write(self._list, f"{self._count} {thread} {self._names[call]} {what}\n".encode())
        if self._count == self._number:
            for one in self._threads:
                try:
                    os.kill(one, signal.SIGKILL)
                except ProcessLookupError:
                    continue

    def _what(self, thread: int, file: int) -> str:
        """The path of a file, the ports of a connection; "" for what is not counted."""
        try:
            name = str(Path(f"/proc/{thread}/fd/{file}").readlink())
        except OSError:
            return ""  # no file at all: the call will fail
        if self._kind == SYNC:
            return name
        if not name.startswith("socket:"):
            return ""
        if name not in self._peers:
            self._peers[name] = _peer(thread, name.removeprefix("socket:[").removesuffix("]"))
        return self._peers[name]


def _peer(thread: int, inode: str) -> str:
    """The ports of a connection, ours first; "" for a pair of sockets within the process."""
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{thread}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            _, ours, theirs, *others = line.split()
            if others[6] == inode:
                return f"TCP {int(ours.rpartition(':')[2], 16)} {int(theirs.rpartition(':')[2], 16)}"
    pairs = Path(f"/proc/{thread}/net/unix").read_text(encoding="utf-8", errors="replace")
    return "" if any(line.split()[6] == inode for line in pairs.splitlines()[1:]) else "another socket"


if __name__ == "__main__":
    main(sys.argv[1:])
