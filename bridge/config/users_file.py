"""The users file as `smsbridge user` finds and edits it.

To find it, only `[smtpd] users_file` has to be right: somebody must be shut out although a token's file is missing.

An edit leaves every other line as it is, byte for byte, and the file is exchanged whole: a reader sees the old one or
the new one, never half of either, and so does the next start after a power cut.
"""

import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bridge.config import operators, users
from bridge.config.document import Document, UnreadableFile, parse, read_text
from bridge.config.problems import Collector, ConfigError, Invalid, Problem
from bridge.config.reading import Files, Place
from bridge.config.settings import User
from bridge.config.values import secret_path

PATIENCE: Final = 10.0
"""Seconds to wait for another edit of the same file."""

_BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"
_FIELDS: Final = 3
_PRIVATE: Final = 0o600
_SET_IT: Final = {
    "smtpd": 'write below [smtpd], for example: users_file = "users"',
    "console": 'write below [console], for example: users_file = "console-users"',
}


class CannotEdit(Exception):
    """The file is left as it was; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsersFile:
    """Where the users of one configuration stand. The file itself may not exist yet."""

    path: Path
    configuration: Path  # bridge.toml
    place: Place = field(repr=False)  # of the key that names it
    console: bool = False  # those of the console: roles in the place of addresses


def locate(configuration: Path, environ: Mapping[str, str] = os.environ, *, console: bool = False) -> UsersFile:
    """The users file that bridge.toml names, or the console's, whatever else is wrong with it. Raises `ConfigError`."""
    configuration = configuration.absolute()
    collector = Collector()
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    files = Files(base=configuration.parent, credentials=Path(credentials) if credentials else None)
    document = _document(configuration, configuration.name, collector)
    section = "console" if console else "smtpd"
    if document is not None:
        place = Place(document=document, collector=collector, files=files).at(section, "users_file")
        try:
            path = _named(place, section)
            return UsersFile(path=path, configuration=configuration, place=place, console=console)
        except Invalid as error:
            place.problem(error.message, error.hint)
    raise ConfigError(collector.problems)


def _named(place: Place, name: str) -> Path:
    section = place.document.data.get(name)
    value = section.get("users_file") if isinstance(section, dict) else None
    if value is None:
        raise Invalid("is missing: there is no file for users", _SET_IT[name])
    return secret_path(value, place)


def _document(path: Path, file: str, collector: Collector) -> Document | None:
    try:
        return parse(read_text(path), file, collector)
    except UnreadableFile as error:
        collector.problem(Problem(file=file, line=error.line, message=error.message, hint=error.hint))
        return None


def peek(file: UsersFile, name: str) -> tuple[str, str] | None:
    """What `fields` finds in the file as it is now; None also where it cannot be read."""
    try:
        return fields(read_text(file.path), name)
    except UnreadableFile:
        return None


def listed(file: UsersFile) -> tuple[Mapping[str, User], tuple[Problem, ...]]:
    """The users by name, and what is wrong with the other lines. No file: no users."""
    if not os.path.lexists(file.path):
        return {}, ()
    found = (operators if file.console else users).read(file.path, file.place)
    return found or {}, file.place.collector.problems


def named_in_routes(file: UsersFile, name: str) -> list[str]:
    """Where rows of the routing table say ``user:NAME``, as ``routes.toml:12``; without that user none would load."""
    top, files = file.place.document.data, file.place.files
    routes = top.get("routes", "routes.toml")
    if not isinstance(routes, str):
        return []
    path = files.path(routes)
    document = _document(path, files.name(path), Collector())
    rows = document.data.get("route") if document is not None else None
    if document is None or not isinstance(rows, list):
        return []
    found: list[str] = []
    for row, keys in enumerate(rows):
        allow = keys.get("allow") if isinstance(keys, dict) else None
        entries = allow if isinstance(allow, list) else []
        lines = [document.line("route", row, "allow", n) for n, entry in enumerate(entries) if entry == f"user:{name}"]
        found += [document.file if line is None else f"{document.file}:{line}" for line in lines]
    return found


# Lines.


def line(name: str, hash_: str, addresses: Sequence[str], *, console: bool = False) -> str:
    """The line of a user. Raises `Invalid` unless a reader would make just this user of it."""
    written = f"{name}:{hash_}:{','.join(addresses)}"
    problems: list[Invalid] = []
    nowhere = Place(document=Document("", {}, {}), collector=Collector(), files=Files(base=Path()))
    (operators if console else users).parse(written, nowhere, problems.append)
    if problems:
        raise problems[0]
    return written


def fields(content: str, name: str) -> tuple[str, str] | None:
    """Hash and addresses of the user's line as they are written, good or not; None: there is no such line."""
    for written in content.split("\n"):
        if _name(written) == name:
            parts = [*_bare(written).split(":", _FIELDS - 1), ""]
            return parts[1], parts[2]
    return None


