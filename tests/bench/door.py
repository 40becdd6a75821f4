"""The mail door alone, beside stock aiosmtpd: what our readers, parser and limits cost or save."""

from functools import partial
from typing import Any

from tests.bench import contestants as who
from tests.bench.frame import Contestant, Goal, Options, Outcome, Stage, compete

_GOAL = 2.5
"""Times stock aiosmtpd."""

_OURS = "our door, null policy, as the daemon runs"

_NAMES = {
    "stock": who.STOCK,
    "stock-uvloop": "stock aiosmtpd, null handler, uvloop",
    "ours-asyncio": "our door, null policy, plain asyncio",
    "ours": _OURS,
}


async def alone(options: Options) -> Outcome:
    """Doors without a bridge behind them."""
    shoot = who.shoots(50)
    doors: list[Contestant[Any]] = [
        Contestant(name=name, open=partial(who.door, kind), shoot=shoot, least=50) for kind, name in _NAMES.items()
    ]
    table = await compete(
        "mail door alone, 50 kept connections, 500 B",
        [*doors, who.canned(shoot, 50)],
        options,
        goals=[Goal(ours=_OURS, against=who.STOCK, at_least=_GOAL, aim=_GOAL)],
    )
    return Outcome(tables=[table])


STAGES = (Stage(name="door", title="the mail door alone beside stock aiosmtpd", run=alone),)
