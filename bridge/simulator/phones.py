"""What becomes of a message at the phone it was sent to: the reports it will cause.

A script for the number decides; else its last digit, so that a test chooses an outcome by choosing a number.
"""

from dataclasses import dataclass

STATUSES = frozenset({"delivered", "undelivered", "expired", "deleted", "accepted", "rejected"})

_BY_DIGIT: dict[str, tuple[str, ...]] = {
    "5": ("accepted", "delivered"),
    "6": ("undelivered", "delivered"),
    "7": ("undelivered", "expired"),
    "8": ("rejected",),
    "9": (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One report: its status and when, in seconds after the message was accepted."""

    status: str
    after: float


def plan(
    recipient: str, script: tuple[str, ...] | None, *, validity: float, delay: float, gap: float
) -> tuple[Step, ...]:
    """The reports for one message to `recipient`, in order; ``expired`` comes at the end of `validity`
    (seconds).

    A `script` is a tuple of statuses and comes as quickly as any, an ``expired`` in it too.
    """
    statuses = _BY_DIGIT.get(recipient[-1], ("delivered",)) if script is None else script
    return tuple(
        Step(status=status, after=validity if script is None and status == "expired" else delay + gap * place)
        for place, status in enumerate(statuses)
    )


def shuffled(steps: tuple[Step, ...], *, reverse: bool, copies: int) -> tuple[Step, ...]:
    """`steps` with the statuses in reverse order of time, and each step `copies` times."""
    if reverse:
        statuses = [step.status for step in reversed(steps)]
        steps = tuple(Step(status=status, after=step.after) for status, step in zip(statuses, steps, strict=True))
    return tuple(step for step in steps for _ in range(copies))
