"""Whether the database is the newest state of its spool, or an older copy that was put in its place.

An older copy holds as queued what went long ago, and would send it again. So a number is counted up in the database and
then in a small file beside it: at every start and stop, after every backup, and every minute in which something
changed. A database whose number is below the file's is older than what ran here; one with another name belongs
somewhere else. Without the file nobody can tell: whoever rolled back the whole machine removes it, and the start is as
careful as after a copy.
"""

import fcntl
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

import apsw

from bridge.message import State, StoreUnavailable
from bridge.spool import Step, deliveries

Seen = tuple[int, int]

HELD = "restored"
"""The code of deliveries that are held since the spool is an older copy."""

_WHY = "the spool is an older copy: this may have been sent already"
_LINE = re.compile(r"([0-9a-f]{16}) ([0-9]{1,18})\n")


def file_of(path: Path) -> Path:
    """The file beside the database at `path`."""
    return path.with_name(f"{path.name}.generation")


def is_older(db: apsw.Connection, path: Path) -> bool:
    """Whether the database at `path` is not the one that ran here last. Raises `StoreUnavailable`."""
    spool, number = _in_database(db)
    try:
        written = _in_file(path)
    except FileNotFoundError:
        return number > 0  # a new one has none yet
    except OSError as error:
        raise StoreUnavailable(f"{file_of(path)} cannot be read: {error.strerror}") from error
    return written is None or written[0] != spool or written[1] > number


def hold(db: apsw.Connection, now: float) -> int:
    """Hold every SMS that waits; how many. What was under way becomes unknown, as after a crash."""
    rows = db.execute("SELECT id FROM deliveries WHERE state = 'queued' AND channel = 'sms'").fetchall()
    return sum(
        deliveries.move(db, Step(id=str(row[0]), to=State.HELD, event="held", code=HELD, text=_WHY), now)
        for row in rows
    )


def advance(db: apsw.Connection, path: Path) -> str:
    """Count up in the database, above what the file says; gives the line that `write` then puts into the file."""
    spool, number = _in_database(db)
    written = None
    with suppress(OSError):
        written = _in_file(path)
    number = max(number, written[1] if written is not None else 0) + 1
    db.execute(
        "INSERT INTO generation (spool, number, probes) VALUES (?1, ?2, 0) ON CONFLICT DO UPDATE SET number = ?2",
        (spool, number),
    )
    return f"{spool} {number}\n"


def seen(db: apsw.Connection) -> Seen:
    """Another one as soon as anything changed, by this connection or by a command's."""
    return db.total_changes(), int(db.pragma("data_version"))


def write(path: Path, line: str) -> None:
    """Put a line of `advance` into the file, once it is committed; on disk when this returns. Raises OSError.

    The daemon and a command may do so at the same time: the higher number stays.
    """
    file = file_of(path)
    directory = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        if _is_news(path, line):
            new = file.with_name(f"{file.name}.new")
            _write(new, line, path.stat())
            new.replace(file)
            os.fsync(directory)
    finally:
        os.close(directory)


def _is_news(path: Path, line: str) -> bool:
    spool, number = line.split()
    try:
        written = _in_file(path)
    except OSError:
        return True
    return written is None or written[0] != spool or written[1] < int(number)


def _write(new: Path, line: str, database: os.stat_result) -> None:
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as written:
        if os.geteuid() == 0:  # the daemon must be able to read what root's command wrote
            os.fchown(written.fileno(), database.st_uid, database.st_gid)
        written.write(line)
        written.flush()
        os.fsync(written.fileno())


def probe(db: apsw.Connection) -> None:
    """Write something that nobody needs."""
    db.execute("UPDATE generation SET probes = probes + 1")


def _in_database(db: apsw.Connection) -> tuple[str, int]:
    row = db.execute("SELECT spool, number FROM generation").fetchone()
    return (secrets.token_hex(8), 0) if row is None else (str(row[0]), int(row[1]))


def _in_file(path: Path) -> tuple[str, int] | None:
    """None for what nobody of us wrote. Raises OSError."""
    found = _LINE.fullmatch(file_of(path).read_text(encoding="ascii", errors="replace"))
    return None if found is None else (found[1], int(found[2]))
