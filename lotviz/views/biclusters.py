"""Tables of samples or regions against markers, drawn so that blocks and differences are seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import holoviews as hv
import numpy as np

from lotviz.views.style import bare, labelled, signed, slanted, styled, told_apart, unlined
from lotviz.views.theme import TOKENS, ThemeName, carrying, mix, readable, rgba

INKS = ("#000000", "#ffffff")
LOUD = 98  # percentile of the values that gets the last colour
LEAST_PRINTED = 0.2  # of the largest value, where all stand; a smaller one is told by its colour
PALE = 0.3  # how much of its colour a value keeps that does not stand


def bicluster_map(
    values: np.ndarray,
    *,
    orders: tuple[np.ndarray, np.ndarray],
    clusters: tuple[np.ndarray, np.ndarray],
    colours: Sequence[str],
    theme: ThemeName,
) -> hv.Overlay:
    """Return a table of N samples and C columns as an image in which clusters stand together, the first row on top.

    Parameters
    ----------
    values
        Shape (N, C); above zero in the accent, below in grey.
    orders
        Of the rows, (N,), and of the columns, (C,).
    clusters
        Of each row, (N,), and of each column, (C,): a line is drawn between two of them.
    colours
        The group colour of each sample, (N,), drawn as a bar on the right.
    theme
        Light or dark.
    """
    count, wide = values.shape
    ordered = values[np.ix_(*orders)]
    limit = np.percentile(np.abs(values), LOUD) or 1.0
    image = rgba(carrying(theme))[np.clip(np.rint(127 + 127 * ordered / limit), 0, 254).astype(int)]
    # rows and columns in units of their own, so that the picture fills its place
    heat = hv.RGB(image, bounds=(0, 0, 1, 1), vdims=["R", "G", "B", "A"])
    rows, columns = (np.flatnonzero(np.diff(labels[order])) + 1 for labels, order in zip(clusters, orders, strict=True))
    lines = [(0, 1 - at / count, 1, 1 - at / count) for at in rows] + [(at / wide, 0, at / wide, 1) for at in columns]
    bars = [(1.012, 1 - (i + 1) / count, 1.04, 1 - i / count, colours[row]) for i, row in enumerate(orders[0])]
    strips = hv.Rectangles(bars, vdims="colour").opts(color="colour", line_color=None)
    cuts = hv.Segments(lines).opts(color=TOKENS[theme]["paper"], line_width=2.5)
    return styled(heat * strips * cuts, bare, xlim=(0, 1.04), ylim=(0, 1), xaxis=None, yaxis=None)


def change_table(
    columns: Sequence[str],
    rows: Sequence[str],
    values: np.ndarray,
    *,
    palette: Sequence[str],
    theme: ThemeName,
    stands: np.ndarray | None = None,
    notes: np.ndarray | None = None,
) -> hv.Overlay:
    """Return signed changes of regions and markers in marker units as a table of colour with its numbers.

    Parameters
    ----------
    columns, rows
        Names of the d markers and the k regions.
    values
        Shape (k, d).
    palette
        255 colours, zero in the middle.
    theme
        Light or dark.
    stands
        Whether each stands, (k, d): what does not is pale and carries no number. All stand when None.
    notes
        What a pointer is told beside the value, (k, d) words.
    """
    token = TOKENS[theme]
    limit = float(np.abs(values).max(initial=0)) or 1.0
    digits = int(np.clip(-np.floor(np.log10(limit)), int(limit < 10), 2))
    if stands is not None and (np.abs(values)[stands] < 0.5 * 10.0**-digits).any():
        digits = 2  # what stands is not to be printed as nothing
    cells: list[tuple[Any, ...]] = []
    texts = []
    for (i, j), value in np.ndenumerate(values):
        holds = stands is None or bool(stands[i, j])
        colour = palette[int(np.clip(round(127 + 127 * value / limit), 0, 254))]
        ground = colour if holds else mix(token["paper"], colour, PALE)
        note = "" if notes is None else str(notes[i, j])
        cells.append((j - 0.5, i - 0.5, j + 0.5, i + 0.5, ground, rows[i], columns[j], signed(float(value), 3), note))
        if holds and (stands is not None or abs(value) >= LEAST_PRINTED * limit):
            texts.append((j, i, signed(float(value), digits), readable(ground, INKS)))
    tips = [("region", "@region"), ("marker", "@marker"), ("change", "@change")]
    marks = hv.Rectangles(cells, vdims=["colour", "region", "marker", "change", "note"]).opts(
        color="colour",
        line_color=token["paper"],
        line_width=1.5,
        tools=["hover"],
        hover_tooltips=tips if notes is None else [*tips, ("", "@note")],
    )
    numbers = hv.Labels(texts, ["x", "y"], ["text", "ink"]).opts(
        text_color="ink", text_font_size="10px", text_align="center", text_baseline="middle"
    )
    above = told_apart(columns, 10)
    return styled(
        marks * numbers,
        unlined,
        labelled("10px"),
        slanted(above),
        xlabel="",
        ylabel="",
        xaxis="top",
        xrotation=35,
        invert_yaxis=True,
        xticks=list(enumerate(above)),
        yticks=list(enumerate(told_apart(rows, 20))),
        xlim=(-0.5, len(columns) - 0.5),
        ylim=(-0.5, len(rows) - 0.5),
    )
