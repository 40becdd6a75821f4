"""Disks that are small or fail: one for SQLite that runs anywhere, and a real small one where mounting is allowed."""

import itertools
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apsw
import pytest

_REAL = "unix"
_NUMBERS = itertools.count(1)
_BLOCK = 4096


class Faulty(apsw.VFS):
    """SQLite's default file system from here to `remove`, for databases in `place`; everything passes until told else.

    With `room` the files in `place` may take so many octets together. While `sync_fails` every sync ends with EIO.
    """

    def __init__(self, place: Path) -> None:
        super().__init__(f"faulty-{next(_NUMBERS)}", _REAL, makedefault=True)
        self.place = place
        self.room: int | None = None
        self.sync_fails = False
        self.syncs_failed = 0
        self.written = 0  # since the first sync failed

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's
        return _Opened(self, name, flags)

    def remove(self) -> None:
        """SQLite's own is the default again."""
        self.unregister()

    def free(self) -> int:
        """Octets that are left."""
        assert self.room is not None
        return max(0, self.room - sum(file.stat().st_size for file in self.place.iterdir() if file.is_file()))


class _Opened(apsw.VFSFile):
    def __init__(self, disk: Faulty, name: Any, flags: list[int]) -> None:
        super().__init__(_REAL, name, flags)
        self._disk = disk

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802 - SQLite's
        if self._disk.syncs_failed:
            self._disk.written += 1
        if self._disk.room is not None:
            grows = offset + len(bytes(data)) - self.xFileSize()
            if grows > 0 and grows > self._disk.free():
                raise apsw.FullError("no space left on device")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's
        if self._disk.sync_fails:
            self._disk.syncs_failed += 1
            error = apsw.IOError("input/output error")
            vars(error).update(result=apsw.SQLITE_IOERR, extendedresult=apsw.SQLITE_IOERR_FSYNC)
            raise error
        super().xSync(flags)


@contextmanager
def small(kind: str, place: Path, octets: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory on a disk of so many octets: a real "tmpfs", or one for SQLite alone ("faulty")."""
    where = place / "small"
    where.mkdir()
    if kind == "tmpfs":
        command = ["mount", "-t", "tmpfs", "-o", f"size={octets},mode=0700", "none", str(where)]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
            pytest.skip("no disk may be mounted here; what it shows is shown on a disk that is made up too")
        try:
            yield where
        finally:
            subprocess.run(["umount", "--lazy", str(where)], check=True)
        return
    disk = Faulty(where)
    disk.room = octets
    statvfs = os.statvfs

    def seen(path: Any) -> Any:
        if Path(path) != where:
            return statvfs(path)
        return SimpleNamespace(f_bavail=disk.free() // _BLOCK, f_frsize=_BLOCK)

    monkeypatch.setattr(os, "statvfs", seen)
    try:
        yield where
    finally:
        disk.remove()


def fill(place: Path, leave: int = 0) -> Path:
    """Somebody else's file, which takes all but `leave` octets of a disk. Remove it, and there is room again."""
    file = place / "somebody-elses-file"
    found = os.statvfs(place)
    file.write_bytes(b"x" * max(0, found.f_bavail * found.f_frsize - leave))
    return file
