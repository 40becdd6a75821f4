"""Taking mail: over kept connections, as alarms come, on a slow disk; and the price of keeping it."""

from tests.bench import contestants as who
from tests.bench.frame import Goal, Options, Outcome, Stage, compete
from tests.bench.slow_disk import MILLISECONDS, slow_disk

_NOTE = (
    "the bridge's account is paused, so that accepting alone is measured; policy, routing, translation, commit are on"
)


async def kept(options: Options) -> Outcome:
    """50 kept connections."""
    shoot = who.shoots(50)
    table = await compete(
        "mail accepted durably, 50 kept connections, 500 B",
        [*(kind(shoot, 50) for kind in (who.ours, who.alone, who.holding, who.stock, who.canned))],
        options,
        goals=[
            Goal(ours=who.OURS, against=who.POSTFIX, at_least=1.5, aim=3.5),
            Goal(ours=who.OURS, against=who.STOCK, at_least=1.2, aim=2),
        ],
        notes=[_NOTE],
    )
    return Outcome(tables=[table])


async def each(options: Options) -> Outcome:
    """One message per connection, 10 at once."""
    shoot = who.shoots(10, each=True)
    table = await compete(
        "mail accepted durably, one message per connection, 10 at once, 500 B",
        [*(kind(shoot, 20) for kind in (who.ours, who.alone, who.holding, who.stock, who.canned))],
        options,
        goals=[
            Goal(ours=who.OURS, against=who.POSTFIX, at_least=1, aim=2),
            Goal(ours=who.OURS, against=who.STOCK, at_least=1, aim=1.5),
        ],
        notes=[_NOTE],
    )
    return Outcome(tables=[table])


async def slow(options: Options) -> Outcome:
    """Every fsync 5 ms later."""
    shoot = who.shoots(50)
    with slow_disk() as environment:
        table = await compete(
            f"mail accepted durably, 50 kept connections, every fsync slowed by {MILLISECONDS} ms",
            [
                who.ours(shoot, 50, environment),
                who.alone(shoot, 50, environment),
                who.holding(shoot, 50, environment),
                who.single(shoot, 50, environment),
            ],
            options,
            goals=[
                Goal(ours=who.OURS, against=who.POSTFIX, at_least=3, aim=4),
                Goal(ours=who.OURS, against=who.SINGLE, at_least=15, aim=20),
            ],
            notes=[_NOTE],
        )
    return Outcome(tables=[table])


async def price(options: Options) -> Outcome:
    """With and without a spool."""
    shoot = who.shoots(50)
    table = await compete(
        "durability's price: processor time of a mail with the spool and with a store that keeps nothing",
        [who.alone(shoot, 50), who.null(shoot, 50)],
        options,
        goals=[
            Goal(
                ours=who.ALONE,
                against=who.NULL,
                at_least=40,
                aim=16,
                difference=True,
                less=True,
                field="cpu",
                unit="µs",
            )
        ],
        notes=[_NOTE],
    )
    return Outcome(tables=[table])


STAGES = (
    Stage(name="intake", title="mail accepted durably, 50 kept connections", run=kept),
    Stage(name="intake-each", title="the same, one message per connection, 10 at once", run=each),
    Stage(name="intake-slow-disk", title=f"the same, every fsync slowed by {MILLISECONDS} ms", run=slow),
    Stage(name="price", title="durability's price: the same server with a null store", run=price),
)
