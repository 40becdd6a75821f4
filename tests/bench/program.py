"""The command line, changed for a measurement: `python -m tests.bench.program VARIANT serve --config …`.

`plain` changes nothing. `single` commits each operation by itself, as most programs do. `null` says of a mail that it
is kept and keeps nothing: what a mail still costs then is not the price of durability. None of this is in the bridge.
"""

import sys

from bridge.cli import main as command_line
from bridge.spool import Accepted, Intake, rhythm
from bridge.spool.sqlite import SqliteSpool


def _single() -> None:
    for name in ("MOST", "MOST_QUICK"):
        setattr(rhythm, name, 1)


def _null() -> None:
    async def accept(_self: SqliteSpool, intake: Intake) -> Accepted:
        return Accepted(id=intake.id)

    setattr(SqliteSpool, "accept", accept)  # noqa: B010  # that is the point, and no type checker need agree


VARIANTS = {"plain": lambda: None, "single": _single, "null": _null}


def main() -> None:
    """The variant's name is the first argument; the rest are the command's own."""
    VARIANTS[sys.argv.pop(1)]()
    command_line()


if __name__ == "__main__":
    main()
