"""Maps of samples: one mark per sample, near means alike; and the table of every pair beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import holoviews as hv
import numpy as np
import pandas as pd

from lotviz.views.clouds import widened
from lotviz.views.style import bare, styled, words
from lotviz.views.theme import (
    TOKENS,
    ThemeName,
    graded,
    group_colours,
    group_marks,
    rgba,
    sequential,
)

MAP_SHAPE = 1.55  # width of the map by its height
MANY = 150  # samples; of more, marks are smaller so that they can be told apart


def sample_map(
    table: pd.DataFrame,
    *,
    groups: Sequence[str] | None,
    selected: Sequence[str],
    axes: tuple[str, str],
    theme: ThemeName,
    coloured_by: str = "",
    newcomers: pd.DataFrame | None = None,
) -> tuple[hv.Overlay, hv.Points]:
    """Return the map of all samples, and within it the marks that can be tapped.

    Parameters
    ----------
    table
        One row per sample, indexed by its name: columns x, y, cells and colour.
    groups
        The categories of the column colour, in the order of the cohort, or None where it is a number: it is coloured by
        its rank.
    selected
        Samples that are ringed and named.
    axes
        What the two axes say.
    theme
        Light or dark.
    coloured_by
        What the column colour is called where a mark is pointed at; nothing to leave it out there.
    newcomers
        Samples from elsewhere, indexed by their names: columns x, y and named, whether the name is written.
    """
    token = TOKENS[theme]
    rows = table.rename_axis("sample").reset_index()
    if groups is None:
        colours = {"color": "shown", "cmap": graded(theme), "marker": "circle", "colorbar": False}
        rows["shown"] = ranked(rows["colour"])
    else:
        rows["shown"] = rows["colour"] = rows["colour"].astype(str)
        colours = {
            "color": hv.dim("shown").categorize(group_colours(groups, theme), token["faint"]),
            "marker": hv.dim("shown").categorize(group_marks(groups), "circle"),
        }
    marks = hv.Points(rows, ["x", "y"], ["sample", "colour", "cells", "shown"]).opts(
        size=10 if len(rows) <= MANY else 7,
        line_color=token["paper"],
        line_width=1 if len(rows) <= MANY else 0.6,
        alpha=0.95,
        nonselection_alpha=0.95,
        tools=["hover", "tap"],
        hover_tooltips=[
            ("sample", "@sample"),
            *([(coloured_by, "@colour")] if coloured_by else []),
            ("cells", "@cells"),
        ],
        **colours,
    )
    chosen = rows[rows["sample"].isin(list(selected))]
    ring = hv.Points(chosen[["x", "y"]].to_numpy()).opts(size=18, color=None, line_color=token["ink"], line_width=1.3)
    new = pd.DataFrame(columns=["x", "y", "named"]) if newcomers is None else newcomers
    places = np.vstack([rows[["x", "y"]].to_numpy(float), new[["x", "y"]].to_numpy(float)])
    bounds = widened(places.min(axis=0), places.max(axis=0), shape=MAP_SHAPE, margin=0.08)
    step = (bounds[1] - bounds[0]) / 48
    names = _names(chosen, step, theme, right=bounds[1])
    picture = styled(
        marks * ring * names if newcomers is None else marks * ring * names * _newcomers(new, step, theme),
        data_aspect=1,
        xlim=bounds[:2],
        ylim=bounds[2:],
        xlabel=axes[0],
        ylabel=axes[1],
        show_grid=True,
        show_legend=False,
    )
    return picture, marks


def ranked(values: pd.Series) -> np.ndarray:
    """Return the rank of numbers, 0 to 1, (N,): of doses 0.1 and 200 all can be told apart; NaN where there is none.

    Examples
    --------
    >>> ranked(pd.Series([0.1, 200.0, None, 1.0, 0.1])).tolist()
    [0.0, 1.0, nan, 0.5, 0.0]
    """
    ranks = pd.to_numeric(values).rank(method="dense")
    return ((ranks - 1) / max(float(ranks.max()) - 1, 1.0)).to_numpy(dtype=float)


def _names(chosen: pd.DataFrame, step: float, theme: ThemeName, *, right: float) -> hv.Overlay:
    """Return names with a rim of paper beside their marks: of two that are near, or by the right edge, on the left."""
    rows = list(chosen.sort_values(["x", "y"])[["x", "y", "sample"]].itertuples(index=False))
    sides: dict[str, list[tuple[float, float, str]]] = {"left": [], "right": []}  # where the text is aligned
    for i, row in enumerate(rows):
        near = any(other.x - row.x < 16 * step and abs(other.y - row.y) < 1.5 * step for other in rows[i + 1 :])
        near = near or row.x + (1 + 0.75 * len(str(row.sample))) * step > right  # it would be cut
        sides["right" if near else "left"].append((row.x + (-step if near else step), row.y, str(row.sample)))
    token = TOKENS[theme]
    # Bokeh draws a rim over its letters: the letters are drawn once more.
    rims = [{"text_outline_color": token["paper"], "text_outline_width": 4}, {}]
    drawn = [(side, texts, rim) for side, texts in sides.items() if texts or side == "left" for rim in rims]
    return hv.Overlay([words(texts, token["ink"], size="12px", text_align=side, **rim) for side, texts, rim in drawn])


def _newcomers(table: pd.DataFrame, step: float, theme: ThemeName) -> hv.Overlay:
    """Return samples from elsewhere as diamonds in the accent, "new" before the names of those that are named."""
    token = TOKENS[theme]
    rows = table.rename_axis("sample").reset_index()
    marks = hv.Points(rows, ["x", "y"], ["sample"]).opts(
        marker="diamond", size=13, color=token["accent"], line_color=token["paper"], line_width=1, tools=["hover"]
    )
    named = rows[rows["named"].astype(bool)]
    texts = [(x + step, y, f"new: {name}") for x, y, name in named[["x", "y", "sample"]].itertuples(index=False)]
    return marks * words(texts, token["ink"], size="12px")


def farthest(distances: np.ndarray) -> float:
    """Return the distance that gets the last colour: few are larger."""
    return float(np.percentile(distances, 99)) or 1.0


def pairs_table(
    distances: np.ndarray,
    order: np.ndarray,
    colours: Sequence[str],
    *,
    theme: ThemeName,
    clusters: np.ndarray | None = None,
) -> hv.Overlay:
    """Return the distance of every pair as an image, near is dark, the group of each row and column beside it.

    Parameters
    ----------
    distances
        (N, N), in units of LOT distance.
    order
        (N,), the order of the rows.
    colours
        The group colour of each sample, in the order of `distances`.
    theme
        Light or dark.
    clusters
        Cluster of each sample, in the order of `distances`, (N,): a line is drawn between two of them.
    """
    count = len(order)
    ordered = distances[np.ix_(order, order)]
    top = farthest(distances)
    palette = rgba(sequential(theme)[::-1])
    image = palette[np.clip(ordered / top * 255, 0, 255).astype(int)]
    heat = hv.RGB(image, bounds=(0, 0, count, count), vdims=["R", "G", "B", "A"])
    gap, thick = 0.012 * count, 0.035 * count
    near, far = count + gap, count + gap + thick
    bars: list[tuple[Any, ...]] = []
    for i, place in enumerate(order):
        bars.append((i, near, i + 1, far, colours[place]))
        bars.append((near, count - i - 1, far, count - i, colours[place]))
    strips = hv.Rectangles(bars, vdims="colour").opts(color="colour", line_color=None)
    edges = [] if clusters is None else np.flatnonzero(np.diff(clusters[order])) + 1
    lines = [(at, 0, at, count) for at in edges] + [(0, count - at, count, count - at) for at in edges]
    cuts = hv.Segments(lines).opts(color=TOKENS[theme]["paper"], line_width=2)
    return styled(heat * strips * cuts, bare, data_aspect=1, xlim=(0, far), ylim=(0, far), xaxis=None, yaxis=None)
