"""One connection to PostgreSQL, made when it is needed and made again when it broke. The only module with asyncpg.

It is used from one thread, which waits for each answer, so that the SQL of both stores can be the same functions; the
connection turns on a loop of its own. Nothing depends on what a connection remembers (no settings of the session, no
temporary tables, and behind a pooler no prepared statements: see `pooler`), so poolers that give each transaction
another connection will do.
"""

import asyncio
import re
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import apsw

from bridge import metrics
from bridge.message import StoreUnavailable
from bridge.spool import SpoolDamaged
from bridge.spool.postgres.dialect import translated

try:
    import asyncpg
except ImportError:  # the extra is not installed
    raise SpoolDamaged("the library for PostgreSQL is not installed: pip install 'smsbridge[postgres]'") from None

T = TypeVar("T")

CONNECT_TIMEOUT: Final = 5.0
COMMAND_TIMEOUT: Final = 10.0
"""Seconds after which a server that says nothing is taken for lost."""

_STATEMENTS: Final = 100
_SETTINGS: Final = ("synchronous_commit", "server_encoding", "transaction_read_only")

_LOST = (
    OSError,  # TimeoutError too
    EOFError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.OperatorInterventionError,  # the server shuts down, or an administrator ended the session
    asyncpg.exceptions.IdleInTransactionSessionTimeoutError,
    asyncpg.exceptions.ReadOnlySQLTransactionError,  # it has become a standby: another server is the one now
)
_CONFLICT = (asyncpg.exceptions.SerializationError, asyncpg.exceptions.DeadlockDetectedError)
_MADE_TWICE = (asyncpg.UniqueViolationError, asyncpg.DuplicateTableError, asyncpg.exceptions.DuplicateObjectError)
_OURS = (
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.DataError,
    asyncpg.exceptions.SyntaxOrAccessError,
    asyncpg.exceptions.FeatureNotSupportedError,
)
_THEIRS = (asyncpg.exceptions.InsufficientPrivilegeError, asyncpg.exceptions.UndefinedTableError)
_SERVER = re.compile(r"(?<=@|/)[^@/?]*(?=/|\?|$)")


def is_conflict(error: BaseException) -> bool:
    """Whether to do the whole transaction once more: two met and this one gave way, also in making the first table."""
    return isinstance(error, _CONFLICT) or (isinstance(error, _MADE_TWICE) and "smsbridge" in str(error))


def is_lost(error: BaseException) -> bool:
    """Whether the connection is of no use after this."""
    return isinstance(error, _LOST) and not isinstance(error, ValueError)


def is_ours(error: BaseException) -> bool:
    """Whether this is a mistake of our own; everything else PostgreSQL says means that the store is not available."""
    if isinstance(error, asyncpg.PostgresError):
        return isinstance(error, _OURS) and not isinstance(error, _THEIRS)
    return not isinstance(error, StoreUnavailable) and not is_lost(error)


def unavailable(error: BaseException) -> StoreUnavailable:
    """The same in the contract's words."""
    if isinstance(error, StoreUnavailable):
        return error
    metrics.DATABASE_ERRORS.add()
    words = " ".join(str(error).split()) or "no answer in time"
    made = StoreUnavailable(f"PostgreSQL: {type(error).__name__}: {words}")
    made.__cause__ = error
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the server is, and how it is spoken to."""

    url: str
    password: str | None = None
    statements: int = _STATEMENTS  # prepared ones that a connection may keep; 0 for poolers
    chosen: bool = False  # that number stands in the URL

    @property
    def pooled(self) -> bool:
        """Whether each transaction may get another connection, so that a single statement needs one of its own."""
        return self.statements == 0


def target(url: str, password: str | None = None) -> Target:
    """Of ``postgresql://user@host:port/database?…``: libpq's options, and ``statement_cache_size``, which is ours."""
    parts = urlsplit(url)
    options = parse_qsl(parts.query, keep_blank_values=True)
    statements = [value for name, value in options if name == "statement_cache_size"]
    rest = urlencode([(name, value) for name, value in options if name != "statement_cache_size"])
    if not all(value.isascii() and value.isdecimal() for value in statements):
        raise SpoolDamaged("statement_cache_size in the URL of the spool must be a number")
    return Target(
        url=urlunsplit(parts._replace(query=rest)),
        password=password,
        statements=int(statements[-1]) if statements else _STATEMENTS,
        chosen=bool(statements),
    )


def stored(value: Any) -> Any:
    """A value as PostgreSQL can keep it. A text has no NUL and no half of a surrogate pair: replacement marks stand
    for them, so that no content can keep a message from being taken.
    """
    if isinstance(value, str):
        if value.isascii() and "\0" not in value:
            return value
        return value.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, bool):
        return int(value)
    return [stored(item) for item in value] if isinstance(value, list) else value


class Rows:
    """What a statement answered, as apsw's cursor gives it."""

    def __init__(self, rows: list[Any]) -> None:
        self._rows = [tuple(row) for row in rows]
        self._next = iter(self._rows)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self._next

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All that are left."""
        return list(self._next)

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next one."""
        return next(self._next, None)


