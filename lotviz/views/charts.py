"""Charts of numbers with names: dumbbells, bars, a table of colour, small curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import holoviews as hv
import numpy as np

from lotviz.views.style import clipped, downwards, flat, named_rows, nothing, signed, styled, words
from lotviz.views.theme import TOKENS, ThemeName, diverging

CHANCE = "dashed"


def dumbbells(
    names: Sequence[str],
    before: np.ndarray,
    after: np.ndarray,
    *,
    colours: tuple[str, str],
    theme: ThemeName,
    unit: str,
    under: hv.Element | None = None,
) -> hv.Overlay:
    """Return the change of each row: a hollow mark before, a full one after, the change printed at the end.

    `under` lies below all of it, such as the bands of `row_bands`.
    """
    token = TOKENS[theme]
    ys = downwards(names)
    top = float(max(before.max(initial=0), after.max(initial=0)))
    picture = (
        hv.Segments([(b, y, a, y) for b, a, y in zip(before, after, ys, strict=True)]).opts(
            color=token["axis"], line_width=3
        )
        * hv.Points(list(zip(before, ys, strict=True))).opts(
            size=9, color=token["paper"], line_color=colours[0], line_width=2
        )
        * hv.Points(list(zip(after, ys, strict=True))).opts(size=9, color=colours[1], line_color=None)
        * words(
            [(max(b, a) + top * 0.035, y, _points(a - b)) for b, a, y in zip(before, after, ys, strict=True)],
            token["ink"],
            size="12px",
        )
    )
    picture = picture if under is None else under * picture
    return named_rows(picture, names, xlabel=unit, xlim=(0, top * 1.3 or 1))


def _points(change: float) -> str:
    """Write a change in whole points; one that rounds to nothing has no sign."""
    return signed(change, 0) if round(change) else "0"


def row_bands(names: Sequence[str], *, right: float, theme: ThemeName, highlighted: int | None = None) -> hv.Rectangles:
    """Return a band behind each row up to `right`, to be tapped; one can be tinted. Band number i is row i."""
    tint = TOKENS[theme]["tint"]
    rows = [(0, y - 0.5, right, y + 0.5, float(row == highlighted)) for row, y in enumerate(downwards(names))]
    return hv.Rectangles(rows, vdims="shown").opts(
        color=tint,
        fill_alpha="shown",
        line_alpha=0,
        nonselection_alpha=1,
        nonselection_fill_alpha="shown",
        tools=["tap"],
    )


def shift_and_shape(
    names: Sequence[str], shift: np.ndarray, shape: np.ndarray, *, theme: ThemeName, unit: str
) -> hv.Overlay:
    """Return, per marker, the signed shift of the mean (thick) and the size of the change of shape (thin)."""
    token = TOKENS[theme]
    ys = downwards(names)
    reach = 1.1 * float(max(np.abs(shift).max(initial=0), shape.max(initial=0))) or 1.0
    picture = (
        hv.Segments([(0, y + 0.12, value, y + 0.12) for value, y in zip(shift, ys, strict=True)]).opts(
            color=token["ink2"], line_width=6, line_cap="butt"
        )
        * hv.Segments([(0, y - 0.24, value, y - 0.24) for value, y in zip(shape, ys, strict=True)]).opts(
            color=token["accent"], line_width=3, line_cap="butt"
        )
        * hv.VLine(0).opts(color=token["axis"], line_width=1)
    )
    return named_rows(picture, names, xlabel=unit, xlim=(-reach, reach))


def weight_bars(
    names: Sequence[str],
    weights: np.ndarray,
    pattern: np.ndarray,
    *,
    classes: tuple[str, str],
    theme: ThemeName,
    what: str = "weight",
) -> hv.Overlay:
    """Return the weight of each marker, or another signed figure, as a bar on the diverging map, its pattern as a ring.

    Both are drawn relative to the largest of their kind, so the axis has no unit.
    """
    token = TOKENS[theme]
    ys = downwards(names)
    bars = [(0, y, value, y, colour_of(value, theme)) for value, y in zip(weights, ys, strict=True)]
    picture = (
        hv.Segments(bars, vdims="colour").opts(color="colour", line_width=8, line_cap="butt")
        * hv.VLine(0).opts(color=token["axis"], line_width=1)
        * hv.Points(list(zip(pattern, ys, strict=True))).opts(
            size=8, color=token["paper"], line_color=token["ink"], line_width=1.3
        )
    )
    negative, positive = classes
    return named_rows(picture, names, xlabel=f"← {negative}      {what}      {positive} →", xlim=(-1.12, 1.12))


def curves(
    rows: Sequence[tuple[np.ndarray, np.ndarray, str]],
    *,
    xlim: tuple[float, float],
    dashes: Sequence[str] = (),
) -> hv.Overlay:
    """Return densities over one axis, each (x, y, colour); no scale upwards: only shapes are compared."""
    dashes = list(dashes) or ["solid"] * len(rows)
    lines = [
        hv.Curve((x, y)).opts(color=colour, line_width=1.5, line_dash=dash)
        for (x, y, colour), dash in zip(rows, dashes, strict=True)
    ]
    return styled(hv.Overlay(lines), flat, xlabel="", ylabel="", yaxis=None, xlim=xlim, ylim=(0, None), xticks=4)


def sample_curves(
    grid: np.ndarray,
    groups: tuple[np.ndarray, np.ndarray],
    *,
    colours: tuple[str, str],
    theme: ThemeName,
    title: str = "",
) -> hv.Overlay:
    """Return the densities of one marker in the samples of two groups: a thin line each, their mean thick.

    The first group is dashed, the second solid.

    Parameters
    ----------
    grid
        Values of the marker, shape (g,).
    groups
        Densities of the samples of each group, shapes (s, g) and (r, g); a row of NaN, no cells, is left out.
    colours
        Of the two groups.
    theme
        Light or dark.
    title
        Words above the curves, such as the marker with its shift.
    """
    lines, means, top = [], [], 0.0
    for rows, colour, dash in zip(groups, colours, ([5, 3], "solid"), strict=True):
        known = rows[np.isfinite(rows).all(axis=1)]
        if not len(known):
            continue
        faint = float(np.clip(6 / len(known), 0.14, 0.45))
        # One curve with gaps: a path of many parts takes HoloViews a second.
        gaps = np.full((len(known), 1), np.nan)
        x, y = np.tile(np.append(grid, np.nan), len(known)), np.hstack([known, gaps]).ravel()
        lines.append(hv.Curve((x, y)).opts(color=colour, alpha=faint, line_width=1))
        means.append(hv.Curve((grid, known.mean(axis=0))).opts(color=colour, line_width=2, line_dash=dash))
        top = max(top, float(np.quantile(known.max(axis=1), 0.9)))
    if not means:
        return nothing("no cells here", theme)
    limits = {"xlim": (float(grid[0]), float(grid[-1])), "ylim": (0, 1.08 * top or 1)}
    escaped = clipped(title, 40).replace("{", "{{").replace("}", "}}")  # HoloViews fills in what stands in braces
    return styled(
        hv.Overlay([*lines, *means]), flat, xlabel="", ylabel="", yaxis=None, xticks=4, title=escaped, **limits
    )


def now_and_ends(
    grid: np.ndarray,
    now: np.ndarray,
    ends: tuple[np.ndarray, np.ndarray],
    *,
    colours: tuple[str, str],
    theme: ThemeName,
) -> hv.Overlay:
    """Return the density of a synthetic cloud (filled) between those of its two ends (dashed and solid)."""
    accent = TOKENS[theme]["accent"]
    first, second = ends
    picture = (
        hv.Area((grid, now)).opts(color=accent, alpha=0.18, line_alpha=0)
        * hv.Curve((grid, first)).opts(color=colours[0], line_width=1.2, line_dash=[4, 3])
        * hv.Curve((grid, second)).opts(color=colours[1], line_width=1.2)
        * hv.Curve((grid, now)).opts(color=accent, line_width=2)
    )
    top = 1.08 * float(max(now.max(), first.max(), second.max())) or 1.0
    limits = {"xlim": (float(grid[0]), float(grid[-1])), "ylim": (0, top)}
    return styled(picture, flat, xlabel="", ylabel="", yaxis=None, xticks=4, **limits)


def shares(
    names: Sequence[str],
    now: np.ndarray,
    ends: tuple[np.ndarray, np.ndarray],
    *,
    bars: Mapping[str, str],
    colours: tuple[str, str],
    theme: ThemeName,
) -> hv.Overlay:
    """Return the share of each population now (bar), in the first sample (ring) and in the second (dot), in percent."""
    token = TOKENS[theme]
    ys = downwards(names)
    first, second = ends
    rows = [(0, y, value, y, bars[name]) for name, value, y in zip(names, now, ys, strict=True)]
    picture = (
        hv.Segments(rows, vdims="colour").opts(color="colour", line_width=9, line_cap="butt")
        * hv.Points(list(zip(first, ys, strict=True))).opts(
            size=8, color=token["paper"], line_color=colours[0], line_width=1.6
        )
        * hv.Points(list(zip(second, ys, strict=True))).opts(
            size=8, color=colours[1], line_color=token["paper"], line_width=1
        )
    )
    top = float(max(now.max(initial=0), first.max(initial=0), second.max(initial=0)))
    return named_rows(picture, names, xlabel="share of cells, %", xlim=(0, 1.1 * top or 1))


def cells_per_sample(
    counts: np.ndarray, names: Sequence[str], groups: Sequence[str], *, few: int, theme: ThemeName
) -> hv.Overlay:
    """Return the number of cells of each sample on a log axis, one row per group, with a line at `few`."""
    token = TOKENS[theme]
    kinds = list(dict.fromkeys(groups))
    jitter = np.random.default_rng(0).uniform(-0.28, 0.28, len(counts))
    ys = np.array([len(kinds) - kinds.index(group) for group in groups]) + jitter
    points = list(zip(np.maximum(counts, 1), ys, names, strict=True))
    enough = [point for point in points if point[0] >= few]
    short = [point for point in points if point[0] < few]
    hover = {"tools": ["hover"], "line_color": token["paper"]}
    dims: Any = (["cells", "row"], "sample")
    picture = (
        hv.VLine(few).opts(color=token["warn"], line_dash=CHANCE, line_width=1)
        * hv.Points(enough, *dims).opts(color=token["ink2"], size=7, alpha=0.75, line_width=0.6, **hover)
        * hv.Points(short, *dims).opts(color=token["warn"], size=9, line_width=1, **hover)
    )
    shown = np.maximum(counts, 1)
    low, high = min([few, *shown]) * 0.6, max([few, *shown]) * 1.7
    tens = [10**k for k in range(8)]
    steps = tens if high / low > 300 else [step * ten for ten in tens for step in (1, 2, 5)]
    ticks = [(step, f"{step:,}") for step in steps if low <= step <= high]
    rows = [(len(kinds) - i, kind) for i, kind in enumerate(kinds)]
    return styled(
        picture,
        flat,
        logx=True,
        xlabel=f"cells per sample (dashed: {few:,})",
        ylabel="",
        yticks=rows,
        ylim=(0.4, len(kinds) + 0.6),
        xlim=(low, high),
        xticks=ticks,
        show_grid=True,
    )


def colour_of(value: float, theme: ThemeName) -> str:
    """Return the colour of a value between -1 and 1 on the diverging map."""
    return diverging(theme)[int(np.clip(round(127 + 127 * value), 0, 254))]
