"""What an operator does with deliveries: hold, release, retry, drop. The same from the command line and the console.

Each is a short transaction through the spool's own `move`, so a running daemon sees it within a second, and the
history says who did it. What may ring a phone twice needs a yes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bridge.message import Channel, Delivery, State
from bridge.spool import Step
from bridge.spool.contract import Spool

VERBS: Final = ("hold", "release", "retry", "drop")

NEEDS_YES: Final = frozenset({State.UNKNOWN, State.FAILED})
"""States out of which a retry sends again what the phone may have."""

ERASED: Final = "its text was erased after keep_text"

_LIFE: Final = {Channel.SMS: 86400.0, Channel.MAIL: 5 * 86400.0}
_ALL: Final = 100_000_000
_AT_ONCE: Final = 1000
_FROM: Final = {
    # Not an unknown one: releasing it would send again what the phone may have.
    "hold": frozenset({State.QUEUED}),
    "release": frozenset({State.HELD}),
    "retry": frozenset({State.QUEUED, State.UNKNOWN, State.FAILED, State.HELD}),
    "drop": frozenset({State.QUEUED, State.UNKNOWN, State.HELD}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a verb for one delivery."""

    id: str
    done: bool
    result: str  # the event that was written, or why nothing was done


def possible(delivery: Delivery) -> tuple[str, ...]:
    """The verbs that could do something with a delivery as it is."""
    return tuple(
        verb
        for verb in VERBS
        if delivery.state in _FROM[verb] and (delivery.payload or verb not in {"release", "retry"})
    )


def step(verb: str, delivery: Delivery, now: float, by: str) -> Step:
    """The move that a verb means; `by` says in the history who wanted it."""
    if verb == "hold":
        return Step(id=delivery.id, to=State.HELD, event="held", only_from=_FROM[verb], text=by)
    if verb == "release":
        return Step(id=delivery.id, to=State.QUEUED, event="released", only_from=_FROM[verb], text=by, next_at=now)
    if verb == "drop":
        return Step(id=delivery.id, to=State.DROPPED, event="dropped", text=by)
    # What is sent again by hand gets a lifetime of its own: a message past its life is not sent.
    renewed = now + _LIFE[delivery.channel] if delivery.state in NEEDS_YES else None
    # Only from the state that was looked at: meanwhile it may have become unknown, and that needs a yes.
    seen = _FROM["retry"] & {delivery.state}
    return Step(
        id=delivery.id, to=State.QUEUED, event="retried", only_from=seen, text=by, next_at=now, expires_at=renewed
    )


async def change(
    spool: Spool, identifiers: Sequence[str], verb: str, now: float, *, by: str, yes: bool = False
) -> list[Outcome]:
    """Do it with deliveries (M-1) or with all of a mail (M). Raises `StoreUnavailable`."""
    outcomes: list[Outcome] = []
    for identifier in identifiers:
        found = await spool.show(identifier)
        if not found:
            outcomes.append(Outcome(id=identifier, done=False, result="there is nothing with this id"))
        for delivery, _ in found:
            outcomes.append(await _change_one(spool, delivery, verb, now, by=by, yes=yes))
    return outcomes


async def _change_one(spool: Spool, delivery: Delivery, verb: str, now: float, *, by: str, yes: bool) -> Outcome:
    wanted = step(verb, delivery, now, by)
    if verb == "retry" and delivery.state in NEEDS_YES and not yes:
        why = f"it is {delivery.state.value}: the phone may have it already; add --yes to send it again"
        return Outcome(id=delivery.id, done=False, result=why)
    if wanted.to is State.QUEUED and not delivery.payload:
        return Outcome(id=delivery.id, done=False, result=ERASED)
    (done,) = await spool.move([wanted], now)
    return Outcome(
        id=delivery.id, done=done, result=wanted.event if done else f"not possible while it is {delivery.state.value}"
    )


Told = Callable[[int, int], None]
"""Is told how many are done, and of how many."""


def _nobody(_done: int, _whole: int, /) -> None:
    """Nobody watches."""


async def release_restored(spool: Spool, now: float, *, by: str, told: Told = _nobody) -> int:
    """Let all go that were held since the spool is an older copy; how many. Raises `StoreUnavailable`."""
    from bridge.spool.generation import HELD  # noqa: PLC0415  # the database: not for --help

    count = 0
    held = [delivery for delivery in await spool.listing(State.HELD, _ALL) if delivery.code == HELD]
    for at in range(0, len(held), _AT_ONCE):
        steps = [step("release", delivery, now, by) for delivery in held[at : at + _AT_ONCE]]
        count += sum(await spool.move(steps, now))
        told(at + len(steps), len(held))
    return count


async def hold_restored(spool: Spool, now: float, *, by: str, told: Told = _nobody) -> int:
    """Hold every SMS that waits, as a start on an older copy does by itself where the spool is a file; how many.

    Raises `StoreUnavailable`.
    """
    from bridge.spool.generation import HELD  # noqa: PLC0415  # the database: not for --help

    count = 0
    found = await spool.listing(State.QUEUED, _ALL)
    waiting = [delivery for delivery in found if delivery.channel is Channel.SMS]
    for at in range(0, len(waiting), _AT_ONCE):
        steps = [replace(step("hold", delivery, now, by), code=HELD) for delivery in waiting[at : at + _AT_ONCE]]
        count += sum(await spool.move(steps, now))
        told(at + len(steps), len(waiting))
    return count
