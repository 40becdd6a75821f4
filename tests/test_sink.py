"""Where log lines go."""

import os
import re
import subprocess
import sys
from pathlib import Path

import bridge

WRITERS, TURNS, LINES = 3, 20, 100
WRITER = f"""
import sys
from bridge import log
waiting = []
log.configure(stream=sys.stderr, json=False)
log.gather(waiting.append)
logger = log.get_logger("writer")
for turn in range({TURNS}):
    for number in range({LINES}):
        logger.info("queued", id="M1", words="x" * (50 + number))
    waiting.pop()()
"""
LINE = re.compile(r"\S+ info     queued     id=M1 words=x+ \(writer\)")


def test_lines_of_several_processes_are_never_torn_by_a_pipe_that_is_read_slowly() -> None:
    reading, writing = os.pipe()
    environment = {**os.environ, "PYTHONPATH": str(Path(bridge.__file__).parents[1])}
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER], stderr=writing, env=environment) for _ in range(WRITERS)
    ]
    os.close(writing)
    said = b""
    while piece := os.read(reading, 3000):  # less than is written at once: the pipe stays full
        said += piece
    os.close(reading)
    assert [writer.wait() for writer in writers] == [0] * WRITERS
    lines = said.decode().splitlines()
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert len(lines) == WRITERS * TURNS * LINES
