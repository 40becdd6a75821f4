"""Token buckets that all nodes draw from: what they take together never exceeds what is configured.

A draw is one statement that the server does by itself: a node that freezes or dies holds no lock on a bucket that
everybody needs, and loses at most what it was just drawing, which comes back with time. It is committed before the
answer comes and not waited for on the disk: the commit that takes a mail in comes later in the same log, so whatever of
a mail outlasts a crash of the server, what it cost does too. What several ask for meanwhile goes together; where there
is not enough for all, those who came first get theirs, and what is left of the others' goes back.

Measured by the server's clock alone. The names of senders and phones are not kept, only their hashes, and those until
their buckets are full again.
"""

import asyncio
import random
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import blake2b
from typing import Any, Final

from bridge.limits import Draw, Drawn
from bridge.log import get_logger
from bridge.message import StoreUnavailable
from bridge.spool.postgres.link import Target, connect, is_conflict, is_lost, is_ours, unavailable

MOST: Final = 500
"""Draws that go into one statement."""

_TRIES: Final = 5
_PURGE_EVERY: Final = 60.0
_ROUNDING: Final = 1e-6
_STEP: Final = 60.0
"""Seconds that the server's clock must have been set back until it counts from there."""

_NOW = "extract(epoch FROM statement_timestamp())::double precision"
_LEVEL = "least(excluded.size, b.level + greatest(0, excluded.at - b.at) * excluded.rate)"
_TOOK = f"least(excluded.took, floor({_LEVEL} + {_ROUNDING}))"
_DRAW = f"""
INSERT INTO buckets AS b (key, size, rate, level, at, took)
SELECT key, size, rate, least(size, size - least(size, wanted)), {_NOW}, least(size, wanted)
FROM unnest($1::bytea[], $2::double precision[], $3::double precision[], $4::double precision[])
    AS asked (key, size, rate, wanted)
ORDER BY key
ON CONFLICT (key) DO UPDATE SET
    size = excluded.size, rate = excluded.rate, took = {_TOOK},
    level = greatest(0, least(excluded.size, {_LEVEL} - {_TOOK})),
    at = CASE WHEN excluded.at < b.at - {_STEP} THEN excluded.at ELSE greatest(excluded.at, b.at) END
RETURNING key, level, took, set_config('synchronous_commit', 'off', true)
"""  # noqa: S608  # our own words
_PURGE = f"DELETE FROM buckets WHERE level + ({_NOW} - at) * rate >= size"  # noqa: S608  # as above
_BEGIN = "BEGIN; SET LOCAL lock_timeout = '5s'; SET LOCAL idle_in_transaction_session_timeout = '5s'"

_log = get_logger("spool")
_Asked = tuple[Sequence[Draw], "asyncio.Future[Drawn]"]


