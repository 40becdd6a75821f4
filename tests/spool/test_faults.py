"""What SQLite's errors mean, as apsw raises them."""

import apsw
import pytest

from bridge.message import StoreUnavailable
from bridge.spool.faults import OURS, is_full, is_lasting


def of(code: int) -> Exception:
    return apsw.exception_for(code)


@pytest.mark.parametrize(
    "code",
    [apsw.SQLITE_IOERR_FSYNC, apsw.SQLITE_IOERR_DIR_FSYNC, apsw.SQLITE_CORRUPT, apsw.SQLITE_NOTADB],
)
def test_after_these_nobody_knows_what_is_on_the_disk(code: int) -> None:
    assert is_lasting(of(code))


@pytest.mark.parametrize(
    "code", [apsw.SQLITE_IOERR_READ, apsw.SQLITE_BUSY, apsw.SQLITE_FULL, apsw.SQLITE_CONSTRAINT_UNIQUE]
)
def test_after_these_it_may_work_the_next_time(code: int) -> None:
    assert not is_lasting(of(code))


def test_a_disk_without_room_is_known_behind_what_askers_are_told() -> None:
    told = StoreUnavailable("FullError: database or disk is full")
    assert not is_full(told)
    told.__cause__ = of(apsw.SQLITE_FULL)
    assert is_full(told)
    assert not is_full(of(apsw.SQLITE_FULL))
    assert not is_full(None)


@pytest.mark.parametrize(
    "statement", ["INSERT INTO t VALUES (1), (1)", "SELECT nothing", "INSERT INTO t VALUES ('text')"]
)
def test_our_own_mistakes_are_told_from_a_store_that_fails(statement: str) -> None:
    db = apsw.Connection(":memory:")
    db.execute("CREATE TABLE t (n INTEGER UNIQUE) STRICT")
    with pytest.raises(OURS):
        db.execute(statement)
    db.close()
