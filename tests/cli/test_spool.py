"""The spool as a command uses it: there or not, closed again, and never made."""

import asyncio
from pathlib import Path

import pytest

from bridge.cli.spool import with_spool
from bridge.config import ConfigError
from bridge.message import StoreUnavailable
from bridge.spool.contract import Spool
from bridge.spool.sqlite import open_spool
from tests.make import delivery, intake


def test_a_command_makes_none(config: Path) -> None:
    before = sorted(config.parent.iterdir())
    with pytest.raises(StoreUnavailable, match="start `smsbridge serve` once"):
        with_spool(config, lambda spool: spool.open_count())
    assert sorted(config.parent.iterdir()) == before


def test_work_is_done_and_the_spool_is_let_go(config: Path, made: Path) -> None:
    opened: list[Spool] = []

    async def work(spool: Spool) -> int:
        opened.append(spool)
        await spool.accept(intake(delivery()))
        return await spool.open_count()

    assert with_spool(config, work) == 1
    (spool,) = opened
    with pytest.raises(StoreUnavailable, match="closed"):
        asyncio.run(spool.open_count())
    assert not made.with_name(made.name + "-wal").exists()  # the last one out writes everything back


def test_it_is_let_go_when_the_work_fails(config: Path, made: Path) -> None:
    async def broken(_: Spool) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        with_spool(config, broken)
    assert not made.with_name(made.name + "-wal").exists()


def test_it_may_be_used_beside_a_daemon(config: Path, made: Path) -> None:
    async def beside() -> int:
        daemons = await open_spool(made)
        await daemons.accept(intake(delivery()))
        found: int = await asyncio.to_thread(with_spool, config, lambda spool: spool.open_count())
        await daemons.close()
        return found

    assert asyncio.run(beside()) == 1


def test_a_wrong_configuration_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        with_spool(tmp_path / "none.toml", lambda spool: spool.open_count())
