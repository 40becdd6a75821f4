"""One connection: how its URL is read, what it keeps of texts, what its errors mean, and that it comes back."""

import asyncpg
import pytest

from bridge.message import StoreUnavailable
from bridge.spool import SpoolDamaged
from bridge.spool.postgres import link
from bridge.spool.postgres.link import (
    Link,
    Rows,
    is_conflict,
    is_lost,
    is_ours,
    stored,
    target,
    unavailable,
    weaknesses,
)
from tests.databases import Database


def test_of_the_url_only_what_is_ours_is_taken_out() -> None:
    found = target("postgresql://b@one:1,two:2/x?sslmode=verify-full&statement_cache_size=0&options=-c%20a%3Db", "p")
    assert found.url == "postgresql://b@one:1,two:2/x?sslmode=verify-full&options=-c+a%3Db"
    assert (found.password, found.pooled) == ("p", True)
    assert not target("postgresql:///x?host=/run/postgresql").pooled
    with pytest.raises(SpoolDamaged, match="statement_cache_size"):
        target("postgresql://b@h/x?statement_cache_size=-1")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("plain", "plain"),
        ("Grüße 🐢", "Grüße 🐢"),
        ("a\x00b", "a\ufffdb"),
        ("\ud800", "\ufffd"),
        ("\udfffx\ud83d\udc22", "\ufffdx🐢"),  # two halves that belong together are one again
        (["\x00", None], ["\ufffd", None]),
        (True, 1),
        (b"\x00", b"\x00"),
        (None, None),
    ],
)
def test_what_is_kept(value: object, kept: object) -> None:
    assert stored(value) == kept
    assert type(stored(value)) is type(kept)


@pytest.mark.parametrize(
    ("error", "lost", "conflict", "ours"),
    [
        (asyncpg.exceptions.AdminShutdownError(), True, False, False),
        (asyncpg.ConnectionDoesNotExistError(), True, False, False),
        (asyncpg.exceptions.ReadOnlySQLTransactionError(), True, False, False),
        (TimeoutError(), True, False, False),
        (ConnectionResetError(), True, False, False),
        (asyncpg.exceptions.SerializationError(), False, True, False),
        (asyncpg.exceptions.DeadlockDetectedError(), False, True, False),
        (asyncpg.UniqueViolationError("deliveries_id_key"), False, False, True),
        (asyncpg.exceptions.DataError("of the client's own"), False, False, True),
        (asyncpg.exceptions.DiskFullError(), False, False, False),
        (asyncpg.exceptions.InsufficientPrivilegeError(), False, False, False),
        (asyncpg.exceptions.LockNotAvailableError(), False, False, False),
        (StoreUnavailable(), False, False, False),
        (KeyError("a bug"), False, False, True),
    ],
)
def test_what_an_error_means(error: Exception, lost: bool, conflict: bool, ours: bool) -> None:
    assert (is_lost(error), is_conflict(error), is_ours(error)) == (lost, conflict, ours)


def test_errors_in_the_contracts_words() -> None:
    made = unavailable(asyncpg.exceptions.DiskFullError("no\n space"))
    assert str(made) == "PostgreSQL: DiskFullError: no space"
    assert str(unavailable(TimeoutError())) == "PostgreSQL: TimeoutError: no answer in time"
    assert unavailable(made) is made


def test_rows_are_given_once_like_a_cursors() -> None:
    rows = Rows([[1, "a"], [2, "b"], [3, "c"]])
    assert rows.fetchone() == (1, "a")
    assert next(iter(rows)) == (2, "b")
    assert rows.fetchall() == [(3, "c")]
    assert rows.fetchone() is None


def test_a_connection_that_broke_is_made_again(emptied: Database) -> None:
    made = Link(target(emptied.url, emptied.server.password))
    for _ in range(2):
        made.open()
        assert made.execute("SELECT ?1 + 1", (1,)).fetchall() == [(2,)]
        pid = made.execute("SELECT pg_backend_pid()").fetchone()
        assert pid is not None
        emptied.script(f"SELECT pg_terminate_backend({pid[0]}, 5000)")
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)) as broken:
            made.execute("SELECT 1")
        assert is_lost(broken.value)
        made.rollback()  # no error
    made.close()


def test_what_an_administrator_should_know(emptied: Database) -> None:
    found: list[str] = []
    emptied.server.on(emptied.name, lambda db: found.extend(weaknesses(db)))
    assert [weakness.split()[0] for weakness in found] == ["fsync", "full_page_writes"]


def test_a_server_that_says_nothing_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.setattr(link, "CONNECT_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        made = Link(target(f"postgresql://bridge@127.0.0.1:{silent.getsockname()[1]}/x"))
        with pytest.raises(StoreUnavailable):
            made.open()
        made.close()
