"""How a table of keys is read: the place a value stands at, and the readers that every file shares.

A reader takes a value and its `Place` and gives back the finished thing, or raises `Invalid` with what is
wrong and what would be right. Readers of several things report to the place themselves, go on with the
next, and raise `Reported`.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from bridge.config.document import Document, Part
from bridge.config.problems import Collector, Invalid, Problem, Reported, did_you_mean, printable, shown

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where names of files start: beside the configuration, secrets also in systemd's."""

    base: Path
    credentials: Path | None = None  # $CREDENTIALS_DIRECTORY

    def path(self, text: str) -> Path:
        """A path as written, relative to the configuration file's directory."""
        return self.base / text

    def secret(self, text: str) -> Path:
        """The file a `*_file` means: a bare name is looked up among the credentials first."""
        if self.credentials is not None and Path(text).name == text:
            found = self.credentials / text
            if os.path.exists(found):  # noqa: PTH110 - Path.exists raises for names that no file can have
                return found
        return self.base / text

    def name(self, path: Path) -> str:
        """What problems call a file: relative to the configuration where it lies there, else the whole
        path.
        """
        return str(path.relative_to(self.base)) if path.is_relative_to(self.base) else str(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a value stands in its document, and whom to tell about it."""

    document: Document
    collector: Collector
    files: Files
    trail: tuple[Part, ...] = ()
    prefix: int = 0  # how many steps of the trail a message need not name, because its line says them
    country: str = "AT"  # region of national numbers

    def at(self, *parts: Part) -> "Place":
        """The place of something inside."""
        return replace(self, trail=(*self.trail, *parts))

    @property
    def key(self) -> str:
        """The key as it is written, without the positions in lists: their line says which one it is."""
        return ".".join(printable(part) for part in self.trail[self.prefix :] if isinstance(part, str))

    @property
    def line(self) -> int | None:
        return self.document.line(*self.trail)

    def problem(self, message: str, hint: str = "") -> None:
        self.collector.problem(self._made(message, hint))

    def warning(self, message: str, hint: str = "") -> None:
        self.collector.warning(self._made(message, hint))

    def _made(self, message: str, hint: str) -> Problem:
        return Problem(file=self.document.file, line=self.line, key=self.key, message=message, hint=hint)


Reader = Callable[[object, Place], T]


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table: how it is read, what it is when it is not there, and a sentence for people."""

    name: str
    read: Reader[object]
    default: object  # as it would be written in TOML; None: there is no default
    sentence: str
    required: str = ""  # what to write; not empty makes a missing key a problem


def read_keys(table: Mapping[str, object], keys: Sequence[Key], place: Place) -> dict[str, object]:
    """Every key of `keys` read from `table`; those without a usable value are missing from the answer.

    Reports unknown keys, unusable values and missing required ones, each on its own line. Sub-tables that
    hold other sections must have been taken out before.
    """
    names = [key.name for key in keys]
    for name in table:
        if name not in names:
            place.at(name).problem("there is no such key", did_you_mean(name, names))
    values: dict[str, object] = {}
    for key in keys:
        if key.name in table:
            read_one(key.name, table[key.name], key.read, place.at(key.name), values)
        elif key.required:
            place.at(key.name).problem("is missing", key.required)
        elif key.default is not None:
            values[key.name] = key.read(key.default, place.at(key.name))
    return values


def read_one(name: str, value: object, reader: Reader[object], place: Place, values: dict[str, object]) -> None:
    """Puts the read value into `values`, or a Problem into the collector."""
    try:
        values[name] = reader(value, place)
    except Invalid as error:
        place.problem(error.message, error.hint)
    except Reported:
        return


def list_of(reader: Reader[T], *, example: str, at_least: int = 0) -> Reader[tuple[T, ...]]:
    """A reader of lists; every bad element is reported on its own line."""

    def read(value: object, place: Place) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise Invalid("this must be a list", f"write for example {example}")
        if len(value) < at_least:
            raise Invalid("the list is empty", f"write for example {example}")
        found: list[T] = []
        bad = False
        for index, element in enumerate(value):
            try:
                found.append(reader(element, place.at(index)))
            except Invalid as error:
                place.at(index).problem(error.message, error.hint)
                bad = True
            except Reported:
                bad = True
        if bad:
            raise Reported
        return tuple(found)

    return read


def one_of(*words: str) -> Reader[str]:
    """A reader of one word out of a few."""

    def read(value: object, _place: Place) -> str:
        if isinstance(value, str) and value in words:
            return value
        choices = " or ".join(f'"{word}"' for word in words)
        if isinstance(value, str):
            near = did_you_mean(value, words)
            raise Invalid(f"{shown(value)} is not known here", near if near.startswith("did") else f"write {choices}")
        raise Invalid("this must be text", f"write {choices}")

    return read
