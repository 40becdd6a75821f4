"""What nodes tell each other by way of the server: refused phones and pauses, and what part of the calls is whose."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

from bridge.message import Verdict
from bridge.spool.postgres.link import Link
from bridge.spool.postgres.nodes import Shares
from bridge.spool.postgres.pool import SharedPool
from bridge.spool.shared import Paused

_PAUSE_FOR: Final = 86400.0
_REFUSE = """
INSERT INTO refused (phone, until) SELECT * FROM unnest($1::text[], $2::double precision[])
ON CONFLICT (phone) DO UPDATE SET until = greatest(refused.until, excluded.until)
"""
_COLUMNS = ("scope", "verdict", "until", "delay", "wait", "code", "text")
_PAUSE = f"""
INSERT INTO pauses ({", ".join(_COLUMNS)}) VALUES ({", ".join("?" * len(_COLUMNS))})
ON CONFLICT (scope) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])}
"""  # noqa: S608  # our own names


class _Ask(Protocol):
    def __call__(self, work: Callable[[Link], Any], /) -> Awaitable[Any]: ...


class News:
    """Keeps `bridge.spool.shared.Shared`; `ask` reads, `write` commits."""

    def __init__(self, pool: SharedPool, shares: Shares, *, ask: _Ask, write: _Ask) -> None:
        self.pool = pool
        self._shares = shares
        self._ask, self._write = ask, write

    def part(self, whole: int) -> int:
        return self._shares.of(whole)

    async def refuse(self, phones: Sequence[tuple[str, float]]) -> None:
        latest: dict[str, float] = {}
        for phone, until in phones:
            latest[phone] = max(until, latest.get(phone, until))
        values = [sorted(latest), [latest[phone] for phone in sorted(latest)]]
        await self._write(lambda db: db.execute(_REFUSE, values))

    async def refused(self, after: float) -> list[tuple[str, float]]:
        rows = await self._ask(
            lambda db: db.execute("SELECT phone, until FROM refused WHERE until > ?", (after,)).fetchall()
        )
        return [(row[0], row[1]) for row in rows]

    async def pause(self, begun: Sequence[Paused], resumed: Sequence[str]) -> None:
        def write(db: Link) -> None:
            db.execute("DELETE FROM pauses WHERE scope = ANY(?)", (sorted(resumed),))
            for one in sorted(begun, key=lambda one: one.scope):
                values = (one.until, one.delay, one.wait, one.code, one.text)
                db.execute(_PAUSE, (one.scope, one.verdict.value, *values))

        await self._write(write)

    async def paused(self) -> list[Paused]:
        rows = await self._ask(lambda db: db.execute(f"SELECT {', '.join(_COLUMNS)} FROM pauses").fetchall())  # noqa: S608  # our own names
        return [
            Paused(scope=scope, verdict=Verdict(verdict), until=until, delay=delay, wait=wait, code=code, text=text)
            for scope, verdict, until, delay, wait, code, text in rows
        ]


_OVER = "SELECT EXISTS (SELECT 1 FROM refused WHERE until < ?) OR EXISTS (SELECT 1 FROM pauses WHERE until < ?)"


def anything_old(db: Link, now: float) -> bool:
    """Whether `forget` would find something; only looks."""
    return bool(db.execute(_OVER, (now, now - _PAUSE_FOR)).fetchall()[0][0])


def forget(db: Link, now: float) -> None:
    """Drop what is true no longer, and pauses that nobody has looked after for a day."""
    db.execute("DELETE FROM refused WHERE until < ?", (now,))
    db.execute("DELETE FROM pauses WHERE until < ?", (now - _PAUSE_FOR,))
