"""The spool that the configuration names, opened for the daemon or for a command."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from bridge.config import Configuration
from bridge.daemon.parts import sqlite_path
from bridge.log import get_logger
from bridge.message import Channel, Clock, StoreUnavailable
from bridge.spool.contract import Spool
from bridge.spool.depth import Deep
from bridge.spool.disk import lock
from bridge.spool.shared import Shared
from bridge.spool.sqlite import SqliteSpool, open_spool
from bridge.spool.window import Window

_RESTORED = (
    "The spool is not the newest one that ran here: a backup was put in its place, or its file .generation is missing. "
    "{held} SMS that wait are held, since they may have been sent already. See them with: smsbridge queue list --state "
    "held; let them go with: smsbridge queue release --restored; end them with: smsbridge queue drop ID."
)


class Store(Spool, Window, Deep, Protocol):
    """A spool that can be looked into, and asked whether it is still where it was."""

    def is_in_place(self) -> bool:
        """False once its file was removed or replaced."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The daemon's spool, and the lock that keeps another daemon away where only one may work on it."""

    spool: Store
    lock: int | None = None
    shared: Shared | None = None  # with other nodes, where there may be any

    async def answers(self) -> None:
        """Raises `StoreUnavailable` where a restart might help: a file that gives no answer. A server may be away."""
        if self.lock is not None:
            await self.spool.open_count()

    async def close(self) -> None:
        """Let go of both."""
        if isinstance(self.spool, SqliteSpool):
            with suppress(StoreUnavailable):
                await self.spool.advance()  # a copy made in the last minute is an older one, too
        await self.spool.close()
        if self.lock is not None:
            os.close(self.lock)


async def open_store(
    configuration: Configuration,
    *,
    clock: Clock = time.time,
    wake: Callable[[Channel], None] | None = None,
    delivers: bool = True,
) -> Kept:
    """For the daemon, which makes it where there is none; `wake` is called when another node took something in,
    and of a file when something is about to be committed, so that it can begin in the same commit.

    Raises `SpoolLocked`, `SpoolDamaged`, `StoreUnavailable`.
    """
    url = configuration.settings.spool.url
    if _is_postgresql(url):
        from bridge.spool.postgres.store import open_spool as open_postgres  # noqa: PLC0415  # an extra

        password = configuration.secrets.spool_password
        spool = await open_postgres(url, password, clock=clock, wake=wake, delivers=delivers)
        return Kept(spool=spool, shared=spool.shared)
    path = sqlite_path(url)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    held = lock(path)
    try:
        file = await open_spool(path)
        file.coming = wake or file.coming
        await _begin(file, clock())
        return Kept(spool=file, lock=held)
    except BaseException:
        os.close(held)
        raise


async def visit_store(configuration: Configuration) -> Spool:
    """For a command, which never makes one: a file would belong to whoever ran it, and a queue in it would wait for a
    daemon that looks elsewhere. Raises `SpoolDamaged`, and `StoreUnavailable` where there is none.
    """
    url = configuration.settings.spool.url
    if _is_postgresql(url):
        from bridge.spool.postgres.store import open_spool as open_postgres  # noqa: PLC0415  # an extra

        return await open_postgres(url, configuration.secrets.spool_password, command=True)
    path = sqlite_path(url)
    if not path.exists():
        raise StoreUnavailable(f"{path} does not exist yet: start `smsbridge serve` once")
    return await open_spool(path, command=True)


async def _begin(spool: SqliteSpool, now: float) -> None:
    """What an older copy of the spool holds is not sent by itself, and the operator is told."""
    try:
        held = await spool.begin(now)
        if held:  # nothing waited in a first start that was interrupted: that is no copy, and nothing is at stake
            get_logger("daemon").critical("spool restored", held=held, reason="it is older than what ran here last")
            await spool.alert(_RESTORED.format(held=held), now)
    except BaseException:
        await spool.close()
        raise
    spool.disk.load()


def _is_postgresql(url: str) -> bool:
    return url.startswith("postgresql:")
