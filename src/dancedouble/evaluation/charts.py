"""Line charts as inline SVG with HTML labels: lines stretch with the page, text keeps its size, nothing runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

WIDTH, HEIGHT = 1000.0, 200.0
"""The drawing's own units; the page stretches it."""
TICKS, TIME_TICKS = 5, 8
"""Labels of the upright axis, and of the level one, about."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a chart."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    """As long as x; NaN breaks the line."""
    color: int
    """Number of the style's colour, from 1."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A dot on a chart that links to something."""

    x: float
    y: float
    label: str
    href: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Band:
    """A stretch of the x axis with a shade behind the lines."""

    start: float
    end: float
    label: str


def draw_chart(
    lines: Sequence[Line],
    *,
    title: str,
    x_unit: str,
    marks: Sequence[Mark] = (),
    bands: Sequence[Band] = (),
) -> str:
    """An HTML figure. The y axis starts at 0 when the values come near it. Empty text without any value."""
    x_all = np.array([value for line in lines for value in line.x], np.float64)
    y_all = np.array([value for line in lines for value in line.y], np.float64)
    y_all = y_all[np.isfinite(y_all)]
    if not len(y_all):
        return ""
    left, right = float(x_all.min()), float(max(x_all.max(), x_all.min() + 1e-9))
    ticks = axis_ticks(float(y_all.min()), float(y_all.max()))
    low, high = ticks[0], ticks[-1]

    def place(x: float, y: float) -> tuple[float, float]:
        return (x - left) / (right - left), 1 - (y - low) / (high - low)

    levels = [place(left, tick)[1] * HEIGHT for tick in ticks]
    grid = "".join(f'<line x1="0" x2="{WIDTH:.0f}" y1="{level:.1f}" y2="{level:.1f}"/>' for level in levels)
    shades = "".join(
        f'<rect class="band" x="{place(band.start, low)[0] * WIDTH:.1f}" y="0" height="{HEIGHT:.0f}" '
        f'width="{max(2.0, (place(band.end, low)[0] - place(band.start, low)[0]) * WIDTH):.1f}">'
        f"<title>{escape(band.label)}</title></rect>"
        for band in bands
    )
    paths = "".join(
        f'<path class="line c{line.color}" d="{_path([place(x, y) for x, y in zip(line.x, line.y, strict=True)])}"/>'
        for line in lines
    )
    dots = "".join(_dot(mark, *place(mark.x, mark.y)) for mark in marks)
    y_labels = "".join(
        f'<span style="top:{100 * place(left, tick)[1]:.1f}%">{_label(tick, high - low)}</span>' for tick in ticks
    )
    x_labels = "".join(
        f'<span style="left:{100 * place(tick, low)[0]:.1f}%">{_label(tick, right - left)}</span>'
        for tick in axis_ticks(left, right, TIME_TICKS)
        if left <= tick <= right
    )
    legend = "".join(f'<li class="c{line.color}">{escape(line.label)}</li>' for line in lines)
    if bands:
        legend += '<li class="shade">never filmed</li>'
    return (
        f'<figure class="chart"><figcaption>{escape(title)}</figcaption>'
        f'<div class="plot"><div class="y">{y_labels}</div><div class="area">'
        f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(title)}">'
        f'{shades}<g class="grid">{grid}</g>{paths}</svg>{dots}</div>'
        f'<div class="x">{x_labels}<em>{escape(x_unit)}</em></div></div><ul class="legend">{legend}</ul></figure>'
    )


def axis_ticks(low: float, high: float, count: int = TICKS) -> list[float]:
    """Round numbers that hold ``low`` to ``high``; from 0 when the span is more than half of the height."""
    if low > 0 and high - low > 0.5 * high:
        low = 0.0
    span = max(high - low, abs(high) * 1e-3, 1e-9)
    rough = span / count
    power = 10.0 ** np.floor(np.log10(rough))
    step = float(power * next(factor for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999))
    first, last = int(np.floor(low / step + 1e-9)), int(np.ceil(high / step - 1e-9))
    return [round(number * step, 12) for number in range(first, max(last, first + 1) + 1)]


def _label(value: float, span: float) -> str:
    decimals = int(max(0, min(6, np.ceil(-np.log10(span / TICKS)) + (1 if span < 10 else 0))))
    text = f"{value:.{decimals}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def _path(points: Sequence[tuple[float, float]]) -> str:
    """SVG path data; a NaN lifts the pen."""
    commands, down = [], False
    for x, y in points:
        if not np.isfinite(y):
            down = False
            continue
        commands.append(f"{'L' if down else 'M'}{x * WIDTH:.1f} {y * HEIGHT:.1f}")
        down = True
    return "".join(commands)


def _dot(mark: Mark, x: float, y: float) -> str:
    return (
        f'<a class="dot" href="{escape(mark.href)}" title="{escape(mark.label)}" '
        f'style="left:{100 * x:.2f}%;top:{100 * y:.2f}%">{escape(mark.text)}</a>'
    )
