"""A copy of a SQLite spool that is in use: whole, checked, and there at once or not at all.

What the copy holds as waiting may be sent a second later. So the spool is counted up (`bridge.spool.generation`) after
the copy is made and before it appears: whoever puts it in place starts with that held.
"""

import asyncio
import os
import stat
from pathlib import Path

import apsw

from bridge.message import StoreUnavailable
from bridge.spool import SpoolDamaged
from bridge.spool.sqlite import SqliteSpool


class NotAPlace(Exception):
    """Where a backup cannot go, in a sentence."""


async def backup(spool: SqliteSpool, file: Path) -> int:
    """Copy a spool to `file`, readable to its owner alone; an earlier backup there is replaced. Its octets.

    Raises `NotAPlace`, `SpoolDamaged` for a spool that is damaged, `StoreUnavailable`, and OSError.
    """
    _check(spool.path, file)
    part = file.with_name(f"{file.name}.part")
    try:
        await asyncio.to_thread(_copy, spool.path, part)
        await spool.advance()
        size = part.stat().st_size
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    directory = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return size


def _check(path: Path, file: Path) -> None:
    if file.parent.resolve() == path.parent.resolve() and file.name.startswith(path.name):
        raise NotAPlace(f"{file}: this name belongs to the spool itself")
    if file.exists() and not stat.S_ISREG(file.lstat().st_mode):
        raise NotAPlace(f"{file} is there and no file")


def _copy(path: Path, part: Path) -> None:
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        source, target = apsw.Connection(str(path)), apsw.Connection(str(part))
        try:
            source.set_busy_timeout(5000)
            # In one step, so that it is one moment's state however much is written meanwhile.
            with target.backup("main", source, "main") as copying:
                copying.step()
            target.execute("PRAGMA journal_mode = DELETE").fetchall()  # one file, with nothing beside it
            found = str(target.pragma("quick_check", 1))
        finally:
            target.close()
            source.close()
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise SpoolDamaged(f"{path} is damaged, no backup was made: {error}") from error
    except apsw.Error as error:
        raise StoreUnavailable(f"no backup was made: {type(error).__name__}: {error}") from error
    if found != "ok":
        raise SpoolDamaged(f"{path} is damaged, no backup was made: {found}")
    copied = os.open(part, os.O_RDWR)
    try:
        os.fsync(copied)
    finally:
        os.close(copied)
