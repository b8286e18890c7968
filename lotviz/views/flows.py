"""Who becomes whom: mass between the populations of two samples, as ribbons or as a table; both can be tapped."""

from __future__ import annotations

from collections.abc import Sequence

import holoviews as hv
import numpy as np

from lotviz.views.style import bare, clipped, labelled, styled, told_apart, unlined, words
from lotviz.views.theme import TOKENS, ThemeName, readable, sequential

INKS = ("#000000", "#ffffff")
GAP = 1.4  # percent between two blocks
THINNEST = 0.2  # percent: thinner ribbons are not drawn
LEAST_NAMED = 3.4  # percent: there is no room for a name beside a smaller block
BLOCK = 0.045  # width of a block, of the whole
ROW_LETTERS = 18  # of a name beside a row: the rest of a narrow picture is for its numbers
ROOMY = 7  # populations; the cells of more are too narrow for letters of the usual size
CURVE = 24  # corners of each edge of a ribbon
PALE, FULL, FADED = 0.42, 0.75, 0.1


def flow_ribbons(
    names: Sequence[str],
    values: np.ndarray,
    *,
    colours: Sequence[str],
    theme: ThemeName,
    highlighted: int | None = None,
) -> tuple[hv.Overlay, hv.Polygons]:
    """Return populations before (left) and after (right) with ribbons as wide as the mass between them.

    Parameters
    ----------
    names, colours
        Of the k populations.
    values
        Percent of all mass from population (row) to population (column), (k, k).
    theme
        Light or dark.
    highlighted
        The population whose ribbons stand out.

    Returns
    -------
    The picture, and its ribbons in the order of `flows_drawn`.
    """
    token = TOKENS[theme]
    tops = [_tops(values.sum(axis=side)) for side in (1, 0)]
    left, right = _within(values, tops[0], axis=1), _within(values, tops[1], axis=0)
    ribbons = []
    for i, j in flows_drawn(values):
        shown = PALE if highlighted is None else FULL if highlighted in (i, j) else FADED
        shape = _ribbon(left[i, j], right[i, j], float(values[i, j]))
        said = {"from": names[i], "to": names[j], "percent": f"{values[i, j]:.1f} %"}
        ribbons.append({("x", "y"): shape, "colour": colours[i], "shown": shown, **said})
    flows = hv.Polygons(ribbons, ["x", "y"], ["colour", "shown", "from", "to", "percent"]).opts(
        color="colour",
        fill_alpha="shown",
        line_color=None,
        nonselection_alpha=1,
        nonselection_fill_alpha="shown",
        tools=["hover", "tap"],
        hover_tooltips=[("from", "@from"), ("to", "@to"), ("of all mass", "@percent")],
    )
    blocks, labels = [], []
    for side, (start, shares) in enumerate(((tops[0], values.sum(axis=1)), (tops[1], values.sum(axis=0)))):
        x = 0.0 if side == 0 else 1.0 - BLOCK
        for name, colour, top, share in zip(names, colours, start, shares, strict=True):
            blocks.append((x, top - share, x + BLOCK, top, colour))
            if share >= LEAST_NAMED:
                text = f"{clipped(name, 14)} {share:.0f} %" if side == 0 else f"{share:.0f} %"
                labels.append((-0.02 if side == 0 else 1.02, top - share / 2, text, side))
    bars = hv.Rectangles(blocks, vdims="colour").opts(color="colour", line_color=None)
    before = words([row[:3] for row in labels if row[3] == 0], token["ink"], text_align="right")
    after = words([row[:3] for row in labels if row[3] == 1], token["ink"])
    low = min(float((top - share).min()) for top, share in zip(tops, (values.sum(1), values.sum(0)), strict=True))
    picture = styled(
        flows * bars * before * after, bare, xaxis=None, yaxis=None, xlim=(-1.02, 1.22), ylim=(low - 1, 101)
    )
    return picture, flows


