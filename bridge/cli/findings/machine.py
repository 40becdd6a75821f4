"""The program itself: Python, SQLite, the event loop, libraries that the configuration needs."""

import importlib.metadata
import importlib.util
import platform
import sys
from collections.abc import Iterator, Sequence
from typing import Final

import apsw

from bridge import __version__
from bridge.cli.findings import Case, Finding, fail, ok, warn
from bridge.config import Configuration
from bridge.spool.sqlite import OLDEST_SQLITE

OLDEST_PYTHON: Final = (3, 11)

_INSTALL: Final = "pip install 'smsbridge[{extra}]' in the environment of smsbridge"


async def look(case: Case) -> Sequence[Finding]:
    """What this program runs on, and what it lacks for this configuration."""
    return [*program(), *_extras(case.configuration)]


def program() -> Iterator[Finding]:
    """What needs no configuration to be looked at."""
    version = platform.python_version()
    if sys.version_info[:2] < OLDEST_PYTHON:
        yield fail("program", f"Python {version} is too old", "install Python 3.11 or newer")
    elif importlib.util.find_spec("uvloop") is None:
        yield warn("program", f"smsbridge {__version__}, Python {version}, without uvloop", "pip install uvloop")
    else:
        yield ok("program", f"smsbridge {__version__}, Python {version}, uvloop {importlib.metadata.version('uvloop')}")
    sqlite = apsw.sqlite_lib_version()
    if tuple(map(int, sqlite.split("."))) < OLDEST_SQLITE:
        yield fail("SQLite", f"SQLite {sqlite} can lose commits", "pip install --upgrade apsw: 3.51.3 or newer")
    else:
        yield ok("SQLite", f"SQLite {sqlite}")


def _extras(configuration: Configuration) -> Iterator[Finding]:
    settings = configuration.settings
    needs = (
        (settings.mail_authentication.check, "mailauth", ("dns", "dkim", "publicsuffixlist"), "mail_authentication"),
        (settings.spool.url.startswith("postgresql:"), "postgres", ("asyncpg",), "spool.url"),
    )
    for wanted, extra, modules, key in needs:
        missing = [module for module in modules if importlib.util.find_spec(module) is None]
        if wanted and missing:
            text = f"{key} needs libraries that are not installed: {', '.join(missing)}"
            yield fail("program", text, _INSTALL.format(extra=extra))
