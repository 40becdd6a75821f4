"""The list of faults that cost messages elsewhere, each with a test named after it; and the rows of running it.

`ROWS` are rows of reference/reliability.md in a few words: 2.E durability, 2.F the provider, 2.H the smarthost, 2.J
running it. A row is tested by functions called ``test_row_<N>_<what>`` or ``test_rows_<N>_and_<M>_<what>``, wherever
they stand; the mail door's rows have a list of their own in tests/smtpd/test_rows.py.
"""

import ast
import re
from collections import defaultdict
from pathlib import Path

from tests.test_systemd import settings

ROWS = {
    67: "kill -9 anywhere",
    68: "loss of power",
    69: "fsync fails",
    70: "the disk is nearly full",
    71: "the disk is full when an outcome is to be written down",
    72: "the database is locked by another program",
    73: "the database is damaged",
    74: "SQLite's race when the log is reset",
    75: "two daemons on one file",
    76: "update with a full queue, and back",
    77: "an old backup put in place",
    78: "the clock is set",
    79: "PostgreSQL is away",
    80: "the connection is lost during COMMIT",
    81: "PostgreSQL that promises nothing",
    82: "a node that stood still",
    83: "out of memory",
    84: "the event loop is blocked",
    85: "the provider cannot be reached",
    86: "an answer is lost after the request was written",
    87: "an answer that makes no sense",
    88: "an endless answer",
    89: "a redirect",
    90: "a bad certificate, an old TLS",
    91: "throttling",
    92: "down for hours, then up",
    93: "one bad recipient",
    94: "an odd echo in a success",
    95: "a slow provider",
    108: "the smarthost is away or grey",
    109: "the smarthost refuses",
    110: "the answer after the dot is lost",
    111: "some recipients are refused",
    112: "headers injected by an SMS",
    113: "smuggling outwards",
    114: "STARTTLS taken away, an answer injected",
    115: "neither 8BITMIME nor SMTPUTF8",
    123: "SIGTERM at any moment",
    124: "a reload with a wrong file",
    125: "a certificate is renewed",
    126: "lines injected into the log",
    127: "the log is full",
    128: "people in the log",
    129: "what was erased",
    130: "secrets",
    131: "files that others may read",
}

TESTS = Path(__file__).parent
_NAME = re.compile(r"test_rows?_(\d+)(?:_and_(\d+))?_")


def _by_row() -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (match := _NAME.match(node.name)):
                for row in filter(None, match.groups()):
                    found[int(row)].append(f"{path.stem}.{node.name}")
    return found


def test_every_row_has_a_test_of_its_name() -> None:
    found = _by_row()
    assert {row: ROWS[row] for row in sorted(ROWS) if not found[row]} == {}


def test_row_83_the_unit_bounds_the_memory() -> None:
    service = settings("smsbridge.service")
    assert service["MemoryMax"] == ["512M"]
    assert service["OOMPolicy"] == ["stop"]
    assert service["Restart"] == ["on-failure"]


def test_row_84_the_unit_asks_every_thirty_seconds() -> None:
    assert settings("smsbridge.service")["WatchdogSec"] == ["30"]
