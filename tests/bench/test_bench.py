"""The measurements work: each stage in the shortest run there is, without a word about how fast anything was."""

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.bench import svg, table
from tests.bench.frame import (
    Contestant,
    Goal,
    Missing,
    Options,
    Picture,
    Running,
    Shot,
    Stage,
    Table,
    compete,
    verdicts,
)
from tests.bench.frame import grouped as curves_of
from tests.bench.load import mail
from tests.bench.processes import ROOT, busy, free_port, listening, process, resident, share
from tests.bench.profile import by_stage
from tests.bench.slow_disk import MILLISECONDS, slow_disk
from tests.bench.stages import stages

QUICK = Options(quick=True, repeats=1)

ELSEWHERE = {
    "price": "run by the command below",
    "intake": "the contestants of load",
    "intake-each": "the contestants of load, sent to as in limits",
}
"""Stages in which nothing is left that is not tried by another one."""


@pytest.mark.parametrize(
    "stage", [pytest.param(stage, id=stage.name) for stage in stages() if stage.name not in ELSEWHERE]
)
async def test_every_stage_works(stage: Stage) -> None:
    try:
        outcome = await stage.run(QUICK)
    except Missing as missing:
        pytest.skip(str(missing))
    assert outcome.tables or outcome.text
    for one in outcome.tables:
        assert one.shots
        assert all(shots or name in one.left_out for name, shots in one.shots.items())
        assert all(shot.measured > 0 for shots in one.shots.values() for shot in shots)
        assert one.title in table.printed(one)
    assert json.dumps(table.as_json([(stage, outcome)]))
    for picture in outcome.pictures:
        ElementTree.fromstring(svg.drawn(picture))  # noqa: S314  # our own


