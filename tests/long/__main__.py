"""`python -m tests.long`: the long proofs in full, and a table of what came of them."""

import argparse
import asyncio
import random
import sys
import tempfile
from dataclasses import fields
from pathlib import Path

from bridge import log
from tests.long import count, fuzz, kill, lost, outage, reading, slow


def main() -> int:
    """0 when every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.long", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="how often the daemon is killed under load")
    parser.add_argument("--away", type=float, default=30.0, help="seconds that provider and smarthost are away")
    parser.add_argument("--messages", type=int, default=300, help="messages in each direction meanwhile")
    parser.add_argument("--answers", type=int, default=1000, help="answers of the provider lost in a row")
    parser.add_argument("--commands", type=int, default=200_000, help="damaged SMTP commands")
    parser.add_argument("--mails", type=int, default=20_000, help="damaged mails")
    parser.add_argument("--slow", type=int, default=2000, help="slow clients at once")
    parser.add_argument("--characters", type=int, default=1_000_000, help="random characters counted twice")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    chosen = parser.parse_args()
    log.configure(level="critical")  # a thousand lost answers are a thousand warnings
    print(f"seed {chosen.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="smsbridge-long-") as made:
        places = [Path(made, name) for name in ("maildir", "smarthost", "outage", "lost", "fuzz", "slow")]
        for place in places:
            place.mkdir()
        killed = asyncio.run(kill.prove(places[0], kills=chosen.kills, seed=chosen.seed))
        _show("kill -9 under load, mail into a Maildir", killed)
        again = asyncio.run(kill.prove(places[1], kills=chosen.kills, seed=chosen.seed + 1, smarthost=True))
        _show("kill -9 under load, mail to a smarthost", again)
        away = asyncio.run(outage.prove(places[2], messages=chosen.messages, away=chosen.away))
        _show("provider and smarthost away", away)
        unanswered = asyncio.run(lost.prove(places[3], answers=chosen.answers))
        _show("answers of the provider lost in a row", unanswered)
        hostile = asyncio.run(fuzz.prove(places[4], commands=chosen.commands, mails=chosen.mails, seed=chosen.seed))
        _show("damaged commands and mails", hostile)
        besieged = asyncio.run(slow.prove(places[5], clients=chosen.slow))
        _show("slow clients, and a good one among them", besieged)
    counted = count.prove(characters=chosen.characters, seed=chosen.seed)
    _show("parts counted here and at the simulator", counted)
    _show("hostile mails read, goal 200 ms each", reading.measure())
    wrong = killed.wrong + again.wrong + away.wrong + unanswered.wrong + hostile.wrong + besieged.wrong + counted.wrong
    print("\nevery promise was kept" if not wrong else "\nBROKEN: " + "; ".join(wrong))
    return 1 if wrong else 0


_Figures = kill.Figures | outage.Figures | lost.Figures | fuzz.Figures | slow.Figures | reading.Figures | count.Figures


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
