"""Tells other nodes at once that something new is in the spool. Only quicker than their polling: it may be lost.

Rung after the commit and over a connection of its own, since a NOTIFY inside a transaction makes all commits of a
server stand in one line.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from bridge.log import get_logger
from bridge.message import Channel, StoreUnavailable
from bridge.spool import SpoolDamaged
from bridge.spool.postgres.link import Target, connect

CHANNEL: Final = "smsbridge"
RETRY: Final = 5.0
GATHER: Final = 0.02
"""Seconds in which what is new is told together."""

_log = get_logger("spool")


class Bell:
    """Rings at the other nodes, and calls `heard` when one of them rings. Silent where the server knows no LISTEN."""

    def __init__(self, where: Target, heard: Callable[[Channel], None]) -> None:
        self._where = where
        self._heard = heard
        self._new: set[Channel] = set()
        self._rung = asyncio.Event()
        self.listens = False
        self._task = asyncio.create_task(self._run(), name="spool-bell")

    def ring(self, channel: Channel) -> None:
        """Something new for this channel was committed."""
        self._new.add(channel)
        self._rung.set()

    async def close(self) -> None:
        """Silence."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        while True:
            try:
                connection = await connect(self._where)
            except (StoreUnavailable, SpoolDamaged):
                await asyncio.sleep(RETRY)
                continue
            try:
                await self._listen(connection)
            except Exception as error:  # noqa: BLE001  # a courtesy; whatever fails is tried again
                _log.debug("no notifications", reason=f"{type(error).__name__}: {error}")
                connection.terminate()
                await asyncio.sleep(RETRY)
            except asyncio.CancelledError:
                connection.terminate()
                raise

    async def _listen(self, connection: Any) -> None:
        mine = connection.get_server_pid()

        def hear(_connection: Any, pid: int, _channel: str, payload: object) -> None:
            if pid != mine and payload in set(Channel):
                self._heard(Channel(str(payload)))

        await connection.add_listener(CHANNEL, hear)
        self.listens = True
        while not connection.is_closed():
            try:
                await asyncio.wait_for(self._rung.wait(), RETRY)
            except TimeoutError:
                continue
            await asyncio.sleep(GATHER)
            self._rung.clear()
            new, self._new = self._new, set()
            for channel in sorted(new):
                await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, channel.value)
