"""How long the hostile shapes of reliability.md take to read, one by one; printed, since a clock proves nothing."""

import time
from dataclasses import dataclass, field

from bridge import text
from tests.text.shapes import MARKUP, TEXTS, as_html, as_text

GOAL = 200.0  # milliseconds


@dataclass(slots=True)
class Figures:
    """What came of it, in milliseconds of processor time."""

    shapes: int = 0
    milliseconds_mean: float = 0.0
    milliseconds_worst: float = 0.0
    over_the_goal: int = 0
    worst: str = ""
    wrong: list[str] = field(default_factory=list)  # a slow machine breaks no promise


def measure() -> Figures:
    """Each shape as a text and as a page, beyond every bound; the best of three."""
    figures, total = Figures(), 0.0
    for shape in (*TEXTS, *MARKUP):
        for data in (as_text(shape, 300_000), as_html(shape, 300_000)):
            spent = min(_spent(data) for _ in range(3))
            figures.shapes += 1
            figures.over_the_goal += spent > GOAL
            total += spent
            if spent > figures.milliseconds_worst:
                figures.milliseconds_worst, figures.worst = spent, shape
    figures.milliseconds_mean = total / figures.shapes
    return figures


def _spent(data: bytes) -> float:
    begin = time.process_time()
    text.read(data)
    return (time.process_time() - begin) * 1000
