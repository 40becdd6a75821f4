"""`python -m tests.bench`: every stage beside its yardstick, in one run; see the package for how it is built.

Everything runs on this machine in the same minutes, the repeats interleaved; only quotients mean anything. Whether a
goal was reached is printed and nothing else: the exit status is 0 when everything worked.
"""

import argparse
import asyncio
import json
import time
from pathlib import Path

from tests.bench import svg, table
from tests.bench.frame import Missing, Options, Outcome, Stage
from tests.bench.stages import stages


def parser(known: list[Stage]) -> argparse.ArgumentParser:
    """The options; the stages stand in the help."""
    names = "\n".join(f"  {stage.name:<18} {stage.title}" for stage in known)
    options = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        epilog=f"stages:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument("--only", metavar="STAGE,...", action="append", default=[], help="these stages alone")
    options.add_argument("--repeats", type=int, default=5, help="shots of each contestant (default: 5)")
    options.add_argument("--seconds", type=float, default=2.0, help="of one shot, more or less (default: 2)")
    options.add_argument("--count", type=int, help="messages of one shot, instead of --seconds")
    options.add_argument("--quick", action="store_true", help="only whether it works: one short repeat of each")
    options.add_argument("--json", type=Path, metavar="FILE", help="all figures of all repeats")
    options.add_argument("--svg", type=Path, metavar="DIR", help="draw the pictures there")
    return options


async def run(chosen: list[Stage], options: Options) -> list[tuple[Stage, Outcome]]:
    """Run stage after stage and print what each gave."""
    outcomes: list[tuple[Stage, Outcome]] = []
    for stage in chosen:
        begun = time.monotonic()
        try:
            outcome = await stage.run(options)
        except Missing as missing:
            print(f"\n== {stage.title}\nleft out: {missing}", flush=True)
            continue
        for one in outcome.tables:
            print(table.printed(one), flush=True)
        if outcome.text:
            print(f"\n== {stage.title}\n{outcome.text}", flush=True)
        print(f"   (stage {stage.name}: {time.monotonic() - begun:.0f} s)", flush=True)
        outcomes.append((stage, outcome))
    return outcomes


def main() -> None:
    """Read the options, run, print, and write what was asked for."""
    known = stages()
    options_of = parser(known)
    given = options_of.parse_args()
    wanted = [name for several in given.only for name in several.split(",")]
    if unknown := sorted(set(wanted) - {stage.name for stage in known}):
        options_of.error(f"there is no stage {unknown[0]!r}; --help names them all")
    options = Options(
        repeats=1 if given.quick else given.repeats, seconds=given.seconds, count=given.count, quick=given.quick
    )
    print(table.machine())
    outcomes = asyncio.run(run([stage for stage in known if not wanted or stage.name in wanted], options))
    if given.json is not None:
        given.json.write_text(json.dumps(table.as_json(outcomes), indent=1), encoding="utf-8")
    if given.svg is not None:
        given.svg.mkdir(parents=True, exist_ok=True)
        for picture in (picture for _, outcome in outcomes for picture in outcome.pictures):
            file = given.svg / f"{picture.name}.svg"
            file.write_text(svg.drawn(picture), encoding="utf-8")
            print(f"drawn: {file}")


if __name__ == "__main__":
    main()
