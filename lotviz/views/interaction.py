"""Whether drugs add up, in pictures: predicted beside seen, departures with their doubt, single lines, one readout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import holoviews as hv
import numpy as np

from lotviz.views.clouds import FADED, Bounds, cloud, framed, shade_populations
from lotviz.views.style import beside, clipped, downwards, named_rows, signed
from lotviz.views.theme import TOKENS, ThemeName

Departure = tuple[str, float, float, float, bool]  # name, departure, low and high end of its interval, clear


def highlighted_cloud(
    points: np.ndarray,
    populations: np.ndarray,
    colours: Mapping[str, str],
    *,
    inside: np.ndarray | None,
    bounds: Bounds,
) -> hv.RGB:
    """Return a cloud coloured by population, (n, 2) and (n,); cells that are not `inside`, (n,), lie faded below."""
    pixels = shade_populations(points, populations, colours, bounds=bounds)
    if inside is not None:
        above = shade_populations(points[inside], populations[inside], colours, bounds=bounds)
        pixels[..., 3] = np.rint(pixels[..., 3] * FADED)
        pixels = np.where(above[..., 3:] > 0, above, pixels)
    return framed(cloud(pixels, bounds), bounds)


def predicted_and_seen(
    names: Sequence[str],
    predicted: np.ndarray,
    seen: np.ndarray,
    *,
    ratios: np.ndarray,
    clear: np.ndarray,
    theme: ThemeName,
    highlighted: int | None = None,
) -> tuple[hv.Overlay, hv.Rectangles]:
    """Return what additivity predicts (ring) beside what was seen (dot), and how many times as much that is.

    Parameters
    ----------
    names
        The k rows.
    predicted, seen
        Percent of cells, shape (k,).
    ratios
        Seen over predicted with the low and high end of its interval, shape (k, 3); NaN ends are left out.
    clear
        Whether each differs from 1, corrected for all; the line between the marks is then in the accent, shape (k,).
    theme
        Light or dark.
    highlighted
        The row that is tinted.

    Returns
    -------
    The picture, and its bands, to be tapped: band number i is row i.
    """
    token, ys = TOKENS[theme], downwards(names)
    top = 1.08 * float(max(predicted.max(initial=0), seen.max(initial=0))) or 1.0
    bands = _bands(names, (0.0, top), theme=theme, highlighted=highlighted)
    lines = [
        (p, y, s, y, token["accent"] if sure else token["axis"])
        for p, s, y, sure in zip(predicted, seen, ys, clear, strict=True)
    ]
    printed = [(y, _ratio(*row)) for y, row in zip(ys, ratios.tolist(), strict=True)]
    picture = (
        bands
        * hv.Segments(lines, vdims="colour").opts(color="colour", line_width=3)
        * hv.Points(list(zip(seen, ys, strict=True))).opts(size=7, color=token["ink"], line_color=None)
        * hv.Points(list(zip(predicted, ys, strict=True))).opts(
            size=12, fill_alpha=0, line_color=token["accent"], line_width=2
        )
    )
    short = [clipped(name, 18) for name in names]  # the numbers beside them need the room
    hook = beside(printed, token["ink"])
    shown = named_rows(picture, short, hook, xlabel="share of cells, %", xlim=(0, top), xticks=3)
    return shown, bands


def departures(
    rows: Sequence[Departure], *, theme: ThemeName, unit: str, highlighted: int | None = None
) -> tuple[hv.Overlay, hv.Rectangles]:
    """Return departures from additivity with intervals, the numbers beside them, and a line at zero.

    A full mark in the accent is clear, corrected for all that were looked at; a hollow one is not. The picture, and its
    bands, to be tapped: band number i is row i.
    """
    token, ys = TOKENS[theme], downwards(rows)
    ends = [end for _, middle, low, high, _ in rows for end in (middle, low, high) if np.isfinite(end)]
    left, right = min([0.0, *ends]), max([0.0, *ends])
    room = 0.06 * (right - left) or 1.0
    limits = (left - room, right + room)
    bands = _bands([row[0] for row in rows], limits, theme=theme, highlighted=highlighted)
    lines, marks, printed = [], [], []
    for y, (_, middle, low, high, clear) in zip(ys, rows, strict=True):
        colour = token["accent"] if clear else token["ink2"]
        if np.isfinite(low):
            lines.append((low, y, high, y, colour if clear else token["axis"]))
        marks.append((middle, y, colour if clear else token["paper"], colour))
        printed.append((y, interval(middle, low, high)))
    picture = (
        bands
        * hv.VLine(0).opts(color=token["ink3"], line_width=1)
        * hv.Segments(lines, vdims="colour").opts(color="colour", line_width=2)
        * hv.Points(marks, vdims=["fill", "line"]).opts(color="fill", line_color="line", size=9, line_width=1.6)
    )
    axis = f"← lower than predicted      {unit}      higher →"
    names = [row[0] for row in rows]
    return named_rows(picture, names, beside(printed, token["ink"]), xlabel=axis, xlim=limits), bands


def by_line(
    rows: Sequence[tuple[str, float, float, float]],
    replicates: Sequence[tuple[str, float]],
    *,
    theme: ThemeName,
    unit: str,
    highlighted: int | None = None,
) -> tuple[hv.Overlay, hv.Rectangles]:
    """Return the departure of every line: its replicates as small dots, their mean large, an interval where there is one.

    Parameters
    ----------
    rows
        Name of the line, mean, low and high end of the interval (NaN where there are too few replicates).
    replicates
        Line and departure of each.
    theme
        Light or dark.
    unit
        What the axis says.
    highlighted
        The row that is tinted.
    """  # noqa: E501 - one line of the field's words
    token, names = TOKENS[theme], [row[0] for row in rows]
    heights = dict(zip(names, downwards(names), strict=True))
    values = [value for _, *three in rows for value in three if np.isfinite(value)] + [v for _, v in replicates]
    left, right = min([0.0, *values]), max([0.0, *values])
    room = 0.06 * (right - left) or 1.0
    limits = (left - room, right + room)
    bands = _bands(names, limits, theme=theme, highlighted=highlighted)
    lines = [(low, heights[name], high, heights[name]) for name, _, low, high in rows if np.isfinite(low)]
    picture = (
        bands
        * hv.VLine(0).opts(color=token["ink3"], line_width=1)
        * hv.Segments(lines).opts(color=token["accent"], line_width=2)
        * hv.Points([(value, heights[name]) for name, value in replicates]).opts(
            color=token["ink3"], size=5, line_color=None, alpha=0.8
        )
        * hv.Points([(mean, heights[name]) for name, mean, _, _ in rows]).opts(
            color=token["accent"], size=9, line_color=token["paper"], line_width=1
        )
    )
    printed = [(heights[name], interval(mean, low, high)) for name, mean, low, high in rows]
    return named_rows(picture, names, beside(printed, token["ink"]), xlabel=unit, xlim=limits), bands


def readout_levels(
    rows: Sequence[tuple[str, float, bool]], *, printed: Sequence[str], theme: ThemeName, unit: str, zero: bool = False
) -> hv.Overlay:
    """Return levels of one readout: what was measured as dots, what models expect of A+B as rings.

    Parameters
    ----------
    rows
        Name, level, and whether it was measured; a level of NaN has no mark.
    printed
        Words beside each row.
    theme
        Light or dark.
    unit
        What the axis says.
    zero
        Whether the axis begins at zero.
    """
    token, ys = TOKENS[theme], downwards(rows)
    known = [(level, y, measured) for (_, level, measured), y in zip(rows, ys, strict=True) if np.isfinite(level)]
    levels = [level for level, _, _ in known] or [0.0]
    low, high = (0.0 if zero else min(levels)), max(levels)
    room = 0.1 * (high - low) or 0.5
    both = [level for (_, level, measured), y in zip(rows, ys, strict=True) if measured][-1:]
    guide = [(level, -0.5, level, len(rows) - 0.5) for level in both if np.isfinite(level)]
    picture = (
        hv.Segments(guide).opts(color=token["axis"], line_width=1, line_dash="dashed")
        * hv.Points([(x, y) for x, y, measured in known if measured]).opts(size=9, color=token["ink"], line_color=None)
        * hv.Points([(x, y) for x, y, measured in known if not measured]).opts(
            size=9, color=token["paper"], line_color=token["accent"], line_width=2
        )
    )
    words = list(zip(ys, printed, strict=True))
    limits = (low if zero else low - room, high + room)
    return named_rows(
        picture, [row[0] for row in rows], beside(words, token["ink"]), xlabel=unit, xlim=limits, xticks=3
    )


def interval(middle: float, low: float, high: float, digits: int = 2) -> str:
    """Write a departure with its interval, where it has one.

    Examples
    --------
    >>> interval(-0.741, -0.85, -0.634), interval(0.2, float("nan"), float("nan"))
    ('−0.74  (−0.85 to −0.63)', '+0.20')
    """
    if not np.isfinite(low):
        return signed(middle, digits)
    return f"{signed(middle, digits)}  ({signed(low, digits)} to {signed(high, digits)})"


def _ratio(middle: float, low: float, high: float) -> str:
    """Write how many times as much was seen as was predicted.

    Examples
    --------
    >>> _ratio(1.32, 1.1, 1.584)
    '× 1.32  (1.10–1.58)'
    """
    return f"× {middle:.2f}" + (f"  ({low:.2f}–{high:.2f})" if np.isfinite(low) else "")


def _bands(
    names: Sequence[str], limits: tuple[float, float], *, theme: ThemeName, highlighted: int | None
) -> hv.Rectangles:
    """Return a band behind each row, to be tapped; one can be tinted."""
    left, right = limits
    rows = [(left, y - 0.5, right, y + 0.5, float(row == highlighted)) for row, y in enumerate(downwards(names))]
    return hv.Rectangles(rows, vdims="shown").opts(
        color=TOKENS[theme]["tint"],
        fill_alpha="shown",
        line_alpha=0,
        nonselection_alpha=1,
        nonselection_fill_alpha="shown",
        tools=["tap"],
    )
