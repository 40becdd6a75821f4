"""Forgetting a number on a server: nodes keep more of it there, and what is deleted leaves the disk in its own time.

A row that was deleted or changed stays in its file until the server has cleaned up behind all transactions (VACUUM,
which it does by itself now and then) and put something else into that place. Nothing short of VACUUM FULL, which stops
all work, can promise more; of the server's log, its standbys and backups nothing can from here.
"""

from typing import Final

from bridge.log import get_logger
from bridge.spool import forgetting
from bridge.spool.copy import TABLES
from bridge.spool.postgres.link import Link, Target

_PATIENCE: Final = 3600.0

_log = get_logger("spool")


def forget(db: Link, wanted: forgetting.Number, now: float, *, yes: bool) -> forgetting.Forgotten:
    """As `bridge.spool.forgetting.forget`; that the provider refused the number is forgotten, too."""
    done = forgetting.forget(db.cursor, wanted, now, yes=yes)
    if not done.under_way:
        db.execute("DELETE FROM refused WHERE phone = ?", (wanted.phone,))
    return done


def vacuum(where: Target) -> None:
    """Ask the server to clean up now. It may refuse, or not know the word: it does so by itself some time."""
    link = Link(where)
    try:
        link.open()
        link.script(f"VACUUM {', '.join(TABLES)}", timeout=_PATIENCE)
    except Exception as error:  # noqa: BLE001  # nothing depends on it
        _log.debug("not vacuumed", reason=f"{type(error).__name__}: {error}")
    finally:
        link.close()
