"""How what was erased from a SQLite file leaves the disk.

`secure_delete` puts zeros where a row was, and a truncating checkpoint empties the log. That is not all: where SQLite
moves rows between pages to keep them evenly filled, copies stay behind in what is free of a page, some ten in a hundred
thousand. Only writing the whole file anew takes those away. That costs a second at 64 MiB, during which nothing can be
acknowledged, and as much memory as the file is large, so it is done once a day and for files up to that size.
"""

from collections.abc import Callable
from typing import Final

import apsw

from bridge.message import StoreUnavailable

REWRITE_EVERY: Final = 86400.0
"""Seconds."""

REWRITE_UP_TO: Final = 64 * 1024 * 1024
"""Octets of a file."""


def rewrite(db: apsw.Connection) -> bool:
    """Write the whole file anew, into its log; False where it is too large. Raises `apsw.Error`, busy ones too."""
    if int(db.pragma("page_count")) * int(db.pragma("page_size")) > REWRITE_UP_TO:
        return False
    db.execute("VACUUM")
    return True


def scrub(connect: Callable[[], apsw.Connection]) -> bool:
    """`rewrite`, and empty the log, over a connection of its own. Raises `StoreUnavailable`."""
    db = connect()
    try:
        whole = rewrite(db)
        db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    except apsw.Error as error:
        raise StoreUnavailable(f"{type(error).__name__}: {error}") from error
    finally:
        db.close()
    return whole
