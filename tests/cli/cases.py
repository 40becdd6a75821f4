"""Cases for the doctor: configurations with one thing changed, and servers that are wrong in one way."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bridge import config
from bridge.cli.findings import Case, Finding
from tests.config import setup


def case(directory: Path, clock: Callable[[], float] = time.time, **more: Any) -> Case:
    """The good configuration in `directory`; sections of settings replaced by keyword, the rest is the case's own."""
    loaded = config.load(setup.put(directory, setup.GOOD), {})
    sections = {name: more.pop(name) for name in list(more) if hasattr(loaded.settings, name)}
    settings = loaded.settings
    for name, changes in sections.items():
        old = getattr(settings, name)
        new = replace(old, **changes) if isinstance(changes, dict) else changes
        settings = replace(settings, **{name: new})
    return Case(configuration=replace(loaded, settings=settings), clock=clock, **more)


def told(findings: Sequence[Finding]) -> list[tuple[str, str]]:
    """Level and check of each; who must act is always told what to do."""
    for finding in findings:
        assert finding.text
        assert bool(finding.remedy) is (finding.level != "ok"), finding
    return [(finding.level.value, finding.check) for finding in findings]


def only(findings: Sequence[Finding]) -> Finding:
    """The single finding."""
    told(findings)
    (finding,) = findings
    return finding
