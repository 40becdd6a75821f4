"""Mail into a Maildir: for `demo`, and for a host that is the mailbox itself.

A file's name is derived from the delivery, so a repeat after a crash finds the first copy instead of making a
second. A message is in ``new`` only when it is whole and on the disk: written to ``tmp``, flushed, renamed,
directory flushed. The bound of this: somebody who moved the first copy out of the Maildir before the repeat
gets it again.
"""

import asyncio
import errno
import os
import re
from pathlib import Path
from typing import Final

from bridge.message import Delivery, Receipt, Scope, Verdict

_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9-]")
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]")

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_OURS: Final = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOENT, errno.EISDIR, errno.ELOOP}
)
"""Errors that only somebody at this machine can repair."""


class Maildir:
    """The Maildir at `path`, made if it is not there; a `bridge.transports.Transport`."""

    def __init__(self, *, path: Path) -> None:
        self._path = path

    async def send(self, delivery: Delivery, now: float) -> Receipt:
        """See `bridge.transports.Transport.send`."""
        try:
            fresh = await asyncio.to_thread(_deliver, self._path, delivery)
        except OSError as error:
            return _failed(error)
        text = "written" if fresh else "was there already"
        return Receipt(verdict=Verdict.ACCEPTED, code="maildir", text=text, status="2.0.0")

    async def close(self) -> None:
        """Nothing is kept open."""


def file_name(delivery: Delivery) -> str:
    """The unique part of the file's name: without ``/`` and ``:``, no dot in front, always the same."""
    return f"{int(delivery.created_at)}.{_NOT_IN_A_NAME.sub('_', delivery.id)}.smsbridge"


def _deliver(path: Path, delivery: Delivery) -> bool:
    """Writes the message; False if an earlier attempt had done so."""
    _prepare(path)
    name = file_name(delivery)
    if _is_there(path, name):
        return False
    # The name in tmp is this attempt's own, so that two attempts at once can never write into one file.
    partial = path / "tmp" / f"{name}.{os.getpid()}.{os.urandom(4).hex()}"
    try:
        _write(partial, _with_envelope(delivery))
        partial.rename(path / "new" / name)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    _flush_directory(path / "new")
    return True


def _prepare(path: Path) -> None:
    for part in ("tmp", "cur", "new"):
        if not (path / part).is_dir():
            if not path.exists():  # by itself: what is made on the way to another has another mode
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
            (path / part).mkdir(mode=0o700, exist_ok=True)
            _flush_directory(path)


def _is_there(path: Path, name: str) -> bool:
    if (path / "new" / name).exists():
        return True
    with os.scandir(path / "cur") as entries:  # a reader moves it there and appends its flags
        return any(entry.name.partition(":")[0] == name for entry in entries)


def _write(file: Path, data: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _flush_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _with_envelope(delivery: Delivery) -> bytes:
    """The message as it lies in a Maildir: LF line ends, and the envelope in two headers on top (RFC 5321,
    4.4).
    """
    envelope = (
        f"Return-Path: <{_CONTROLS.sub('', delivery.sender)}>\nDelivered-To: {_CONTROLS.sub('', delivery.recipient)}\n"
    )
    return envelope.encode("utf-8", "replace") + delivery.payload.replace(b"\r\n", b"\n")


def _failed(error: OSError) -> Receipt:
    code = errno.errorcode.get(error.errno or 0, "error")
    text = f"the Maildir cannot be written: {error.strerror or type(error).__name__}"
    if error.errno in _FULL:
        return Receipt(verdict=Verdict.TEMPORARY, code=code, text=text, status="4.3.1", alert=True)
    if error.errno in _OURS:
        return Receipt(verdict=Verdict.OURS, scope=Scope.ACCOUNT, code=code, text=text, status="4.3.5", alert=True)
    return Receipt(verdict=Verdict.TEMPORARY, code=code, text=text, status="4.3.0", alert=True)
