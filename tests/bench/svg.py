"""Curves as SVG, written by hand: a picture for a note needs no plotting library."""

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from tests.bench.frame import Picture

_WIDTH, _HEIGHT = 760, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 240, 50, 60
_COLOURS = ("#0b62a4", "#d1495b", "#2e8b57", "#e08e0b", "#6f4aa8", "#008b8b", "#8b5a2b", "#555555")
_TICKS = 5


class _Axis:
    """From figures to a place between two edges."""

    def __init__(self, figures: Sequence[float], near: float, far: float, *, log: bool, from_zero: bool) -> None:
        self._log = log
        self._near, self._far = near, far
        low, high = min(figures), max(figures)
        if log:
            self._low, self._high = math.log10(low), math.log10(high)
        else:
            self._low, self._high = (0.0 if from_zero else low), high * 1.05
        if self._high <= self._low:
            self._high = self._low + 1.0

    def at(self, figure: float) -> float:
        """The place of a figure."""
        share = ((math.log10(figure) if self._log else figure) - self._low) / (self._high - self._low)
        return self._near + share * (self._far - self._near)

    def ticks(self) -> list[float]:
        """Figures to name beside the axis, where nothing else says which."""
        if self._log:
            powers = range(math.floor(self._low), math.ceil(self._high) + 1)
            return [10.0**power for power in powers if self._low - 0.01 <= power <= self._high + 0.01]
        step = _round((self._high - self._low) / _TICKS)
        first = math.ceil(self._low / step)
        return [step * number for number in range(first, math.floor(self._high / step) + 1)]


def _round(step: float) -> float:
    """The next of 1, 2, 5, 10 … above it."""
    power: float = 10.0 ** math.floor(math.log10(step))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= step * 0.999)


def drawn(picture: Picture) -> str:
    """The picture as an SVG document."""
    curves = {
        name: [(x, y) for x, y in points if (x > 0 or not picture.log_x) and (y > 0 or not picture.log_y)]
        for name, points in picture.curves.items()
    }
    curves = {name: points for name, points in curves.items() if points}
    xs = sorted({x for points in curves.values() for x, _ in points}) or [1.0]
    ys = [y for points in curves.values() for _, y in points] or [1.0]
    across = _Axis(xs, _LEFT, _WIDTH - _RIGHT, log=picture.log_x, from_zero=False)
    up = _Axis(ys, _HEIGHT - _BOTTOM, _TOP, log=picture.log_y, from_zero=True)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        _text(_LEFT, _TOP - 24, picture.title, size=15),
        _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 16, picture.x, anchor="middle"),
        _text(_LEFT - 60, _TOP - 6, picture.y),
    ]
    few = xs if len(xs) <= 2 * _TICKS else across.ticks()
    lines += [line for x in few for line in _mark_x(across.at(x), x)]
    lines += [line for y in up.ticks() for line in _mark_y(up.at(y), y)]
    for number, (name, points) in enumerate(curves.items()):
        lines += _curve(name, [(across.at(x), up.at(y)) for x, y in points], number)
    return "\n".join([*lines, "</svg>", ""])


def _curve(name: str, points: Sequence[tuple[float, float]], number: int) -> list[str]:
    colour = _COLOURS[number % len(_COLOURS)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    shown = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>']
    shown += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in points]
    at = _TOP + 20 * number
    right = _WIDTH - _RIGHT + 16
    shown.append(f'<rect x="{right}" y="{at}" width="12" height="12" fill="{colour}"/>')
    shown.append(_text(right + 18, at + 10, name, size=11))
    return shown


def _mark_x(at: float, figure: float) -> list[str]:
    foot = _HEIGHT - _BOTTOM
    line = f'<line x1="{at:.1f}" y1="{_TOP}" x2="{at:.1f}" y2="{foot}" stroke="#eeeeee"/>'
    return [line, _text(at, foot + 18, _figure(figure), anchor="middle")]


def _mark_y(at: float, figure: float) -> list[str]:
    line = f'<line x1="{_LEFT}" y1="{at:.1f}" x2="{_WIDTH - _RIGHT}" y2="{at:.1f}" stroke="#dddddd"/>'
    return [line, _text(_LEFT - 8, at + 4, _figure(figure), anchor="end")]


def _figure(figure: float) -> str:
    return f"{figure:,.0f}" if figure == int(figure) else f"{figure:g}"


def _text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(words)}</text>'
