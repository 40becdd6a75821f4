"""A disk that loses its power: SQLite works on real files, and beside them stands what would survive a cut.

Every file has two views. The programs see the real one. The other holds what was synced; what was written since then
is kept in a list, and at the cut a random part of that list survives: nothing, all, the oldest writes, some of them,
or some sectors of them, with rubbish in the torn ones. Names are told from contents: a file made or removed is so for
certain only once its directory was synced, and SQLite does that with the first sync of a new journal or WAL, not when
it removes one. Each file and each name decides for itself, so everything may come out of order.

What is written over is damaged only where it is written: like SQLite, this believes in "powersafe overwrite".
"""

import itertools
import random
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

SECTORS = (512, 4096)
_REAL = "unix"
_NUMBERS = itertools.count(1)
_WITH_NAMES = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_WAL
"""Files with whose first sync SQLite syncs the directory."""

_ENDINGS = ("", "-journal", "-wal")


@dataclass(slots=True, eq=False)
class _File:
    kept: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)  # (offset, octets) or (new size, None)

    def settle(self) -> None:
        for change in self.pending:
            _apply(self.kept, *change)
        self.pending.clear()


class Disk(apsw.VFS):
    """SQLite's default file system from here to `remove`, with one database in `place`.

    The power goes at the `cut_at`-th write, sync, truncation or removal, or at the `cut_at`-th sync. With `lies` it
    says that it synced and did not.
    """

    def __init__(
        self, place: Path, name: str, chance: random.Random, *, cut_at: int, at_sync: bool = False, lies: bool = False
    ) -> None:
        # Not one name for all: apsw lets go of a file system only with the last connection that used it.
        super().__init__(f"cut-{next(_NUMBERS)}", _REAL, makedefault=True)
        self.syncs = 0
        self.done = 0
        self.survivors: dict[str, bytes] | None = None  # by name, once the power is gone
        self._place = place
        self._chance = chance
        self._cut_at = cut_at
        self._at_sync = at_sync
        self._lies = lies
        self._lock = threading.RLock()
        # What was there when the power came is there for certain; an empty file was made a moment ago.
        there = [Path(place, name + ending) for ending in _ENDINGS]
        self._seen = {str(path): _File(bytearray(path.read_bytes())) for path in there if path.exists()}
        self._certain = {path: file for path, file in self._seen.items() if file.kept}
        self._names = frozenset(map(str, there))

    def remove(self) -> None:
        """SQLite's own is the default again."""
        self.unregister()

    def cut(self) -> None:
        """The power goes now, if it is not gone."""
        with self._lock:
            if self.survivors is None:
                self.survivors = self._what_survives()

    def lay_down(self, place: Path) -> None:
        """Write what survived into another directory."""
        assert self.survivors is not None
        for path, content in self.survivors.items():
            file = Path(place, Path(path).name)
            file.touch(mode=0o600)  # a spool that others may read is refused
            file.write_bytes(content)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path not in self._names:
            return apsw.VFSFile(_REAL, name, flags)
        assert path is not None
        opened = _Opened(self, name, path, flags)
        with self._lock:
            if path not in self._seen:
                self._seen[path] = _File()
        return opened

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802 - SQLite's
        with self._lock:
            if filename in self._seen:
                del self._seen[filename]
                self._count(apsw.SQLITE_IOERR_DELETE)
            super().xDelete(filename, syncdir)
            if syncdir:
                self._sync_names()

    def changed(self, path: str, at: int, octets: bytes | None) -> None:
        """A write, or a truncation; raises where the power goes."""
        with self._lock:
            self._seen[path].pending.append((at, octets))
            self._count()

    def synced(self, path: str, *, names: bool) -> None:
        """Raises where the power goes, and then nothing was synced."""
        with self._lock:
            self._count(apsw.SQLITE_IOERR_FSYNC)
            if not self._lies:
                self._seen[path].settle()
                if names:
                    self._sync_names()

    def is_certain(self, path: str) -> bool:
        """Whether the name stands in the directory for good."""
        return path in self._certain

    def _sync_names(self) -> None:
        if not self._lies:
            self._certain = dict(self._seen)

    def _count(self, failing: int = apsw.SQLITE_IOERR_WRITE) -> None:
        if self.survivors is None:
            self.done += 1
            self.syncs += failing == apsw.SQLITE_IOERR_FSYNC
            if (self.syncs if self._at_sync else self.done) >= self._cut_at:
                self.cut()
        if self.survivors is not None:
            error = apsw.IOError("the power is gone")
            vars(error).update(result=apsw.SQLITE_IOERR, extendedresult=failing)
            raise error

    def _what_survives(self) -> dict[str, bytes]:
        how = self._chance.choice(("nothing", "all", "all", "oldest", "some", "sectors", "sectors", "rubbish"))
        found = {}
        for path in sorted(self._seen.keys() | self._certain.keys()):
            file = self._chance.choice([self._seen.get(path), self._certain.get(path)])
            if file is not None:
                found[path] = _survivor(file, how, self._chance)
        return found


class _Opened(apsw.VFSFile):
    """One open file; what is read comes from the real one."""

    def __init__(self, disk: Disk, name: Any, path: str, flags: list[int]) -> None:
        super().__init__(_REAL, name, flags)
        self._disk = disk
        self._path = path
        self._with_names = bool(flags[0] & _WITH_NAMES)

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802 - SQLite's
        self._disk.changed(self._path, offset, bytes(data))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - SQLite's
        self._disk.changed(self._path, newsize, None)
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's; the real disk has no part in this
        self._disk.synced(self._path, names=self._with_names and not self._disk.is_certain(self._path))


def _survivor(file: _File, how: str, chance: random.Random) -> bytes:
    content = bytearray(file.kept)
    oldest = chance.randint(0, len(file.pending))
    sector = chance.choice(SECTORS)
    for number, (at, octets) in enumerate(file.pending):
        if how == "all" or (how == "oldest" and number < oldest):
            _apply(content, at, octets)
        elif how in {"some", "sectors", "rubbish"}:
            if octets is None or how == "some":
                if chance.random() < 0.5:
                    _apply(content, at, octets)
            else:
                for start, piece in _sectors(at, octets, sector):
                    if chance.random() < 0.5:
                        _apply(content, start, piece)
                    elif how == "rubbish" and chance.random() < 0.3:
                        _apply(content, start, chance.randbytes(len(piece)))
    return bytes(content)


def _sectors(at: int, octets: bytes, size: int) -> list[tuple[int, bytes]]:
    """A write in the pieces in which a drive does it."""
    borders = [at, *range((at // size + 1) * size, at + len(octets), size), at + len(octets)]
    return [(start, octets[start - at : end - at]) for start, end in itertools.pairwise(borders)]


def _apply(content: bytearray, at: int, octets: bytes | None) -> None:
    if octets is None:
        del content[at:]
        return
    if len(content) < at:
        content.extend(bytes(at - len(content)))
    content[at : at + len(octets)] = octets
