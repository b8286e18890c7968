"""Tables of colour with their numbers in them: who is taken for whom, and which weights of which regions are sure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import holoviews as hv
import numpy as np

from lotviz.views.style import beside, clipped, labelled, signed, slanted, styled, unlined
from lotviz.views.theme import TOKENS, ThemeName, diverging, mix, readable, sequential

INKS = ("#000000", "#ffffff")  # one of the two can be read on any ground, whatever the theme
SURE = 0.9  # of the refits agree on the sign of a weight that is called stable
FAINTEST = 0.25  # how much of its colour a weight keeps whose sign is a toss-up
SLANT = 35  # degrees of the names above a table
MOST_PRINTED = 12  # columns that are wide enough for a number


def confusion_table(classes: Sequence[str], counts: np.ndarray, *, theme: ThemeName) -> hv.Overlay:
    """Return how many samples of each class (rows) were named what (columns), with the share of the row as tint.

    Parameters
    ----------
    classes
        Names of the k classes.
    counts
        Samples by true class and named class, shape (k, k); means over repeats need not be whole.
    theme
        Light or dark.
    """
    token = TOKENS[theme]
    totals = counts.sum(axis=1)
    shares = counts / np.where(totals > 0, totals, 1)[:, None]
    colours = [token["paper"], *sequential(theme)]
    number = "{:.0f}" if np.allclose(counts, np.rint(counts)) else "{:.1f}"
    cells, texts = [], []
    for i in range(len(classes)):
        for j in range(len(classes)):
            ground = colours[int(np.clip(shares[i, j], 0, 1) * (len(colours) - 1) * 0.75)]
            cells.append((*_box(j, i), ground))
            share = f"\n{100 * shares[i, j]:.0f} %" if len(classes) <= 4 else ""
            texts.append((j, i, number.format(counts[i, j]) + share, readable(ground, INKS)))
    right = [(*_box(i, i, inset=0.03), token["ink3"]) for i in range(len(classes))]
    picture = (
        _filled(cells, token["paper"])
        * hv.Rectangles(right, vdims="colour").opts(fill_alpha=0, line_color="colour", line_width=1.2)
        * _printed(texts, "12px")
    )
    names = [clipped(name, 16) for name in classes]
    return _table(
        picture,
        beside([(i, f"of {total:.0f}") for i, total in enumerate(totals)], token["ink2"]),
        labelled("11px"),
        columns=names,
        rows=names,
        xlabel="named as",
        ylabel="true class",
        xrotation=SLANT,
    )


def stability_table(
    columns: Sequence[str],
    rows: Sequence[str],
    weights: np.ndarray,
    *,
    stability: np.ndarray | None = None,
    highlighted: int | None = None,
    theme: ThemeName,
    palette: Sequence[str] | None = None,
) -> tuple[hv.Overlay, hv.Rectangles]:
    """Return the weights of regions and markers on the diverging map, and within it the cells that can be tapped.

    The less often refits agree on the sign of a weight, the paler it is. A stable one carries its number, or a dot
    where the columns are too many for numbers.

    Parameters
    ----------
    columns, rows
        Names of the d markers and the k regions.
    weights
        Shape (k, d).
    stability
        Share of the refits in which the sign was the same, 0.5 to 1, shape (k, d); None where it is not known: then
        nothing is paler and all numbers are printed.
    highlighted
        The row that is framed.
    theme
        Light or dark.
    palette
        255 colours, zero in the middle, where the weights speak for no group; default the diverging map.

    Returns
    -------
    The picture, and its cells in the order of the rows: cell number i lies in row i // d.
    """
    token = TOKENS[theme]
    limit = float(np.abs(weights).max(initial=0)) or 1.0
    sure = np.ones(weights.shape) if stability is None else np.asarray(stability, float)
    palette = palette or diverging(theme)
    cells, texts = [], []
    for (i, j), weight in np.ndenumerate(weights):
        colour = palette[int(np.clip(round(127 + 127 * weight / limit), 0, 254))]
        kept = FAINTEST + (1 - FAINTEST) * float(np.clip((sure[i, j] - 0.5) / (SURE - 0.5), 0, 1))
        ground = mix(token["paper"], colour, kept)
        held = "not measured" if stability is None else f"{100 * sure[i, j]:.0f} % of refits"
        cells.append((*_box(j, i), ground, rows[i], columns[j], signed(float(weight), 3), held))
        if sure[i, j] >= SURE:
            texts.append((j, i, _short(weight, limit, len(columns)), readable(ground, INKS)))
    marks = hv.Rectangles(cells, vdims=["colour", "region", "marker", "weight", "held"]).opts(
        color="colour",
        line_color=token["paper"],
        line_width=1.5,
        nonselection_alpha=1,
        tools=["hover", "tap"],
        hover_tooltips=[("region", "@region"), ("marker", "@marker"), ("weight", "@weight"), ("same sign", "@held")],
    )
    framed = [] if highlighted is None else [(-0.5, highlighted - 0.5, len(columns) - 0.5, highlighted + 0.5)]
    frame = hv.Rectangles(framed).opts(fill_alpha=0, line_color=token["accent"], line_width=2.5)
    picture = _table(
        marks * _printed(texts, "10px") * frame,
        labelled("10px", only="x"),
        columns=[clipped(name, 10) for name in columns],
        rows=[clipped(name) for name in rows],
        xrotation=SLANT if len(columns) <= MOST_PRINTED else 90,
    )
    return picture, marks


def shift_table(
    columns: Sequence[str],
    rows: Sequence[str],
    shifts: np.ndarray,
    *,
    clear: np.ndarray,
    said: np.ndarray,
    highlighted: tuple[int | None, int | None] = (None, None),
    theme: ThemeName,
) -> tuple[hv.Overlay, hv.Rectangles]:
    """Return how the markers of each population shift, on the diverging map; what chance explains is pale.

    Parameters
    ----------
    columns, rows
        Names of the d markers and the k populations.
    shifts
        Marker units, (k, d); NaN where one sample has no such cells: those stay empty.
    clear
        Whether each is more than chance explains, (k, d); the others are paler.
    said
        What is said of each when it is pointed at, such as its interval, (k, d).
    highlighted
        The row and the column that are framed.
    theme
        Light or dark.

    Returns
    -------
    The picture, and its cells in the order of the rows: cell number i lies in row i // d and column i % d.
    """
    token, palette = TOKENS[theme], diverging(theme)
    limit = float(np.nanmax(np.abs(shifts), initial=0.0)) or 1.0
    cells, texts = [], []
    for (i, j), shift in np.ndenumerate(shifts):
        known = bool(np.isfinite(shift))
        colour = palette[int(np.clip(round(127 + 127 * shift / limit), 0, 254))] if known else token["paper"]
        ground = colour if clear[i, j] else mix(token["paper"], colour, FAINTEST)
        cells.append((*_box(j, i), ground, rows[i], columns[j], str(said[i, j])))
        if known and clear[i, j]:
            texts.append((j, i, _short(shift, limit, len(columns)), readable(ground, INKS)))
    marks = hv.Rectangles(cells, vdims=["colour", "population", "marker", "shift"]).opts(
        color="colour",
        line_color=token["paper"],
        line_width=1.5,
        nonselection_alpha=1,
        tools=["hover", "tap"],
        hover_tooltips=[("population", "@population"), ("marker", "@marker"), ("shift", "@shift")],
    )
    row, column = highlighted
    frames = [] if row is None else [(-0.5, row - 0.5, len(columns) - 0.5, row + 0.5)]
    frames += [] if column is None else [(column - 0.5, -0.5, column + 0.5, len(rows) - 0.5)]
    picture = _table(
        marks * _printed(texts, "10px") * hv.Rectangles(frames).opts(fill_alpha=0, line_color=token["accent"]),
        labelled("10px", only="x"),
        columns=[clipped(name, 10) for name in columns],
        rows=[clipped(name) for name in rows],
        xrotation=SLANT if len(columns) <= MOST_PRINTED else 90,
    )
    return picture, marks


def _short(weight: float, limit: float, columns: int) -> str:
    """Write a weight in few letters, as many digits as its table needs; a dot where there is no room for it."""
    if columns > MOST_PRINTED:
        return "•"
    digits = int(np.clip(1 - np.floor(np.log10(limit)), 0, 2))
    return signed(float(weight), digits) if round(abs(weight), digits) else "·"


def _box(column: int, row: int, inset: float = 0.0) -> tuple[float, float, float, float]:
    """Return left, bottom, right and top of a cell, in columns and rows."""
    half = 0.5 - inset
    return column - half, row - half, column + half, row + half


def _filled(cells: Sequence[tuple[Any, ...]], line: str) -> hv.Rectangles:
    """Return cells of their own colours."""
    return hv.Rectangles(cells, vdims="colour").opts(color="colour", line_color=line, line_width=2)


def _printed(texts: Sequence[tuple[float, float, str, str]], size: str) -> hv.Labels:
    """Return words in the middle of cells, each in its ink."""
    return hv.Labels(texts, ["x", "y"], ["text", "ink"]).opts(
        text_color="ink", text_font_size=size, text_align="center", text_baseline="middle"
    )


def _table(
    picture: hv.Overlay, *hooks: Any, columns: Sequence[str], rows: Sequence[str], **options: Any
) -> hv.Element | hv.Overlay:
    """Return a table with its names above and on the left, the first row on top.

    Numbers on the axes, or two names that are cut to the same letters would become one row.
    """
    return styled(
        picture,
        unlined,
        *hooks,
        *([slanted(columns)] if options.get("xrotation") == SLANT else []),
        **{"xlabel": "", "ylabel": "", **options},
        xaxis="top",
        invert_yaxis=True,
        xticks=list(enumerate(columns)),
        yticks=list(enumerate(rows)),
        xlim=(-0.5, len(columns) - 0.5),
        ylim=(-0.5, len(rows) - 0.5),
    )
