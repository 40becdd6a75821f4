"""The bridge that runs, and what systemd says of it."""

import os
from pathlib import Path
from typing import Any

import pytest

from bridge import __version__
from bridge import config as configuration
from bridge.cli.findings import Case, running
from tests.cli.cases import case, only, told
from tests.cli.test_status import bridge, nobody


def looking(config: Path) -> Case:
    return Case(configuration=configuration.load(config, {}), clock=lambda: 0.0)


async def test_one_that_is_well(config: Path) -> None:
    async with bridge(config, version=__version__, queued=3):
        found = only(await running.look(looking(config)))
    assert (found.level, "3 queued" in found.text) == ("ok", True)


async def test_none(config: Path) -> None:
    nobody(config)
    assert only(await running.look(looking(config))).level == "warn"


async def test_one_with_troubles(config: Path) -> None:
    async with bridge(config, ready=False, reasons=["stopping"], degraded=["paused: x: login refused"], test=True):
        found = await running.look(looking(config))
    assert told(found) == [("fail", "bridge"), ("fail", "bridge"), ("warn", "bridge"), ("warn", "bridge")]
    assert found[0].text.endswith("stopping")
    assert found[1].text == "paused: x: login refused"


@pytest.mark.parametrize(
    ("says", "level"),
    [
        ({"LoadState": "not-found"}, "ok"),
        ({"ActiveState": "active", "UnitFileState": "enabled", "NRestarts": "0"}, "ok"),
        ({"ActiveState": "active", "UnitFileState": "enabled", "NRestarts": "7"}, "warn"),
        ({"ActiveState": "active", "UnitFileState": "disabled"}, "warn"),
        ({"ActiveState": "inactive", "SubState": "dead"}, "warn"),
        ({"ActiveState": "failed", "Result": "exit-code"}, "fail"),
        (None, "ok"),
    ],
)
async def test_the_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: dict[str, Any] | None, level: str
) -> None:
    lines = (
        "" if says is None else "\n".join(f"{name}={value}" for name, value in {"LoadState": "loaded", **says}.items())
    )
    program = tmp_path / "systemctl"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{lines}\nEND\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert only(await running.unit(case(tmp_path))).level == level


async def test_no_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert only(await running.unit(case(tmp_path))).level == "ok"
