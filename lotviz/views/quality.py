"""Small pictures of what a look through a cohort found: ridges of a marker by sample or batch, cells at the margins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import holoviews as hv
import numpy as np
from numpy.typing import NDArray

from lotviz.analysis.density import density, density_grid
from lotviz.data.quality.look import Quality
from lotviz.views.style import clipped, flat, labelled, nothing, styled, words
from lotviz.views.theme import TOKENS, ThemeName, mix

OVERLAP = 1.7  # height of a ridge in rows: enough to compare neighbours, not so much that one hides the other
MOST_RIDGES = 40  # rows that still can be told apart
MOST_NAMED = 12  # rows whose names find room
MOST_SHARES = 30


def ridges(
    quality: Quality,
    marker: str,
    *,
    rows: Mapping[str, Sequence[str]],
    theme: ThemeName,
    warned: Sequence[str] = (),
    named: bool = True,
) -> hv.Overlay:
    """Return the densities of one marker, one ridge a row, the first on top; each sample of a row counts the same.

    Parameters
    ----------
    quality
        The look through the cohort.
    marker
        One of its markers.
    rows
        The samples of each row by its name: one each, or those of a batch. At most `MOST_RIDGES` are drawn, the
        warned ones before any other.
    theme
        Light or dark.
    warned
        Rows drawn in the colour of a warning, their names beside the ridge.
    named
        Whether the other rows are named where there is room; a small picture has none.
    """
    token = TOKENS[theme]
    drawn = {row: quantiles for row in _first(rows, warned) if len(quantiles := _pooled(quality, marker, rows[row]))}
    if not drawn:
        return nothing("nothing to show", theme)
    grid = density_grid(np.concatenate(list(drawn.values())))
    heights = {row: density(values, grid) for row, values in drawn.items()}
    unit = OVERLAP / max(float(height.max()) for height in heights.values())
    shapes, names = [], []
    x = np.r_[grid, grid[::-1]]
    for place, (row, height) in zip(range(len(drawn))[::-1], heights.items(), strict=True):
        colour = token["warn"] if row in warned else token["ink2"]
        y = np.r_[place + unit * height, np.full(len(grid), float(place))]
        # Opaque, and drawn downwards: a ridge hides the feet of the one behind it.
        shapes.append({"x": x, "y": y, "fill": mix(token["paper"], colour, 0.25), "line": colour, "row": row})
        if row in warned:
            names.append((float(grid[-1]), place + 0.45, clipped(row)))
    # One element for all: a page draws a dozen of these pictures, and an element each would take seconds.
    hills = hv.Polygons(shapes, ["x", "y"], ["fill", "line", "row"]).opts(
        color="fill", line_color="line", line_width=1.2, show_legend=False
    )
    marks = words(names, token["warn"], text_align="right", size="11px")
    plain = [(place, row) for place, row in zip(range(len(drawn))[::-1], drawn, strict=True) if row not in warned]
    ticks = [(place, clipped(row)) for place, row in plain] if named and len(drawn) <= MOST_NAMED else []
    return styled(
        hills * marks,
        flat,
        labelled("10px", only="y"),
        xlabel="",
        ylabel="",
        yticks=ticks or [(0.0, "")],  # HoloViews cannot draw an axis from an empty list
        xticks=4,
        xlim=(float(grid[0]), float(grid[-1])),
        ylim=(-0.3, len(drawn) - 1 + 1.08 * OVERLAP),
    )


def margin_shares(quality: Quality, *, theme: ThemeName, least: float = 0.01) -> hv.Overlay:
    """Return, per marker, the share of cells at its highest (bar to the right) and lowest value (to the left).

    The bar is that of the sample with most such cells, whose name is printed; markers with fewer than `least` at both
    ends are left out. At most `MOST_SHARES` markers are drawn, those with most first.
    """
    token, profiles = TOKENS[theme], quality.profiles
    if not len(profiles.names):
        return nothing("nothing to show", theme)
    low, high = 100 * profiles.at_low.max(axis=0), 100 * profiles.at_high.max(axis=0)  # (d,)
    order = np.argsort(-np.maximum(low, high), kind="stable")[:MOST_SHARES]
    order = order[np.maximum(low, high)[order] >= 100 * least]
    if not len(order):
        return nothing("nothing to show", theme)
    ys = np.arange(len(order))[::-1]
    left = [(-low[column], y, 0, y) for column, y in zip(order, ys, strict=True)]
    right = [(0, y, high[column], y) for column, y in zip(order, ys, strict=True)]
    reach = 1.1 * float(np.maximum(low, high)[order].max())
    named = [
        (high[column] + 0.02 * reach, y, clipped(profiles.names[int(profiles.at_high[:, column].argmax())]))
        for column, y in zip(order, ys, strict=True)
        if high[column] >= 100 * least
    ]
    bars = {"line_width": 8, "line_cap": "butt"}
    picture = (
        hv.Segments(left).opts(color=token["faint"], **bars)
        * hv.Segments(right).opts(color=token["warn"], **bars)
        * hv.VLine(0).opts(color=token["axis"], line_width=1)
        * words(named, token["ink"], size="11px")
    )
    ticks = [(y, clipped(profiles.markers[column])) for column, y in zip(order, ys, strict=True)]
    return styled(
        picture,
        flat,
        xlabel="← % of cells at the lowest value      at the highest →",
        ylabel="",
        yticks=ticks,
        xticks=[(share, str(abs(share))) for share in range(-100, 101, 25) if abs(share) <= reach],
        ylim=(-0.65, len(order) - 0.35),
        xlim=(-reach, 1.4 * reach),
        show_grid=True,
    )


def mean_curves(
    quality: Quality, marker: str, rows: Mapping[str, Sequence[str]]
) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
    """Return the grid of a marker, (k,), and the density of each row on it, every sample counting the same."""
    pooled = {row: _pooled(quality, marker, samples) for row, samples in rows.items()}
    known = {row: values for row, values in pooled.items() if len(values)}
    if not known:
        return np.linspace(0, 1, 2), {}
    grid = density_grid(np.concatenate(list(known.values())))
    return grid, {row: density(values, grid) for row, values in known.items()}


def _first(rows: Mapping[str, Sequence[str]], warned: Sequence[str]) -> list[str]:
    """Return the rows to draw, in their order; the warned ones are among them if there are too many."""
    chosen = set(sorted(rows, key=lambda row: row not in warned)[:MOST_RIDGES])
    return [row for row in rows if row in chosen]


def _pooled(quality: Quality, marker: str, samples: Sequence[str]) -> NDArray[np.float64]:
    """Return values that stand for the cells of some samples, the same number of each."""
    return np.concatenate([np.empty(0), *(quality.values(marker, str(sample)) for sample in samples)])
