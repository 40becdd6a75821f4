"""What `smsbridge doctor` looks at: one module for each thing around the bridge that can be wrong, and its remedies.

Every look is bounded in time and runs beside the others; one that breaks is a finding too and hides no other. Nothing
here is sent to anybody's phone or mailbox, and nothing is written to the spool.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bridge.config import Configuration
from bridge.message import Clock

PATIENCE: Final = 5.0
"""Seconds for one look."""


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARN = "warn"  # something works less well, or could not be looked at
    FAIL = "fail"  # something does not work


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the doctor's table."""

    check: str  # what was looked at, in a word or two
    level: Level
    text: str  # what is the case
    remedy: str = ""  # what to do; "" where nothing need be done


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What every look is given."""

    configuration: Configuration
    clock: Clock
    number: str | None = None  # where a test message is addressed to, E.164 digits; it is sent to nobody
    trust: ssl.SSLContext | None = None  # whom TLS servers are believed by; None: the system's authorities
    patience: float = PATIENCE


Look = Callable[[Case], Awaitable[Sequence[Finding]]]


def ok(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check=check, level=Level.OK, text=text)


def warn(check: str, text: str, remedy: str) -> Finding:
    """It could be better."""
    return Finding(check=check, level=Level.WARN, text=text, remedy=remedy)


def fail(check: str, text: str, remedy: str) -> Finding:
    """Something does not work."""
    return Finding(check=check, level=Level.FAIL, text=text, remedy=remedy)


async def examine(case: Case, looks: Iterable[tuple[str, Look]]) -> list[Finding]:
    """All looks at once, their findings in the order of the looks."""
    found = await asyncio.gather(*(_bounded(case, name, look) for name, look in looks))
    return [finding for several in found for finding in several]


async def _bounded(case: Case, name: str, look: Look) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(case.patience):
            return await look(case)
    except TimeoutError:
        return [fail(name, f"no answer within {case.patience:g} s", "look whether it can be reached from this machine")]
    except Exception as error:  # noqa: BLE001  # whatever one look stumbles over, the others are wanted
        return [warn(name, f"this could not be looked at: {type(error).__name__}: {error}", "please report this")]
