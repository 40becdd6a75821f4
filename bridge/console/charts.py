"""Charts as SVG, drawn on the server: no script, no library, colours from the style sheet. Pure.

A chart is a picture with a name and a sentence for whoever does not see it; the page puts the numbers below it as a
table. Styles would need an exception in the content security policy, so shapes carry classes instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

WIDTH: Final = 720
NARROW: Final = 360
"""Units of a chart's width on a desk, and on a phone."""

HEIGHT: Final = 160
_LEFT: Final = 44  # room for the scale
_BELOW: Final = 22  # room for the times
_ABOVE: Final = 12
_HALF_A_TIME: Final = 17


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One kind of bars: a class of the style sheet, a number for each place."""

    kind: str  # "in", "out", "bad"
    values: Sequence[int]


def bars(
    series: Sequence[Series], labels: Sequence[tuple[int, str]], *, title: str, description: str, width: int = WIDTH
) -> Markup:
    """Bars side by side in each place; `labels` are (place, text) below them. All series have as many values."""
    places = max((len(one.values) for one in series), default=0)
    top = _round_up(max((value for one in series for value in one.values), default=0))
    step = (width - _LEFT) / max(places, 1)
    thick = step * 0.84 / max(len(series), 1)
    shapes = []
    for number, one in enumerate(series):
        for place, value in enumerate(one.values):
            if value:
                tall = max(1.5, value / top * (HEIGHT - _ABOVE - _BELOW))
                x, y = _LEFT + place * step + number * thick + step * 0.08, HEIGHT - _BELOW - tall
                shapes.append(
                    f'<rect class="bar {escape(one.kind)}" x="{x:.1f}" y="{y:.1f}" width="{thick:.1f}" '
                    f'height="{tall:.1f}"/>'
                )
    lines = []
    for share in (0, 1, 2):
        y = HEIGHT - _BELOW - share / 2 * (HEIGHT - _ABOVE - _BELOW)
        lines.append(f'<line class="grid" x1="{_LEFT}" x2="{width}" y1="{y:.1f}" y2="{y:.1f}"/>')
        if share != 1 or top > 1:
            lines.append(f'<text class="scale" x="{_LEFT - 6}" y="{y + 4:.1f}">{_short(top * share / 2)}</text>')
    for place, text in labels:
        x = min(_LEFT + (place + 0.5) * step, width - _HALF_A_TIME)
        lines.append(f'<text class="time" x="{x:.1f}" y="{HEIGHT - 5}">{escape(text)}</text>')
    kind = "wide" if width == WIDTH else "narrow"
    inside = "".join([*lines, *shapes])
    return Markup(  # noqa: S704  # every text in it went through escape
        f'<svg class="chart {kind}" role="img" viewBox="0 0 {width} {HEIGHT}" xmlns="http://www.w3.org/2000/svg">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>{inside}</svg>"
    )


def _round_up(value: int) -> int:
    """The next of 2, 4, 10, 20, 40, 100 … that has a plain half."""
    top = 2
    while top < value:
        for factor in (2, 4, 10):
            if top * factor / 2 >= value:
                return top * factor // 2
        top *= 10
    return top


def _short(value: float) -> str:
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
