"""Tables that fit, lines that wrap, and progress that only a terminal sees."""

import asyncio
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.cli.terminal import counting, cut, in_thread, paragraphs, table, ticking
from tests.cli.conftest import MAIN, ROOT


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcdefgh", 5, "ab…gh"),
        ("abcdefgh", 4, "ab…h"),
        ("abc", 1, "…"),
        ("abc", 0, ""),
        ("", 0, ""),
    ],
)
def test_the_middle_is_left_out(text: str, most: int, shown: str) -> None:
    assert cut(text, most) == shown


def test_a_table_is_as_wide_as_its_contents_where_there_is_no_terminal() -> None:
    rows = [("a", 1, None), ("bbb", 22, "x" * 300)]
    assert list(table(rows, None)) == ["a    1", f"bbb  22  {'x' * 300}"]
    assert list(table([], None)) == []


def test_the_widest_gives_way_first() -> None:
    ident = "01m80zsqrq25r99q75pv0fts4j-1"
    (line,) = table([(ident, "queued", "r" * 100)], 60)
    assert line == f"{ident}  queued  {'r' * 11}…{'r' * 10}"
    assert len(line) == 60


@given(
    st.lists(st.lists(st.text(max_size=80), min_size=4, max_size=4), min_size=1, max_size=5),
    st.integers(min_value=40, max_value=200),
)
def test_no_line_is_wider_than_the_terminal(rows: list[list[str]], columns: int) -> None:
    lines = list(table(rows, columns))
    assert len(lines) == len(rows)
    assert all(len(line) <= columns and line.isprintable() for line in lines)


def test_long_text_is_wrapped_and_its_own_lines_stay() -> None:
    text = "one two three four five six\n\nseven\x1b[2J"
    assert list(paragraphs(text, 22, "  ")) == ["  one two three four", "  five six", "", "  seven [2J"]
    assert list(paragraphs(text, None, "  ")) == ["  one two three four five six", "  ", "  seven [2J"]


def test_no_progress_where_nobody_sees_it(capfd: pytest.CaptureFixture[str]) -> None:
    async def work() -> int:
        return 7

    with counting("copying", shown=True) as tell:
        tell(1, 2)
        tell(2, 2)
    assert asyncio.run(ticking("erasing", work(), shown=True)) == 7
    assert capfd.readouterr() == ("", "")


PROGRESS = """
import asyncio
from bridge.cli.terminal import counting, ticking
with counting("copying", shown=SHOWN) as tell:
    for done in range(1, 6):
        tell(done, 5)
async def main():
    done = asyncio.Event()
    asyncio.get_running_loop().call_later(0.5, done.set)
    await ticking("erasing", done.wait(), shown=SHOWN)
asyncio.run(main())
"""


def on_a_terminal(*command: str) -> tuple[int, str]:
    """Exit code and what a terminal got to see."""
    outer, inner = pty.openpty()
    with subprocess.Popen(
        command, cwd=ROOT, stdin=inner, stdout=inner, stderr=inner, env={**os.environ, "COLUMNS": "60", "LINES": "30"}
    ) as process:
        os.close(inner)
        said = b""
        while True:
            try:
                piece = os.read(outer, 4096)
            except OSError:
                break
            if not piece:
                break
            said += piece
        os.close(outer)
        code = process.wait(60)
    return code, said.decode()


def test_progress_on_a_terminal() -> None:
    code, said = on_a_terminal(sys.executable, "-c", PROGRESS.replace("SHOWN", "True"))
    assert code == 0
    assert "copying" in said
    assert "5/5" in said
    assert "erasing … 0 s" in said
    assert said.rstrip(" ").endswith("\r")


def test_none_beside_json() -> None:
    assert on_a_terminal(sys.executable, "-c", PROGRESS.replace("SHOWN", "False")) == (0, "")


def test_a_table_on_a_terminal_is_cut(config: Path) -> None:
    users = config.with_name("users")
    users.write_text(f"{users.read_text()}{'x' * 50}.example.com:certificate:{'y' * 50}@example.com\n")
    code, said = on_a_terminal(sys.executable, "-c", MAIN, "user", "list", "--config", str(config))
    assert code == 0
    lines = said.splitlines()
    assert len(lines) == 3
    assert max(map(len, lines)) <= 60
    assert "…" in lines[2]


async def test_work_in_a_thread() -> None:
    assert await in_thread(lambda number: number + 1, 6) == 7
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 / 0)
