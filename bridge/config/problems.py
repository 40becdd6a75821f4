"""What is wrong with a configuration: where, what, and what would be right.

An operator who repairs one thing at a time and restarts each time loses an evening. So nothing here stops
at the first finding: readers report to a `Collector` and go on, and `load` raises everything at once.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One finding. As text: ``bridge.toml:12: smtpd.listen: «…» is not host:port; write for example …``."""

    file: str  # as the operator would name it: relative to the configuration's directory where it lies there
    line: int | None = None  # from 1; None: the file as a whole
    key: str = ""
    message: str
    hint: str = ""  # what would be right

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        what = f"{self.key}: {self.message}" if self.key else self.message
        return f"{where}: {what}; {self.hint}" if self.hint else f"{where}: {what}"


class ConfigError(Exception):
    """The configuration cannot be used; `problems` holds everything that is wrong with it, in reading
    order.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class Invalid(Exception):
    """A reader cannot use the value: `message` and `hint` of the Problem that becomes of it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Reported(Exception):
    """A reader cannot use the value and has reported why already, more closely than its caller could."""


class Collector:
    """Gathers problems and warnings while the files are read."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []
        self._warnings: list[Problem] = []
        self._files: dict[str, int] = {}

    def problem(self, found: Problem) -> None:
        self._note(self._problems, found)

    def warning(self, found: Problem) -> None:
        self._note(self._warnings, found)

    def _note(self, kept: list[Problem], found: Problem) -> None:
        self._files.setdefault(found.file, len(self._files))
        if found not in kept:
            kept.append(found)

    def read(self, file: str) -> None:
        """Notes that `file` is read now, so that its problems come after those of the files before."""
        self._files.setdefault(file, len(self._files))

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self._sorted(self._problems)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return self._sorted(self._warnings)

    def _sorted(self, kept: list[Problem]) -> tuple[Problem, ...]:
        return tuple(sorted(kept, key=lambda one: (self._files[one.file], one.line or 0)))


def shown(value: object) -> str:
    """A value as a message may quote it: shortened, printable, and hidden where it could hold a password."""
    if isinstance(value, (list, dict)):
        return "this"
    try:
        text = str(value)
    except ValueError:  # a whole number of more digits than Python writes
        return "this number"
    before_at, at, _ = text.partition("@")
    if "://" in text or "$" in text or (at and ":" in before_at and not before_at.startswith("user:")):
        return "this"
    return f"«{printable(text)}»"


def printable(text: str) -> str:
    """`text` shortened, and without characters that would do something to a terminal."""
    if len(text) > _LONGEST_SHOWN:
        text = text[: _LONGEST_SHOWN - 1] + "…"
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``did you mean "…"?`` for a near miss, else the list of what is known."""
    choices = list(known)
    near = difflib.get_close_matches(name[:_LONGEST_SHOWN].lower(), choices, n=1, cutoff=0.6)
    if near:
        return f'did you mean "{near[0]}"?'
    return "known are " + ", ".join(choices)
