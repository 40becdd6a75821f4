"""The disk under the spool: who may read it, who works on it, how much room is left, and a ballast to throw out.

A full disk blocks an UPDATE too, and then nobody can write down that an SMS was sent. So the doors close long before,
and some room is kept in a file that is given up when it is needed, by outcomes alone, since the doors are closed.
"""

import fcntl
import os
import stat
from contextlib import suppress
from pathlib import Path

from bridge.message import StoreUnavailable
from bridge.spool import SpoolDamaged, SpoolLocked

LEAST = 64 * 1024 * 1024
"""Octets that must be free for the doors to take anything; twice the largest mail, where that is more."""

BALLAST = 16 * 1024 * 1024
"""Octets; the log of the database stays at about half of it."""


_BESIDE = ("", "-wal", "-shm", ".lock", ".generation", ".ballast")
_OTHERS = 0o027  # the owner, and a group that may only read


def make(path: Path, *, command: bool) -> None:
    """Make the file unless it is there; raises `SpoolDamaged` where others may read it, and `StoreUnavailable`."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        if not command:  # whoever runs one sees why the daemon does not start
            refuse_if_open(path)
    except OSError as error:
        raise StoreUnavailable(f"the spool {path} cannot be made: {error.strerror}") from error


def refuse_if_open(path: Path) -> None:
    """Raises `SpoolDamaged` where others may read the spool, or put another file in its place."""
    for file in (path.with_name(path.name + ending) for ending in _BESIDE):
        with suppress(FileNotFoundError):
            mode = file.stat().st_mode
            if mode & _OTHERS:
                said = f"{file} can be read or changed by others (mode {stat.S_IMODE(mode):04o})"
                raise SpoolDamaged(f"{said}; allow its owner and at most its group to read: chmod 640")
    mode = path.parent.stat().st_mode
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        said = f"everybody may put files into {path.parent} (mode {stat.S_IMODE(mode):04o})"
        raise SpoolDamaged(f"{said}, where the spool is: chmod o-w")


def lock(path: Path) -> int:
    """Take the lock that only one daemon may hold; the descriptor keeps it. Raises `SpoolLocked`."""
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise SpoolLocked(f"another smsbridge works on the spool {path}") from None
    return descriptor


class Disk:
    """The file system of the spool at `path`, and the ballast beside the spool."""

    def __init__(self, path: Path) -> None:
        self._place = path.parent
        self.ballast = path.with_name(f"{path.name}.ballast")

    def free(self) -> int:
        """Octets that are left for us. Raises OSError."""
        found = os.statvfs(self._place)
        return found.f_bavail * found.f_frsize

    def is_low(self, largest: int) -> bool:
        """Whether the doors must be closed, where the largest mail has so many octets."""
        try:
            return self.free() < max(LEAST, 2 * largest)
        except OSError:
            return True

    def load(self) -> bool:
        """Take ballast in if there is room for it beside what must be free; False: there is none now."""
        if self._has_ballast():
            return True
        try:
            if self.free() < LEAST + 2 * BALLAST:
                return False
            with os.fdopen(os.open(self.ballast, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
                os.posix_fallocate(file.fileno(), 0, BALLAST)
                os.fsync(file.fileno())
        except OSError:
            self.drop()
            return False
        return True

    def drop(self) -> bool:
        """Give the ballast up; False: there was none."""
        had = self._has_ballast()
        with suppress(OSError):
            self.ballast.unlink(missing_ok=True)
        return had and not self._has_ballast()

    def _has_ballast(self) -> bool:
        try:
            return self.ballast.stat().st_size >= BALLAST
        except OSError:
            return False
