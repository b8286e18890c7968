"""A plain chart as SVG: points and fitted lines on logarithmic axes, readable on light and on dark ground."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

WIDTH, HEIGHT = 440, 340  # of one panel
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 84, 48
_LINE = 18
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #4d5157; }
  .title { font-weight: 600; }
  .grid { stroke: #80868d; stroke-opacity: 0.3; }
  .axis { stroke: #80868d; }
  .ours { fill: #0072b2; stroke: #0072b2; }
  .other { fill: #d55e00; stroke: #d55e00; }
  .fit { fill: none; stroke-width: 1.5; }
  .other.fit { stroke-dasharray: 5 4; }
  @media (prefers-color-scheme: dark) {
    text { fill: #c9cdd2; }
    .ours { fill: #56b4e9; stroke: #56b4e9; }
    .other { fill: #e69f00; stroke: #e69f00; }
  }
"""


@dataclass(frozen=True)
class Series:
    """One line: its name, its (size, seconds) and whether it is ours (blue dots) or another's (orange squares)."""

    name: str
    points: tuple[tuple[float, float], ...]
    ours: bool


@dataclass(frozen=True)
class Panel:
    """One picture: its title, what grows, and the lines."""

    title: str
    grows: str
    series: Sequence[Series]


@dataclass(frozen=True)
class Axis:
    """A logarithmic axis from value `low` at pixel `start` to value `high` at pixel `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        share = np.log(value / self.low) / np.log(self.high / self.low)
        return round(float(self.start + share * (self.end - self.start)), 1)

    def ticks(self) -> list[float]:
        powers = range(int(np.floor(np.log10(self.low))), int(np.ceil(np.log10(self.high))) + 1)
        steps = (1,) if self.high / self.low > 300 else (1, 2, 5)
        return [step * 10.0**power for power in powers for step in steps if self.low <= step * 10.0**power <= self.high]


def drawing(panels: Sequence[Panel], measured: str) -> str:
    """Draw panels side by side; all share the axis of what was measured."""
    values = [value for panel in panels for one in panel.series for _, value in one.points]
    y = Axis(min(values) / 1.5, max(values) * 1.5, HEIGHT - BOTTOM, TOP)
    width = WIDTH * len(panels)
    words = ". ".join(f"{panel.title}: {'; '.join(one.name for one in panel.series)}" for panel in panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}" '
        f'role="img" aria-label="{escape(words)}">',
        f"<style>{STYLE}</style>",
        *(
            f'<g transform="translate({WIDTH * k} 0)">\n{_panel(panel, y, measured)}\n</g>'
            for k, panel in enumerate(panels)
        ),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _panel(panel: Panel, y: Axis, measured: str) -> str:
    sizes = [size for one in panel.series for size, _ in one.points]
    x = Axis(min(sizes) / 1.2, max(sizes) * 1.2, LEFT, WIDTH - RIGHT)
    parts = [f'<text class="title" x="{LEFT}" y="20">{escape(panel.title)}</text>', *_axes(x, y, panel.grows, measured)]
    for k, one in enumerate(panel.series):
        kind = "ours" if one.ours else "other"
        row = 42 + _LINE * k
        parts += [
            _mark(LEFT + 6, row - 4, kind),
            f'<text x="{LEFT + 18}" y="{row}">{escape(one.name)}</text>',
            *_fit(one, x, y, kind),
            *(_mark(x.at(size), y.at(value), kind) for size, value in one.points),
        ]
    return "\n".join(parts)


def _axes(x: Axis, y: Axis, grows: str, measured: str) -> list[str]:
    parts = []
    for tick in x.ticks():
        parts += [
            f'<line class="grid" x1="{x.at(tick)}" x2="{x.at(tick)}" y1="{y.start}" y2="{y.end}"/>',
            f'<text x="{x.at(tick)}" y="{y.start + 17}" text-anchor="middle">{_short(tick)}</text>',
        ]
    for tick in y.ticks():
        parts += [
            f'<line class="grid" x1="{x.start}" x2="{x.end}" y1="{y.at(tick)}" y2="{y.at(tick)}"/>',
            f'<text x="{x.start - 6}" y="{y.at(tick) + 4}" text-anchor="end">{_short(tick)}</text>',
        ]
    middle = (y.start + y.end) / 2
    return [
        *parts,
        f'<line class="axis" x1="{x.start}" x2="{x.end}" y1="{y.start}" y2="{y.start}"/>',
        f'<line class="axis" x1="{x.start}" x2="{x.start}" y1="{y.start}" y2="{y.end}"/>',
        f'<text x="{(x.start + x.end) / 2}" y="{HEIGHT - 10}" text-anchor="middle">{escape(grows)}</text>',
        f'<text transform="translate(16 {middle}) rotate(-90)" text-anchor="middle">{escape(measured)}</text>',
    ]


def _mark(x: float, y: float, kind: str) -> str:
    if kind == "ours":
        return f'<circle class="{kind}" cx="{x}" cy="{y}" r="4"/>'
    return f'<rect class="{kind}" x="{x - 3.5}" y="{y - 3.5}" width="7" height="7"/>'


def _fit(one: Series, x: Axis, y: Axis, kind: str) -> list[str]:
    if len(one.points) < 2:
        return []
    sizes, values = np.array(one.points).T
    slope, level = np.polyfit(np.log(sizes), np.log(values), 1)
    ends = [(x.at(size), y.at(np.exp(level + slope * np.log(size)))) for size in (sizes.min(), sizes.max())]
    (x1, y1), (x2, y2) = ends
    return [f'<line class="{kind} fit" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>']


def _short(value: float) -> str:
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"