def put(content: str, name: str, new: str) -> str:
    """`content` with the line `new` in the place of the user's own, or at the end. Raises `CannotEdit`."""
    lines = content.split("\n")
    there = [number for number, written in enumerate(lines) if _name(written) == name]
    if len(there) > 1:
        numbers = " and ".join(str(number + 1) for number in there)
        raise CannotEdit(f"the user {name} stands there more than once, on lines {numbers}: remove it first")
    if there:
        old = lines[there[0]]
        lines[there[0]] = _BOM * old.startswith(_BOM) + new + "\r" * old.endswith("\r")
        return "\n".join(lines)
    end = "\r\n" if "\r\n" in content else "\n"
    whole = not content or content == _BOM or content.endswith("\n")
    return content + end * (not whole) + new + end


def without(content: str, name: str) -> str:
    """`content` without any line of the user."""
    kept = [written for written in content.split("\n") if _name(written) != name]
    return _BOM * (content.startswith(_BOM) and not kept[0].startswith(_BOM)) + "\n".join(kept)


def _bare(written: str) -> str:
    return written.removeprefix(_BOM).strip()


def _name(written: str) -> str | None:
    """Whose line this is, as `users.read` sees it."""
    name, colon, _ = _bare(written).partition(":")
    return name if colon and not name.startswith("#") else None


# The file.


def edit(file: UsersFile, change: Callable[[str], str]) -> None:
    """Puts what `change` makes of the file's text in its place; a file that is not there is an empty one.

    Owner, group and mode stay. Raises `CannotEdit`, what `change` raises, and OSError; then nothing has changed.
    """
    if file.place.files.credentials is not None and file.path.parent == file.place.files.credentials:
        raise CannotEdit(f"{file.path} is a copy that systemd made: edit the file it was made of")
    with _locked(file.path.parent) as directory:
        old = _status(file.path, directory)
        raw = b"" if old is None else _content(file.path, directory)
        try:
            content = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise CannotEdit(f"{file.path} is not UTF-8 text") from None
        new = change(content).encode("utf-8")
        if old is None or new != raw:
            _exchange(file, new, directory, old)


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The directory, held against other edits. A lock of its own file would leave that file behind."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise CannotEdit(f"another command is editing in {path}: try again") from None
                time.sleep(0.05)
        yield directory
    finally:
        os.close(directory)


def _status(path: Path, directory: int) -> os.stat_result | None:
    try:
        found = os.stat(path.name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(found.st_mode):
        raise CannotEdit(f"{path} is a symbolic link: let users_file name the file itself")
    if not stat.S_ISREG(found.st_mode):
        raise CannotEdit(f"{path} is not a file")
    return found


def _content(path: Path, directory: int) -> bytes:
    descriptor = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    with os.fdopen(descriptor, "rb") as stream:
        return stream.read()


def _exchange(file: UsersFile, content: bytes, directory: int, old: os.stat_result | None) -> None:
    temporary = f".{file.path.name}.new"
    with suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=directory)  # of an edit that was cut off: nobody else writes it, we hold the lock
    try:
        _write(file, content, temporary, directory, old)
        _check_untouched(file.path, directory, old)
        os.replace(temporary, file.path.name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=directory)
        raise
    os.fsync(directory)


def _write(file: UsersFile, content: bytes, name: str, directory: int, old: os.stat_result | None) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, _PRIVATE, dir_fd=directory)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        _give(descriptor, file, old)
        os.fsync(descriptor)


def _check_untouched(path: Path, directory: int, old: os.stat_result | None) -> None:
    """An editor knows nothing of our lock."""
    if _seen(_status(path, directory)) != _seen(old):
        raise CannotEdit(f"{path} was changed by somebody else meanwhile: try again")


def _give(descriptor: int, file: UsersFile, old: os.stat_result | None) -> None:
    """Owner, group and mode of the old file; of a new one those by which the daemon reads bridge.toml."""
    if old is not None:
        mode = stat.S_IMODE(old.st_mode)
    elif os.geteuid() == 0:
        old = file.configuration.stat()
        mode = _PRIVATE | (old.st_mode & stat.S_IRGRP if old.st_gid else 0)
    else:
        return  # it is ours alone
    now = os.fstat(descriptor)
    if (now.st_uid, now.st_gid) != (old.st_uid, old.st_gid):
        try:
            os.fchown(descriptor, old.st_uid, old.st_gid)
        except PermissionError:
            raise CannotEdit(f"{file.path} belongs to somebody else: run this as its owner or as root") from None
    os.fchmod(descriptor, mode)


def _seen(found: os.stat_result | None) -> tuple[int, int, int] | None:
    return None if found is None else (found.st_ino, found.st_size, found.st_mtime_ns)