class SharedPool:
    """Keeps `bridge.limits.Pool` on the server, over a connection of its own in the running loop."""

    def __init__(self, where: Target) -> None:
        self._where = where
        self._connection: Any = None
        self._asked: list[_Asked] = []
        self._back: list[Draw] = []
        self._work: asyncio.Task[None] | None = None
        self._purged = asyncio.get_running_loop().time()
        self._closed = False

    async def draw(self, wanted: Sequence[Draw]) -> Drawn:
        """Take all that is wanted or nothing; each bucket is named once. Raises `StoreUnavailable`."""
        if self._closed:
            raise StoreUnavailable("the spool is closed")
        future: asyncio.Future[Drawn] = asyncio.get_running_loop().create_future()
        self._asked.append((wanted, future))
        self._begin()
        return await future

    def give_back(self, drawn: Sequence[Draw]) -> None:
        """What was drawn was not used after all."""
        self._back += drawn
        if not self._closed:
            self._begin()

    async def close(self) -> None:
        """Give back what is still to be given back, as far as the server is there, and say goodbye."""
        self._closed = True
        if self._work is not None:
            await asyncio.wait({self._work})
        if self._connection is not None:
            with suppress(Exception):
                await self._connection.close(timeout=1.0)
            self._drop()

    def abandon(self) -> None:
        """End as if the program were killed."""
        self._closed = True
        if self._work is not None:
            self._work.cancel()
        self._drop()

    def _begin(self) -> None:
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._run(), name="spool-pool")

    async def _run(self) -> None:
        try:
            while self._asked or self._back:
                asked, self._asked = self._asked[:MOST], self._asked[MOST:]
                back, self._back = self._back, []
                await self._serve(asked, back)
                await self._purge()
        finally:
            for _, future in self._asked:  # only when cancelled
                future.cancel()

    async def _serve(self, asked: Sequence[_Asked], back: Sequence[Draw]) -> None:
        await self._put_back(back)
        if not asked:
            return
        try:
            given, rest = _share(asked, await self._take(_together(draw for draws, _ in asked for draw in draws)))
        except Exception as error:  # noqa: BLE001  # whatever it is, it is the askers' answer
            for _, future in asked:
                if not future.done():
                    future.set_exception(error if is_ours(error) else unavailable(error))
            return
        for (draws, future), drawn in zip(asked, given, strict=True):
            if not future.done():
                future.set_result(drawn)
            elif drawn.short is None:  # its asker was cancelled
                rest += draws
        await self._put_back(rest)

    async def _put_back(self, back: Sequence[Draw]) -> None:
        try:
            if back:
                await self._take([_negative(draw) for draw in _together(back)])
        except Exception as error:  # noqa: BLE001  # nobody waits for it, and it comes back with time
            _log.debug("tokens not given back", reason=f"{type(error).__name__}: {error}")

    async def _take(self, draws: Sequence[Draw]) -> dict[str, tuple[float, float]]:
        """By bucket what is left and what was taken: as many as there were of what was wanted."""
        keys = {blake2b(draw.bucket.encode("utf-8", "surrogatepass"), digest_size=16).digest(): draw for draw in draws}
        order = sorted(keys)
        columns = [
            order,
            [keys[key].size for key in order],
            [keys[key].rate for key in order],
            [keys[key].tokens for key in order],
        ]
        rows = await self._again(_DRAW, columns)
        return {keys[bytes(row[0])].bucket: (row[1], row[2]) for row in rows}

    async def _purge(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._purged < _PURGE_EVERY:
            return
        self._purged = now
        try:
            await self._again(_PURGE, [])
        except Exception as error:  # noqa: BLE001  # the next one does it
            _log.debug("buckets not purged", reason=f"{type(error).__name__}: {error}")

    async def _again(self, sql: str, values: Sequence[Any]) -> Sequence[Any]:
        """One statement; once more over a new connection where an old one broke, and after meeting another node's."""
        for tries in range(1, _TRIES + 1):
            fresh = self._connection is None or self._connection.is_closed()
            try:
                if fresh:
                    self._connection = await connect(self._where)
                return await self._fetch(sql, values)
            except Exception as error:
                self._drop()
                if tries == _TRIES or not (is_conflict(error) or (is_lost(error) and not fresh)):
                    raise
                await asyncio.sleep(random.uniform(0, 0.01 * tries))  # noqa: S311  # nothing secret
        raise AssertionError("the last try returned or raised")

    async def _fetch(self, sql: str, values: Sequence[Any]) -> Sequence[Any]:
        if not self._where.pooled:
            rows: Sequence[Any] = await self._connection.fetch(sql, *values)
            return rows
        await self._connection.execute(_BEGIN)  # else each trip may go to another connection
        rows = await self._connection.fetch(sql, *values)
        await self._connection.execute("COMMIT")
        return rows

    def _drop(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with suppress(Exception):
                connection.terminate()


def _together(draws: Iterable[Draw]) -> list[Draw]:
    """One draw from each bucket, of the size that was said last."""
    found: dict[str, Draw] = {}
    for draw in draws:
        before = found.get(draw.bucket)
        found[draw.bucket] = draw if before is None else replace(draw, tokens=before.tokens + draw.tokens)
    return list(found.values())


def _negative(draw: Draw) -> Draw:
    return replace(draw, tokens=-draw.tokens)


def _share(asked: Sequence[_Asked], took: dict[str, tuple[float, float]]) -> tuple[list[Drawn], list[Draw]]:
    """Who gets what of what was taken, in their order; and what nobody gets."""
    left = {bucket: level for bucket, (level, _) in took.items()}
    hand = {bucket: tokens for bucket, (_, tokens) in took.items()}
    short: list[int | None] = []
    for draws, _ in asked:
        missing = next((at for at, draw in enumerate(draws) if hand[draw.bucket] < draw.tokens - _ROUNDING), None)
        short.append(missing)
        if missing is None:
            for draw in draws:
                hand[draw.bucket] -= draw.tokens
    given = [
        Drawn(short=missing, left=[left[draw.bucket] + hand[draw.bucket] for draw in draws])
        for (draws, _), missing in zip(asked, short, strict=True)
    ]
    sizes = {draw.bucket: draw for draws, _ in asked for draw in draws}
    rest = [replace(sizes[bucket], tokens=tokens) for bucket, tokens in hand.items() if tokens > _ROUNDING]
    return given, rest
