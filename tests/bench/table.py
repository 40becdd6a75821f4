"""What was measured, as text for people and as JSON for programs."""

import dataclasses
import os
import platform
import sys
from collections.abc import Sequence
from typing import Any

from tests.bench.frame import Outcome, Shot, Stage, Table, Verdict, verdicts

_COLUMNS = (
    ("cpu", "CPU µs", 0),
    ("generator", "gen. µs", 0),
    ("p50", "p50 ms", 2),
    ("p99", "p99 ms", 2),
    ("memory", "RSS MiB", 0),
    ("share", "PSS MiB", 0),
)
_NAME = 46


def printed(table: Table) -> str:
    """The table, its notes, and what became of its goals."""
    lines = ["", f"== {table.title}"]
    lines += [f"   {note}" for note in table.notes]
    heads = "".join(f"{head:>9}" for _, head, _ in _COLUMNS)
    lines.append(f"{table.unit:<{_NAME}}{'min':>9}{'median':>9}{'max':>9}{'spread':>8}{heads}")
    lines += [_row(table, name) for name, shots in table.shots.items() if shots]
    lines += [f"{name:<{_NAME}} left out: {why}" for name, why in table.left_out.items()]
    lines += [f"   {_said(verdict)}" for verdict in verdicts(table)]
    return "\n".join(lines)


def _row(table: Table, name: str) -> str:
    figures = table.series(name)
    median = table.median(name) or 0.0
    spread = (max(figures) - min(figures)) / median * 100 if median else 0.0
    shown = "".join(f"{_number(figure):>9}" for figure in (min(figures), median, max(figures)))
    return f"{name:<{_NAME}}{shown}{spread:>6.0f} %" + "".join(
        f"{_number(found, digits):>9}" for column, _, digits in _COLUMNS for found in [table.median(name, column)]
    )


_LARGE = 100


def _number(figure: float | None, digits: int | None = None) -> str:
    if not figure:
        return "-"
    if digits is None:
        digits = 0 if abs(figure) >= _LARGE else 2
    return f"{figure:.{digits}f}"


def _said(verdict: Verdict) -> str:
    goal = verdict.goal
    what = "" if goal.field == "measured" else f" in {goal.field}"
    against = "" if goal.against is None else f" {'minus' if goal.difference else 'against'} {goal.against}"
    bound = "at most" if goal.less else "at least"
    return (
        f"{goal.ours}{what}{against}: {verdict.figure:.2f} {goal.unit} "
        f"({verdict.lowest:.2f} to {verdict.highest:.2f} by turns); {bound} {goal.at_least:g}: "
        f"{_word(verdict, goal.at_least)}; aim {goal.aim:g}: {_word(verdict, goal.aim)}"
    )


def _word(verdict: Verdict, bound: float) -> str:
    return "reached" if verdict.reaches(bound) else "NOT reached"


def machine() -> str:
    """What it was measured on, in a line."""
    python = f"Python {platform.python_version()} of {sys.base_prefix}"  # builds of one version differ in speed
    return f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, {python}"


def as_json(outcomes: Sequence[tuple[Stage, Outcome]]) -> dict[str, Any]:
    """All figures of all turns."""
    stages = [
        {
            "name": stage.name,
            "title": stage.title,
            "text": outcome.text,
            "tables": [_table(one) for one in outcome.tables],
        }
        for stage, outcome in outcomes
    ]
    return {"machine": machine(), "stages": stages}


def _table(table: Table) -> dict[str, Any]:
    goals = [
        {
            **dataclasses.asdict(verdict.goal),
            "figure": verdict.figure,
            "lowest": verdict.lowest,
            "highest": verdict.highest,
            "reached": verdict.reaches(verdict.goal.at_least),
            "aim_reached": verdict.reaches(verdict.goal.aim),
        }
        for verdict in verdicts(table)
    ]
    shots = {name: [_shot(shot) for shot in of_name] for name, of_name in table.shots.items()}
    return {"title": table.title, "unit": table.unit, "shots": shots, "left_out": dict(table.left_out), "goals": goals}


def _shot(shot: Shot) -> dict[str, Any]:
    return {**dataclasses.asdict(shot), "value": shot.measured}
