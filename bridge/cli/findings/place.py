"""The disk and the spool on it: room, owners, who may read what, and whether the database is whole."""

import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import apsw

from bridge.cli.findings import Case, Finding, Level, fail, ok, warn
from bridge.cli.terminal import in_thread
from bridge.config import Configuration
from bridge.message import StoreUnavailable
from bridge.spool import SpoolDamaged, disk

WHILE: Final = 3.0
"""Seconds for which damage is looked for in the database."""

SOME: Final = 1024**3
"""Octets that should be free."""

_MIB: Final = 1024**2
_STEPS: Final = 10_000  # of SQLite's machine between two looks at the clock
_OTHERS_WRITE: Final = stat.S_IWOTH
_BESIDE: Final = ("", "-wal", "-shm", ".lock", ".generation", ".ballast")


async def look(case: Case) -> Sequence[Finding]:
    """Where the spool is a file: its disk, its files and itself; else whether the server answers."""
    url = case.configuration.settings.spool.url
    if url.startswith("postgresql:"):
        return [await _server(case.configuration)]
    path = Path(url.removeprefix("sqlite:"))
    return await in_thread(lambda: [*_room(path, case.configuration), *_files(path), *_database(path)])


async def permissions(case: Case) -> Sequence[Finding]:
    """The configuration's own files; those with secrets were looked at when they were read."""
    settings = case.configuration.settings
    open_to_all = [
        str(path)
        for path in (case.configuration.path, settings.routes, case.configuration.path.parent)
        if path.exists() and path.stat().st_mode & _OTHERS_WRITE and not path.stat().st_mode & stat.S_ISVTX
    ]
    if open_to_all:
        text = f"everybody on this machine may change {', '.join(open_to_all)}"
        return [fail("permissions", text, f"chmod o-w {' '.join(open_to_all)}")]
    return [ok("permissions", "nobody else may change the configuration or read its secrets")]


async def _server(configuration: Configuration) -> Finding:
    from bridge.daemon import visit_store  # noqa: PLC0415  # the whole daemon is behind this: not for --help

    try:
        spool = await visit_store(configuration)
    except (StoreUnavailable, SpoolDamaged) as error:
        return fail("spool", str(error), "see whether the server of spool.url runs and lets this user in")
    try:
        return ok("spool", f"the server answers; deliveries not done: {await spool.open_count()}")
    finally:
        await spool.close()


def _room(path: Path, configuration: Configuration) -> Iterator[Finding]:
    around = path.parent
    if not around.is_dir():
        yield fail("disk", f"{around} is not there", f"make it: install -d -m 700 -o smsbridge -g smsbridge {around}")
        return
    if not os.access(around, os.W_OK | os.X_OK):
        yield warn("disk", f"whoever runs this may not write into {around}", "run this as the user of the service")
    found = disk.Disk(path)
    free = found.free()
    least = max(disk.LEAST, 2 * configuration.settings.smtpd.max_message_size)
    text = f"{free // _MIB} MiB are free in {around}"
    if free < least:
        yield fail("disk", f"{text}: mail and SMS are refused below {least // _MIB}", "make room")
    elif free < SOME:
        yield warn("disk", text, f"make room: below {least // _MIB} MiB mail and SMS are refused")
    elif path.exists() and not found.ballast.exists():
        yield warn("disk", f"{text}, but there is no {found.ballast.name}", "start smsbridge, which puts it there")
    else:
        yield ok("disk", text)


def _files(path: Path) -> Iterator[Finding]:
    if not path.parent.is_dir():
        return
    try:
        disk.refuse_if_open(path)
    except SpoolDamaged as error:
        yield fail("spool files", str(error), "see there; smsbridge serve does not start before")
        return
    owner = path.parent.stat().st_uid
    strange = []
    for file in (path.with_name(path.name + ending) for ending in _BESIDE):
        with suppress(FileNotFoundError):
            if file.stat().st_uid != owner:
                strange.append(str(file))
    if strange:
        text = f"{', '.join(strange)} belong to somebody else than {path.parent}"
        yield fail("spool files", text, f"chown --reference={path.parent} {' '.join(strange)}")
    else:
        yield ok("spool files", f"they and {path.parent} have the same owner, and nobody else may read them")


def _database(path: Path) -> Iterator[Finding]:
    if not path.exists():
        yield warn("spool", f"{path} does not exist yet", "start smsbridge once: systemctl start smsbridge")
        return
    log, shared = (path.with_name(path.name + ending) for ending in ("-wal", "-shm"))
    in_use = log.exists()
    if in_use and not shared.exists():
        text = f"{path} was not closed by whoever had it last; the next start reads its log"
        yield warn("spool", text, "start smsbridge: systemctl start smsbridge")
        return
    found = _looked(path, in_use=in_use)
    if found.level is Level.FAIL and not in_use and log.exists():  # a bridge was started meanwhile, and wrote
        found = _looked(path, in_use=True)
    yield found


def _looked(path: Path, *, in_use: bool) -> Finding:
    try:
        return _whole(path, in_use=in_use)
    except (apsw.NotADBError, apsw.CorruptError) as error:
        return _damaged(path, str(error))
    except apsw.CantOpenError:
        return warn("spool", f"{path} cannot be opened by whoever runs this", "run this as the user of the service")
    except apsw.Error as error:
        return fail("spool", f"{path}: {error}", f"see which other program has it open: fuser -v {path}")


def _whole(path: Path, *, in_use: bool) -> Finding:
    """Reads only, and not for long: a queue of gigabytes is not read to its end.

    A file that nobody has open is read as one that nobody changes: else SQLite would leave files beside it that belong
    to whoever looked, and keep the service out.
    """
    how = "mode=ro" if in_use else "mode=ro&immutable=1"
    db = apsw.Connection(f"file:{_quoted(path)}?{how}", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    try:
        db.set_busy_timeout(1000)
        until = time.monotonic() + WHILE
        db.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
        try:
            found = str(db.pragma("quick_check", 1))
        except apsw.InterruptError:
            return ok("spool", f"{path.stat().st_size // _MIB} MiB, no damage in what was read in {WHILE:g} s")
    finally:
        db.close()
    if found != "ok":
        return _damaged(path, found)
    return ok("spool", f"{path.stat().st_size / _MIB:.1f} MiB, no damage")


def _quoted(path: Path) -> str:
    return str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _damaged(path: Path, why: str) -> Finding:
    return fail(
        "spool", f"{path} is damaged: {why}", 'see docs/operate.md, "When something breaks": put a backup in its place'
    )
