"""The spool as a command uses it: opened for one piece of work, never made by a command."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from bridge.cli.options import run
from bridge.spool.contract import Spool

if TYPE_CHECKING:
    from bridge.config import Configuration
    from bridge.console.sources import Store

T = TypeVar("T")


def with_spool(config_path: Path, work: Callable[[Spool], Awaitable[T]]) -> T:
    """Do `work` on the spool of a configuration. Raises `StoreUnavailable` when there is none."""
    from bridge import config  # noqa: PLC0415  # phone metadata: not for --help

    return with_window(config.load(config_path), work)


def with_window(configuration: "Configuration", work: Callable[["Store"], Awaitable[T]]) -> T:
    """Look into the spool of a configuration. Raises `StoreUnavailable` when there is none."""
    from bridge.daemon import visit_store  # noqa: PLC0415  # the whole daemon is behind this: not for --help

    async def working() -> T:
        spool = await visit_store(configuration)
        try:
            return await work(cast("Store", spool))  # both stores are
        finally:
            await spool.close()

    return run(working())