def test_the_command_writes_what_it_was_asked_for(tmp_path: Path) -> None:
    figures, pictures = tmp_path / "figures.json", tmp_path / "pictures"
    command = [sys.executable, "-m", "tests.bench", "--quick", "--only", "price", "--json", str(figures)]
    done = subprocess.run(
        [*command, "--svg", str(pictures)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert "durability's price" in done.stdout
    assert [stage["name"] for stage in json.loads(figures.read_text(encoding="utf-8"))["stages"]] == ["price"]
    assert pictures.is_dir()


def test_an_unknown_stage_is_a_wrong_usage() -> None:
    command = [sys.executable, "-m", "tests.bench", "--only", "dor"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 2
    assert "no stage 'dor'" in done.stderr


async def test_contestants_shoot_by_turns_and_who_is_missing_is_named() -> None:
    order: list[str] = []

    def contestant(name: str, rate: float, *, there: bool = True) -> Contestant[Running]:
        async def shoot(_running: Running, count: int, run: str) -> Shot:
            if run.startswith("turn"):
                order.append(name)
            return Shot(count=count, seconds=count / rate)

        return Contestant(name=name, open=lambda _place: _nothing(there=there), shoot=shoot, least=10)

    goals = [Goal(ours="a", against="b", at_least=2, aim=3), Goal(ours="a", against="c", at_least=1, aim=1)]
    contestants = [contestant("a", 200), contestant("b", 80), contestant("c", 1, there=False)]
    found = await compete("it", contestants, Options(repeats=3, seconds=1), goals=goals)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert [shot.count for shot in found.shots["a"]] == [200] * 3
    assert found.left_out == {"c": "c is not installed"}
    (verdict,) = verdicts(found)
    assert verdict.figure == pytest.approx(2.5)
    assert verdict.reaches(2)
    assert not verdict.reaches(3)
    printed = table.printed(found)
    assert "left out: c is not installed" in printed
    assert "at least 2: reached; aim 3: NOT reached" in printed


class _nothing:  # noqa: N801 - used as a function
    """A contestant's processes: none, or not to be had."""

    def __init__(self, *, there: bool) -> None:
        self._there = there

    async def __aenter__(self) -> Running:
        if not self._there:
            raise Missing("c is not installed")
        return Running(port=1, pids=[])

    async def __aexit__(self, *_: object) -> None:
        pass


def test_a_goal_may_be_a_difference_or_a_bound() -> None:
    shots = {"a": [_shot(cpu=50), _shot(cpu=70)], "b": [_shot(cpu=40), _shot(cpu=30)]}
    goals = [
        Goal(ours="a", against="b", at_least=30, aim=20, difference=True, less=True, field="cpu"),
        Goal(ours="b", at_least=30, aim=50, field="cpu"),
    ]
    price, bound = verdicts(Table(title="t", unit="µs", shots=shots, goals=goals))
    assert (price.figure, price.lowest, price.highest) == (25, 10, 40)
    assert (price.reaches(30), price.reaches(20)) == (True, False)
    assert (bound.figure, bound.reaches(30), bound.reaches(50)) == (35, True, False)


def _shot(*, cpu: float) -> Shot:
    return Shot(count=1, seconds=1, cpu=cpu)


def test_curves_are_drawn_with_all_their_points() -> None:
    tables = [Table(title="", unit="", shots={"a <b>": [Shot(count=count, seconds=1)]}) for count in (10, 30)]
    curves = curves_of(tables, "measured", (1, 100))
    assert curves == {"a <b>": [(1, 10), (100, 30)]}
    for log_y in (False, True):
        drawn = svg.drawn(Picture(name="p", title="t & u", x="x", y="y", curves=curves, log_y=log_y))
        root = ElementTree.fromstring(drawn)  # noqa: S314  # our own
        assert len(root.findall("{*}circle")) == 2
        assert "a <b>" in [text.text for text in root.findall("{*}text")]


def test_a_mail_is_as_long_as_it_shall_be_and_like_no_other() -> None:
    for size in (500, 5000):
        one = mail(7, "run", size)
        assert abs(len(one) - size) < 60
        assert one.endswith(b"\r\n.\r\n")
        assert one.count(b"host7 ") == 2
        assert b"<run.7@example.org>" in one


def test_what_a_process_used_is_counted_with_its_children(tmp_path: Path) -> None:
    burn = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\n"
    done = tmp_path / "done"
    parent = (
        f"import subprocess, sys, time\nsubprocess.run([sys.executable, '-c', {burn!r}])\nopen({str(done)!r}, 'w')\n"
    )
    with process([sys.executable, "-c", parent + "time.sleep(60)"]) as pid:
        deadline = time.monotonic() + 60
        while not done.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert busy([pid]) >= 0.28
        assert resident([pid]) > 1
        assert 0 < share([pid]) <= resident([pid])
    assert busy([pid]) == 0, "it ended"


async def test_a_server_that_ends_is_not_waited_for() -> None:
    with process([sys.executable, "-c", "pass"]) as pid, pytest.raises(RuntimeError, match="ended"):
        await asyncio.wait_for(listening(free_port(), 60, pid=pid), 30)


def test_the_slow_disk_is_slow() -> None:
    try:
        with slow_disk() as environment:
            script = (
                "import os, tempfile, time\nfile = tempfile.TemporaryFile()\nbegun = time.monotonic()\n"
                "for _ in range(3): os.fsync(file.fileno()); os.fdatasync(file.fileno())\n"
                "print(time.monotonic() - begun)"
            )
            said = subprocess.run(
                [sys.executable, "-c", script], env={**os.environ, **environment}, capture_output=True, check=True
            ).stdout
    except Missing as missing:
        pytest.skip(str(missing))
    assert float(said) >= 6 * MILLISECONDS / 1000, "that is slept at least"


def test_samples_belong_to_their_innermost_stage() -> None:
    loop = "Runner.run (asyncio/runners.py:118)"
    other = "Thread._bootstrap (threading.py:1)"
    stacks = "\n".join(
        [
            f"{loop} 5",
            f"{loop};Door.data (bridge/smtpd/door.py:1);read (bridge/text/reading.py:1);parse (email/parser.py:1) 4",
            f"{loop};Door.data (bridge/smtpd/door.py:1) 3",
            f"{other};_run (bridge/spool/writer.py:9);_try (bridge/spool/writer.py:99) 2",
            f"{other};_run (bridge/spool/writer.py:9) 100",
        ]
    )
    assert by_stage(stacks) == {
        "loop": {"event loop and sockets": 5, "reading the mail": 4, "the door: one mail's way through": 3},
        "others": {"the spool: statements and commits": 2},
    }
