"""Readers of single values: texts, numbers, durations, sizes, rates, files.

Each says in its error what it found and writes down one example that would be right. What could hold a
password is never quoted.
"""

import re
from pathlib import Path
from typing import Final

from bridge.config.problems import Invalid, shown
from bridge.config.reading import Place, Reader
from bridge.config.settings import Rate

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES: Final = {"KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}


def text(value: object, _place: Place) -> str:
    """Text without control characters that is not blank."""
    if not isinstance(value, str):
        raise Invalid("this must be text", "put it in quotes")
    if not value.strip():
        raise Invalid("the text is empty", "write something between the quotes or remove the line")
    if not value.isprintable():
        raise Invalid("the text holds control characters", "write it on one line")
    return value


def xml_name(value: object, place: Place) -> str:
    """The name of an XML element."""
    name = text(value, place)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9._-]{0,99}", name):
        raise Invalid(f"{shown(name)} is not the name of an XML element", 'write for example "notificationResponse"')
    return name


def boolean(value: object, _place: Place) -> bool:
    if not isinstance(value, bool):
        raise Invalid("this must be true or false", "write true or false, without quotes")
    return value


def integer(low: int, high: int) -> Reader[int]:
    """A reader of whole numbers from `low` to `high`."""

    def read(value: object, _place: Place) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Invalid("this must be a whole number", f"write one from {low} to {high}, without quotes")
        if not low <= value <= high:
            raise Invalid(f"{shown(value)} is out of range", f"write a number from {low} to {high}")
        return value

    return read


def duration(low: str, high: str) -> Reader[float]:
    """A reader of ``90s``, ``15m``, ``72h``, ``7d`` between two of the same kind, in seconds."""

    def read(value: object, _place: Place) -> float:
        seconds = _seconds(value) if isinstance(value, str) else None
        if seconds is None:
            raise Invalid(
                f"{shown(value)} is not a duration",
                'write a whole number and s, m, h or d in quotes, for example "90s" or "72h"',
            )
        if not (_seconds(low) or 0) <= seconds <= (_seconds(high) or 0):
            raise Invalid(f"{shown(value)} is out of range", f'write something from "{low}" to "{high}"')
        return seconds

    return read


def _seconds(value: str) -> float | None:
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", value)
    return float(int(found[1]) * _SECONDS[found[2]]) if found else None


def size(low: int, high: int) -> Reader[int]:
    """A reader of ``512KiB`` or ``1MiB``, in bytes."""

    def read(value: object, _place: Place) -> int:
        found = re.fullmatch(r"([0-9]{1,9})(KiB|MiB|GiB)", value) if isinstance(value, str) else None
        if found is None:
            raise Invalid(
                f"{shown(value)} is not a size",
                'write a whole number and KiB, MiB or GiB in quotes, for example "1MiB"',
            )
        bytes_ = int(found[1]) * _BYTES[found[2]]
        if not low <= bytes_ <= high:
            raise Invalid(
                f"{shown(value)} is out of range", f'write something from "{_sized(low)}" to "{_sized(high)}"'
            )
        return bytes_

    return read


def _sized(bytes_: int) -> str:
    unit = max((unit for unit in _BYTES if bytes_ % _BYTES[unit] == 0), key=lambda unit: _BYTES[unit])
    return f"{bytes_ // _BYTES[unit]}{unit}"


def rate(value: object, _place: Place) -> Rate:
    """``N/s``, ``N/m``, ``N/h``, ``N/d``, or ``0`` for no limit."""
    if value == "0" or (type(value) is int and value == 0):
        return Rate(count=0, seconds=1.0)
    found = re.fullmatch(r"([0-9]{1,9})/([smhd])", value) if isinstance(value, str) else None
    if found is None or int(found[1]) == 0:
        raise Invalid(
            f"{shown(value)} is not a rate",
            'write for example "60/m" (s, m, h or d after the /), or "0" for no limit',
        )
    return Rate(count=int(found[1]), seconds=float(_SECONDS[found[2]]))


def calls_a_second(value: object, _place: Place) -> float:
    """A number of calls a second, fractions allowed; 0 for no limit."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Invalid("this must be a number", "write calls a second without quotes, for example 10, or 0 for no limit")
    if not 0 <= value <= 10_000:  # noqa: PLR2004 - also refuses nan and inf
        raise Invalid(f"{shown(value)} is out of range", "write a number from 0 to 10000")
    return float(value)


def path(value: object, place: Place) -> Path:
    """A path; a relative one starts at the configuration file."""
    return place.files.path(text(value, place))


def secret_path(value: object, place: Place) -> Path:
    """A file with a secret; a bare name is looked up among systemd's credentials first."""
    return place.files.secret(text(value, place))
