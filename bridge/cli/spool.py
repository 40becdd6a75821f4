"""The spool as a command uses it: opened for one piece of work, never made by a command."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from bridge.cli.options import run
from bridge.spool import Spool

T = TypeVar("T")


def with_spool(config_path: Path, work: Callable[[Spool], Awaitable[T]]) -> T:
    """Do `work` on the spool of a configuration. Raises `StoreUnavailable` when there is none."""
    from bridge import config  # noqa: PLC0415  # phone metadata: not for --help
    from bridge.daemon import visit_store  # noqa: PLC0415  # the whole daemon is behind this: not for --help

    configuration = config.load(config_path)

    async def working() -> T:
        spool = await visit_store(configuration)
        try:
            return await work(spool)
        finally:
            await spool.close()

    return run(working())
