"""Stages, contestants, shots and goals, and the loop that lets contestants shoot by turns.

Whatever a machine does besides, it does to all of them: they stand beside each other in one run, each turn begins with
another one, and only quotients mean anything.
"""

import contextlib
import re
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from tests.bench.processes import busy, resident, share

R = TypeVar("R", bound="Running")

_WARM_SECONDS = 0.3


class Missing(Exception):
    """Something that is measured against is not on this machine; the words say how to get it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asked for."""

    repeats: int = 5
    seconds: float = 2.0  # of one shot, more or less
    count: int | None = None  # messages of one shot, instead
    quick: bool = False  # only whether it works: one repeat, the fewest messages

    def amount(self, rate: float, least: int) -> int:
        """Messages of a shot of somebody who does `rate` a second."""
        if self.quick:
            return least
        return max(least, self.count if self.count is not None else int(rate * self.seconds))


@dataclass(frozen=True, kw_only=True)
class Running:
    """A contestant that is up: where it listens, and the processes that count as it, with all that they start."""

    port: int
    pids: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One repeat. `compete` adds `cpu` and `memory`."""

    count: int  # 0: nothing was sent, only looked at
    seconds: float
    began: float = 0.0  # CLOCK_MONOTONIC, the same in all processes
    value: float | None = None  # what is compared; None: messages a second
    p50: float | None = None  # ms
    p99: float | None = None  # ms
    generator: float | None = None  # µs of processor time a message that sending it took
    cpu: float = 0.0  # µs of processor time a message, user and system, of all processes of the contestant
    memory: float = 0.0  # MiB resident afterwards, each process for itself
    share: float = 0.0  # the same with what they share counted once

    @property
    def measured(self) -> float:
        """What is compared."""
        return self.count / self.seconds if self.value is None else self.value


async def no_wait(_running: Any) -> None:
    """Nothing is to be waited for after a shot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant(Generic[R]):
    """See the package's docstring."""

    name: str
    open: Callable[[Path], contextlib.AbstractAsyncContextManager[R]]
    shoot: Callable[[R, int, str], Awaitable[Shot]]
    least: int = 50
    waits: Callable[[R], Awaitable[None]] = no_wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What `ours` shall reach; a figure of issue 8."""

    ours: str
    at_least: float
    aim: float
    against: str | None = None
    difference: bool = False  # ours minus theirs instead of ours through theirs
    less: bool = False  # smaller is better
    field: str = "measured"  # of `Shot`
    unit: str = "x"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What one comparison gave, turn by turn."""

    title: str
    unit: str
    shots: Mapping[str, Sequence[Shot]]
    left_out: Mapping[str, str] = field(default_factory=dict)  # contestant: why
    goals: Sequence[Goal] = ()
    notes: Sequence[str] = ()

    def series(self, contestant: str, name: str = "measured") -> list[float]:
        """One figure of a contestant, turn by turn; [] if it has none."""
        found = [getattr(shot, name) for shot in self.shots.get(contestant, ())]
        return [figure for figure in found if figure is not None]

    def median(self, contestant: str, name: str = "measured") -> float | None:
        """Of that."""
        found = self.series(contestant, name)
        return statistics.median(found) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Curves over one axis; `name` is its file's."""

    name: str
    title: str
    x: str
    y: str
    curves: Mapping[str, Sequence[tuple[float, float]]]
    log_x: bool = True
    log_y: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Everything a stage has to show; `text` is printed as it is."""

    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Something that is measured."""

    name: str
    title: str
    run: Callable[[Options], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A goal beside what was reached: of the medians, and the range turn by turn."""

    goal: Goal
    figure: float
    lowest: float
    highest: float

    def reaches(self, bound: float) -> bool:
        """Whether the medians are as good as that."""
        return self.figure <= bound if self.goal.less else self.figure >= bound


async def compete(
    title: str,
    contestants: Sequence[Contestant[Any]],
    options: Options,
    *,
    unit: str = "mails/s",
    goals: Sequence[Goal] = (),
    notes: Sequence[str] = (),
) -> Table:
    """Start all, warm them up, and let them shoot by turns."""
    shots: dict[str, list[Shot]] = {contestant.name: [] for contestant in contestants}
    left_out: dict[str, str] = {}
    running: dict[str, Any] = {}
    counts: dict[str, int] = {}
    async with contextlib.AsyncExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="smsbridge-bench-")))
        place.chmod(0o755)
        for contestant in contestants:
            own = place / re.sub(r"\W+", "-", contestant.name)
            own.mkdir()
            try:
                running[contestant.name] = await stack.enter_async_context(contestant.open(own))
            except Missing as missing:
                left_out[contestant.name] = str(missing)
                continue
            counts[contestant.name] = await _warm(contestant, running[contestant.name], options)
        present = [contestant for contestant in contestants if contestant.name in running]
        for turn in range(options.repeats):
            first = turn % len(present) if present else 0
            for contestant in present[first:] + present[:first]:
                name = contestant.name
                shots[name].append(await _shoot(contestant, running[name], counts[name], f"turn{turn}"))
    return Table(title=title, unit=unit, shots=shots, left_out=left_out, goals=goals, notes=notes)


def verdicts(table: Table) -> list[Verdict]:
    """The goals of a table whose contestants were all there."""
    found: list[Verdict] = []
    for goal in table.goals:
        ours, theirs = table.series(goal.ours, goal.field), table.series(goal.against or "", goal.field)
        if not ours or (goal.against is not None and not theirs):
            continue
        if goal.against is None:
            by_turn, figure = ours, statistics.median(ours)
        else:
            by_turn = [_compared(goal, mine, other) for mine, other in zip(ours, theirs, strict=True)]
            figure = _compared(goal, statistics.median(ours), statistics.median(theirs))
        found.append(Verdict(goal=goal, figure=figure, lowest=min(by_turn), highest=max(by_turn)))
    return found


def _compared(goal: Goal, ours: float, theirs: float) -> float:
    if goal.difference:
        return ours - theirs
    return ours / theirs if theirs else float("inf")


async def _warm(contestant: Contestant[Any], running: Any, options: Options) -> int:
    """Messages of each of its shots, found in two that do not count."""
    shot = await contestant.shoot(running, contestant.least, "warm1")
    await contestant.waits(running)
    if options.quick:
        return contestant.least
    shot = await contestant.shoot(
        running, max(contestant.least, int(shot.count / shot.seconds * _WARM_SECONDS)), "warm2"
    )
    await contestant.waits(running)
    return options.amount(shot.count / shot.seconds, contestant.least)


async def _shoot(contestant: Contestant[Any], running: Any, count: int, run: str) -> Shot:
    before = busy(running.pids)
    shot = await contestant.shoot(running, count, run)
    used = busy(running.pids) - before
    each = used / shot.count * 1e6 if shot.count else 0.0
    shot = replace(shot, cpu=each, memory=resident(running.pids), share=share(running.pids))
    await contestant.waits(running)
    return shot


def grouped(tables: Sequence[Table], name: str, xs: Sequence[float]) -> dict[str, list[tuple[float, float]]]:
    """Curves over `xs`, one table for each: the medians of one figure, contestant by contestant."""
    curves: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for x, table in zip(xs, tables, strict=True):
        for contestant in table.shots:
            median = table.median(contestant, name)
            if median is not None:
                curves[contestant].append((x, median))
    return dict(curves)