class Link:
    """A connection for one thread."""

    def __init__(self, where: Target, *, patience: float = COMMAND_TIMEOUT) -> None:
        """`patience`: seconds after which a statement counts as lost."""
        self.where = where
        self._patience = patience
        self._loop = asyncio.new_event_loop()
        self._connection: Any = None
        self._checked = False
        self._changes = 0
        self.trips = 0

    @property
    def cursor(self) -> apsw.Connection:
        """The same for functions that were written for SQLite's connection: of it they only use `execute`
        and `changes`.
        """
        return cast("apsw.Connection", self)

    def open(self) -> None:
        """Connect, unless connected. Raises `StoreUnavailable`; `SpoolDamaged` for a server that keeps no promise."""
        if self._connection is not None and self._connection.is_closed():
            self.drop()
        if self._connection is None:
            self._connection = self._wait(connect(self.where))
            try:
                _check(self, first=not self._checked)
            except BaseException:
                self.drop()
                raise
            self._checked = True

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> Rows:
        """One statement in SQLite's words. Raises what asyncpg raises."""
        if self.where.pooled and not self._connection.is_in_transaction():
            return self._alone(sql, parameters)
        text, names = translated(sql)
        values = [parameters[name] for name in names] if isinstance(parameters, Mapping) else parameters
        values = [stored(value) for value in values]
        self.trips += 1
        if text.startswith("UPDATE") and "RETURNING" not in text:
            tag = self._wait(self._connection.execute(text, *values, timeout=self._patience))
            self._changes = int(tag.rpartition(" ")[2])
            return Rows([])
        return Rows(self._wait(self._connection.fetch(text, *values, timeout=self._patience)))

    def changes(self) -> int:
        """Rows that the last UPDATE changed."""
        return self._changes

    def _alone(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> Rows:
        """In a transaction of its own: a statement with values is two messages, which must find one connection."""
        self.script("BEGIN")
        try:
            rows = self.execute(sql, parameters)
            self.script("COMMIT")
        except BaseException:
            self.rollback()
            raise
        return rows

    def script(self, sql: str, *, timeout: float | None = None) -> str:
        """Statements of our own without values, in one trip; the last one's tag, as "UPDATE 1"."""
        self.trips += 1
        return str(self._wait(self._connection.execute(sql, timeout=timeout or self._patience)))

    def rollback(self) -> None:
        """Undo what is open; a connection that cannot even do that is thrown away."""
        if self._connection is None:
            return
        try:
            self.script("ROLLBACK")
        except Exception:  # noqa: BLE001  # the server undoes what a lost connection left open
            self.drop()

    def drop(self) -> None:
        """Throw the connection away."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with suppress(Exception):
                connection.terminate()
            self._wait(asyncio.sleep(0))

    def close(self) -> None:
        """Say goodbye to the server; the link cannot be used any more."""
        if self._connection is not None:
            with suppress(Exception):
                self._wait(self._connection.close(timeout=CONNECT_TIMEOUT))
            self.drop()
        self._wait(asyncio.sleep(0))
        self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(work)


async def connect(where: Target) -> Any:
    """A connection of asyncpg. Raises `StoreUnavailable`, and `SpoolDamaged` for a URL that leads nowhere."""
    try:
        return await asyncpg.connect(
            where.url,
            password=where.password,
            timeout=CONNECT_TIMEOUT,
            command_timeout=COMMAND_TIMEOUT,
            statement_cache_size=where.statements,
        )
    except (asyncpg.exceptions.ClientConfigurationError, asyncpg.exceptions.InvalidCatalogNameError) as error:
        raise SpoolDamaged(f"the spool's URL leads to no database: {error}") from error
    except asyncpg.exceptions.InvalidAuthorizationSpecificationError as error:
        raise SpoolDamaged(f"PostgreSQL does not let us in: {error}") from error
    except (asyncpg.PostgresError, *_LOST) as error:
        raise unavailable(error) from error


def _check(db: Link, *, first: bool) -> None:
    """Whether what this server acknowledges is kept; where it is a standby, that may only be a moment of a failover."""
    asked = ", ".join(f"current_setting('{name}', true)" for name in _SETTINGS)
    try:
        found = dict(zip(_SETTINGS, db.execute(f"SELECT {asked}").fetchall()[0], strict=True))  # literals
    except (asyncpg.PostgresError, *_LOST) as error:
        raise unavailable(error) from error
    if found["synchronous_commit"] == "off":
        raise SpoolDamaged(
            "PostgreSQL runs with synchronous_commit = off and would lose what was acknowledged: "
            "set it to on for this server, database or user"
        )
    if found["server_encoding"] not in {"UTF8", None}:
        raise SpoolDamaged(
            f"the database has the encoding {found['server_encoding']}: make it with ENCODING 'UTF8' TEMPLATE template0"
        )
    if found["transaction_read_only"] == "on":
        if first:
            raise SpoolDamaged("the PostgreSQL server is a standby or read-only: name the primary in the spool's URL")
        raise StoreUnavailable("the PostgreSQL server is a standby or read-only now")


def weaknesses(db: Link) -> list[str]:
    """What an administrator may have chosen, and should know."""
    found = db.execute("SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off'")
    return [f"{name} = off: a power cut can cost messages that were acknowledged" for (name,) in found]
