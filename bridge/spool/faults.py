"""What SQLite's errors mean for what is to be written."""

from typing import Final

import apsw

from bridge.message import StoreUnavailable

OURS: Final = (apsw.ConstraintError, apsw.SQLError, apsw.BindingsError, apsw.MismatchError, apsw.RangeError)
"""What SQLite says of our own mistakes; everything else it says means that the store is not available."""

_NOT_SYNCED: Final = frozenset({apsw.SQLITE_IOERR_FSYNC, apsw.SQLITE_IOERR_DIR_FSYNC})


def is_lasting(error: BaseException | None) -> bool:
    """Whether nobody knows any more what is on the disk."""
    if isinstance(error, apsw.IOError):
        return getattr(error, "extendedresult", 0) in _NOT_SYNCED
    return isinstance(error, (apsw.CorruptError, apsw.NotADBError))


def is_full(error: BaseException | None) -> bool:
    """Whether there was no room; of an error as askers are given it."""
    return isinstance(error, StoreUnavailable) and isinstance(error.__cause__, apsw.FullError)
