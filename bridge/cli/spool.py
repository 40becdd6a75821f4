"""The spool as a command uses it: opened for one piece of work, never made by a command."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from bridge.cli.options import run
from bridge.message import StoreUnavailable
from bridge.spool import Spool

T = TypeVar("T")


def with_spool(config_path: Path, work: Callable[[Spool], Awaitable[T]]) -> T:
    """Do `work` on the spool of a configuration.

    Only the daemon makes a spool: one made here would belong to whoever runs the command, and a queue in it would wait
    for a daemon that looks elsewhere. Raises `StoreUnavailable` when there is none.
    """
    from bridge import config  # noqa: PLC0415  # phone metadata: not for --help
    from bridge.daemon import sqlite_path  # noqa: PLC0415  # the whole daemon is behind this: not for --help
    from bridge.spool.sqlite import open_spool  # noqa: PLC0415  # the database: not for --help

    path = sqlite_path(config.load(config_path).settings.spool.url)
    if not path.exists():
        raise StoreUnavailable(f"{path} does not exist yet: start `smsbridge serve` once")

    async def working() -> T:
        spool = await open_spool(path)
        try:
            return await work(spool)
        finally:
            await spool.close()

    return run(working())