def flows_drawn(values: np.ndarray) -> list[tuple[int, int]]:
    """Return from and to of each ribbon that is drawn, in their order: all but those too thin to be seen.

    Examples
    --------
    >>> flows_drawn(np.array([[60.0, 0.1], [0.0, 39.9]]))
    [(0, 0), (1, 1)]
    """
    return [(int(i), int(j)) for i, j in np.argwhere(values >= THINNEST)]


def becomes_table(
    names: Sequence[str], values: np.ndarray, *, theme: ThemeName, highlighted: int | None = None
) -> tuple[hv.Overlay, hv.Rectangles]:
    """Return who becomes whom: percent of all mass, (k, k), each cell's value printed in it.

    Rows carry number and name, columns the number: names above the columns would lie over one another.

    Returns
    -------
    The picture, and its cells in the order of the rows: cell number i lies in row i // k.
    """
    token = TOKENS[theme]
    colours = [token["paper"], *sequential(theme)]
    top = float(values.max(initial=0)) or 1.0
    cells, texts = [], []
    for (i, j), value in np.ndenumerate(values):
        ground = colours[min(int(value / top * len(colours)), len(colours) - 1)]
        box = (j - 0.5, i - 0.5, j + 0.5, i + 0.5)
        cells.append((*box, ground, names[i], names[j], f"{value:.2f} %"))
        texts.append((j, i, f"{value:.0f}" if value >= 0.5 else "·", readable(ground, INKS)))
    marks = hv.Rectangles(cells, vdims=["colour", "from", "to", "percent"]).opts(
        color="colour",
        line_color=token["paper"],
        line_width=2,
        nonselection_alpha=1,
        tools=["hover", "tap"],
        hover_tooltips=[("from", "@from"), ("to", "@to"), ("of all mass", "@percent")],
    )
    count, frames = len(names), []
    size = "12px" if count <= ROOMY else "10px"
    if highlighted is not None:
        low, high = highlighted - 0.5, highlighted + 0.5
        frames = [(-0.5, low, count - 0.5, high), (low, -0.5, high, count - 0.5)]
    picture = (
        marks
        * hv.Labels(texts, ["x", "y"], ["text", "ink"]).opts(
            text_color="ink", text_font_size=size, text_align="center", text_baseline="middle"
        )
        * hv.Rectangles(frames).opts(fill_alpha=0, line_color=token["accent"], line_width=2)
    )
    ends = (-0.5, count - 0.5)
    options = {"xlabel": "", "ylabel": "", "xaxis": "top", "invert_yaxis": True, "xlim": ends, "ylim": ends}
    rows = [(i, f"{name}  {i + 1}") for i, name in enumerate(told_apart(names, ROW_LETTERS))]
    columns = [(i, str(i + 1)) for i in range(count)]
    return styled(picture, unlined, labelled("10px"), xticks=columns, yticks=rows, **options), marks


def _tops(shares: np.ndarray) -> np.ndarray:
    """Return the upper edge of each block, (k,), from 100 downwards with gaps."""
    return np.asarray(100.0 - np.concatenate([[0.0], np.cumsum(shares[:-1] + GAP)]))


def _within(values: np.ndarray, tops: np.ndarray, *, axis: int) -> np.ndarray:
    """Return the upper edge of each ribbon at its block, (k, k): in the order of the other end."""
    before = np.cumsum(values, axis=axis) - values
    return np.asarray((tops[:, None] if axis == 1 else tops[None, :]) - before)


def _ribbon(left: float, right: float, thick: float) -> np.ndarray:
    """Return the corners of a ribbon from block to block that begins and ends level."""
    t = np.linspace(0.0, 1.0, CURVE)
    x, bend = BLOCK + (1.0 - 2 * BLOCK) * t, t * t * (3.0 - 2.0 * t)
    upper = left + (right - left) * bend
    return np.vstack([np.column_stack([x, upper]), np.column_stack([x, upper - thick])[::-1]])
