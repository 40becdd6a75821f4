"""The stream behind the log: whole lines, however many threads and processes of ours write to the same one."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from select import PIPE_BUF
from typing import TextIO


class Sink:
    """The stream behind a lock: structlog's logger and factory in one; `configure` moves it, `gather` makes it wait."""

    def __init__(self) -> None:
        self.stream: TextIO | None = None
        self._lines: list[str] = []
        self._soon: Callable[[Callable[[], None]], object] | None = None
        self._thread = 0
        # Re-entrant: the garbage collector may run somebody's __del__, which may log, while we write.
        self._lock = threading.RLock()

    def __call__(self, *_: object) -> "Sink":
        return self

    def gather(self, soon: Callable[[Callable[[], None]], object] | None) -> None:
        """See `bridge.log.gather`."""
        self._soon, self._thread = soon, threading.get_ident()
        self.flush()

    def write(self, line: str) -> None:
        """At once, with all that waits before it."""
        with self._lock:
            self._lines.append(line)
            self.flush()

    def later(self, line: str) -> None:
        """With the other lines of this turn, where there are turns."""
        if self._soon is None or threading.get_ident() != self._thread:
            self.write(line)
            return
        with self._lock:
            self._lines.append(line)
            first = len(self._lines) == 1
        if first:
            self._soon(self.flush)

    def flush(self) -> None:
        """Writes what waits or nothing: a daemon that stops because its log cannot be read helps nobody."""
        with self._lock:
            lines, self._lines = self._lines, []
            with suppress(Exception):  # whatever a broken stream raises, nowhere is left to say it
                if self.stream is not None:
                    for piece in _pieces(lines):
                        self.stream.write(piece)
                        self.stream.flush()

    debug = info = later
    warning = error = critical = write


def _pieces(lines: list[str]) -> Iterator[str]:
    """What is written at once: whole lines, no more than a pipe takes undivided. Else another process's would come
    between, and a stranger's words might begin a line. A longer line goes alone.
    """
    piece, size = "", 0
    for line in lines:
        octets = len(line.encode("utf-8", "replace")) + 1
        if piece and size + octets > PIPE_BUF:
            yield piece
            piece, size = "", 0
        piece, size = f"{piece}{line}\n", size + octets
    if piece:
        yield piece
