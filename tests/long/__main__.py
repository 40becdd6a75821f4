"""`python -m tests.long`: the long proofs in full, and a table of what came of them."""

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import fields
from pathlib import Path
from typing import Any

from bridge import log
from tests import pg
from tests.long import (
    collapse,
    count,
    cut,
    fuzz,
    hours,
    image,
    kill,
    lost,
    nodes,
    outage,
    package,
    reading,
    slow,
    steps,
)
from tests.long.cluster import ORDINARY, Variant


def main() -> int:
    """0 when every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.long", description=__doc__)
    parser.add_argument("--only", action="append", choices=_PROOFS, metavar="NAME", help=", ".join(_PROOFS))
    parser.add_argument("--nodes", action="store_true", help=f"only {', '.join(_NODES)}")
    parser.add_argument("--postgres", action="store_true", help=f"only {', '.join(_POSTGRES)}")
    parser.add_argument("--blows", type=int, default=20, help="how often one of several nodes is killed or frozen")
    parser.add_argument("--kills", type=int, default=20, help="how often the daemon is killed under load")
    parser.add_argument("--ends", type=int, default=20, help="how often the PostgreSQL server ends under load")
    parser.add_argument("--cuts", type=int, default=1000, help="how often the power goes")
    parser.add_argument("--steps", type=int, default=0, help="stops at a sync, a send or a receive; 0: every one")
    parser.add_argument("--away", type=float, default=30.0, help="seconds that provider and smarthost are away")
    parser.add_argument("--messages", type=int, default=300, help="messages in each direction meanwhile")
    parser.add_argument("--waiting", type=int, default=20_000, help="SMS that wait for a provider away for hours")
    parser.add_argument("--answers", type=int, default=1000, help="answers of the provider lost in a row")
    parser.add_argument("--commands", type=int, default=200_000, help="damaged SMTP commands")
    parser.add_argument("--mails", type=int, default=20_000, help="damaged mails")
    parser.add_argument("--slow", type=int, default=2000, help="slow clients at once")
    parser.add_argument("--characters", type=int, default=1_000_000, help="random characters counted twice")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    chosen = parser.parse_args()
    log.configure(level="critical")  # a thousand lost answers are a thousand warnings
    print(f"seed {chosen.seed}", flush=True)
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="smsbridge-long-") as made:
        chosen_ones = _NODES if chosen.nodes else _POSTGRES if chosen.postgres else tuple(_PROOFS)
        for name in chosen.only or chosen_ones:
            place = Path(made, name)
            place.mkdir()
            title, prove = _PROOFS[name]
            figures = prove(place, chosen)
            _show(title, figures)
            wrong += getattr(figures, "wrong", [])
    print("\nevery promise was kept" if not wrong else "\nBROKEN: " + "; ".join(wrong))
    return 1 if wrong else 0


_Prove = Callable[[Path, argparse.Namespace], "_Figures"]


def _nodes(count: int, variant: Variant = ORDINARY, *, blows: int | None = None) -> _Prove:
    """The proof with so many nodes."""
    return lambda place, chosen: asyncio.run(
        nodes.alternating(place, nodes=count, blows=blows or chosen.blows, seed=chosen.seed, variant=variant)
    )


def _served(prove: Callable[[Path, argparse.Namespace, pg.Server], Coroutine[Any, Any, "_Figures"]]) -> _Prove:
    """A proof with a PostgreSQL server of its own."""

    def run(place: Path, chosen: argparse.Namespace) -> _Figures:
        with pg.server() as server:
            return asyncio.run(prove(place, chosen, server))

    return run


_Figures = (
    kill.Figures
    | collapse.Figures
    | cut.Figures
    | steps.Figures
    | outage.Figures
    | hours.Figures
    | lost.Figures
    | fuzz.Figures
    | slow.Figures
    | reading.Figures
    | count.Figures
    | image.Figures
    | package.Figures
)

_PROOFS: dict[str, tuple[str, Callable[[Path, argparse.Namespace], _Figures]]] = {
    "kills": (
        "kill -9 under load, mail into a Maildir",
        lambda place, chosen: asyncio.run(kill.prove(place, kills=chosen.kills, seed=chosen.seed)),
    ),
    "smarthost": (
        "kill -9 under load, mail to a smarthost",
        lambda place, chosen: asyncio.run(kill.prove(place, kills=chosen.kills, seed=chosen.seed + 1, smarthost=True)),
    ),
    "kills-processes": (
        "kill -9 under load, of a daemon with two worker processes or of one of these",
        lambda place, chosen: asyncio.run(kill.prove(place, kills=chosen.kills, seed=chosen.seed, processes=3)),
    ),
    "kills-pg": (
        "kill -9 under load, the spool on PostgreSQL",
        _served(lambda place, chosen, server: kill.prove(place, kills=chosen.kills, seed=chosen.seed, server=server)),
    ),
    "server": (
        "PostgreSQL itself ended under load, half of the times by kill -9",
        _served(lambda place, chosen, server: collapse.prove(place, server, ends=chosen.ends, seed=chosen.seed)),
    ),
    "steps": (
        "stopped at each sync, send and receive",
        lambda place, chosen: asyncio.run(steps.prove(place, seed=chosen.seed, most=chosen.steps)),
    ),
    "steps-pg": (
        "stopped at each sync, send and receive, the spool on PostgreSQL",
        _served(lambda place, chosen, server: steps.prove(place, seed=chosen.seed, most=chosen.steps, server=server)),
    ),
    "cuts": (
        "power cuts",
        lambda place, chosen: asyncio.run(cut.prove(place, cuts=chosen.cuts, seed=chosen.seed)),
    ),
    "nodes2": ("two nodes on one PostgreSQL, killed and frozen", _nodes(2)),
    "nodes3": ("three nodes", _nodes(3)),
    "nodes5": ("five nodes", _nodes(5)),
    "nodes-split": ("two nodes that are doors, two that deliver", _nodes(4, Variant(split=True))),
    "nodes-quiet": ("three nodes without LISTEN and NOTIFY, as behind a pooler", _nodes(3, Variant(quiet=True))),
    "nodes-real": (
        "two nodes, taken for dead after 15 seconds as outside of tests",
        _nodes(2, Variant(heartbeat=2.0, dead_after=15.0), blows=6),
    ),
    "outage": (
        "provider and smarthost away",
        lambda place, chosen: asyncio.run(outage.prove(place, messages=chosen.messages, away=chosen.away)),
    ),
    "hours": (
        "the provider away for six hours, the clock turned",
        lambda place, chosen: asyncio.run(hours.prove(place, messages=chosen.waiting)),
    ),
    "hours-pg": (
        "the same with the spool on PostgreSQL",
        _served(lambda place, chosen, server: hours.prove(place, messages=chosen.waiting, server=server)),
    ),
    "lost": (
        "answers of the provider lost in a row",
        lambda place, chosen: asyncio.run(lost.prove(place, answers=chosen.answers)),
    ),
    "fuzz": (
        "damaged commands and mails",
        lambda place, chosen: asyncio.run(
            fuzz.prove(place, commands=chosen.commands, mails=chosen.mails, seed=chosen.seed)
        ),
    ),
    "slow": (
        "slow clients, and a good one among them",
        lambda place, chosen: asyncio.run(slow.prove(place, clients=chosen.slow)),
    ),
    "count": (
        "parts counted here and at the simulator",
        lambda _, chosen: count.prove(characters=chosen.characters, seed=chosen.seed),
    ),
    "package": (
        "the Debian package in a clean Debian under systemd; needs root",
        lambda _, __: package.prove(),
    ),
    "image": ("the image of systemd/Containerfile built and run; needs root", lambda place, _: image.prove(place)),
    "reading": ("hostile mails read, goal 200 ms each", lambda _, __: reading.measure()),
}


_NODES = tuple(name for name in _PROOFS if name.startswith("nodes"))
_POSTGRES = (*(name for name in _PROOFS if name.endswith("-pg")), "server", *_NODES)


def _show(title: str, figures: _Figures) -> None:
    print(f"\n{title}")
    for one in fields(figures):
        value = getattr(figures, one.name)
        if one.name != "wrong":
            shown = repr(value) if isinstance(value, str) else f"{value:.0f}"
            print(f"  {one.name.replace('_', ' '):<18}{shown:>10}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
