"""Clouds of cells as images: Datashader counts every cell, the theme gives the colours, the ground stays clear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import datashader as ds
import datashader.transfer_functions as tf
import holoviews as hv
import numpy as np
import pandas as pd

from lotviz.views.style import bare, clipped, styled, words
from lotviz.views.theme import TOKENS, ThemeName, diverging, rgba, sequential

Bounds = tuple[float, float, float, float]  # x from, x to, y from, y to

SHAPE = 4 / 3  # width of every cloud by its height
FAINTEST = 38  # of 255: one cell alone on its pixel can still be seen
FADED = 0.2  # of the opacity of a cell is left where other cells stand out


def bounds_of(clouds: Sequence[np.ndarray], *, cover: float = 0.996, margin: float = 0.05) -> Bounds:
    """Return a frame that holds the share `cover` of the cells of all clouds, each (n, 2), with a margin.

    All frames have the same shape, so that pictures of different views fill the same place.

    Examples
    --------
    >>> bounds_of([np.array([[0.0, 0.0], [4.0, 1.0]])], cover=1, margin=0)
    (0.0, 4.0, -1.0, 2.0)
    """
    return widened(*_corners(clouds, cover), shape=SHAPE, margin=margin)


def box_of(clouds: Sequence[np.ndarray], *, cover: float = 0.996, margin: float = 0.03) -> Bounds:
    """Return bounds that hold the share `cover` of the cells of all clouds, each (n, 2), in two units of their own.

    Examples
    --------
    >>> box_of([np.array([[0.0, 0.0], [4.0, 100.0]])], cover=1, margin=0)
    (0.0, 4.0, 0.0, 100.0)
    """
    low, high = _corners(clouds, cover)
    room = np.where(high > low, high - low, 1.0) * margin
    (x0, y0), (x1, y1) = (low - room).tolist(), (high + room).tolist()
    return x0, x1, y0, y1


def widened(low: np.ndarray, high: np.ndarray, *, shape: float, margin: float) -> Bounds:
    """Return bounds round a box, (2,) and (2,), with a margin, widened to be `shape` times as wide as high.

    Examples
    --------
    >>> widened(np.array([0.0, 0.0]), np.array([1.0, 1.0]), shape=2, margin=0)
    (-0.5, 1.5, 0.0, 1.0)
    """
    spans = np.where(high > low, high - low, 1.0) * (1 + 2 * margin)
    height = max(spans[1], spans[0] / shape)
    half = np.array([height * shape, height]) / 2
    (x0, y0), (x1, y1) = ((low + high) / 2 - half).tolist(), ((low + high) / 2 + half).tolist()
    return x0, x1, y0, y1


def canvas(bounds: Bounds, width: int) -> ds.Canvas:
    """Return a canvas `width` pixels wide on which one unit is as long across as it is high."""
    x0, x1, y0, y1 = bounds
    height = int(np.clip(round(width * (y1 - y0) / (x1 - x0)), 40, 4 * width))
    return ds.Canvas(width, height, (x0, x1), (y0, y1))


def shade_populations(
    points: np.ndarray,
    populations: np.ndarray,
    colours: Mapping[str, str],
    *,
    bounds: Bounds,
    width: int = 420,
) -> np.ndarray:
    """Colour each pixel by the populations of its cells: (n, 2), (n,) -> (height, width, 4) bytes.

    Datashader compiles a kernel for every list of categories, half a second each: they are numbered, and counted in
    eights, so that one kernel does for nearly all cohorts.
    """
    frame, names = _table(points, bounds), list(colours)
    numbers = [str(number) for number in range(8 * -(-len(names) // 8))]
    kinds = pd.Categorical(populations, categories=names).rename_categories(dict(zip(names, numbers, strict=False)))
    frame["population"] = kinds.add_categories(numbers[len(names) :])
    counts = canvas(bounds, width).points(frame, "x", "y", ds.by("population", ds.count()))
    counts = counts[..., : len(names)].assign_coords(population=names)
    image = tf.shade(counts, color_key=dict(colours), how="eq_hist", min_alpha=_faintest(len(points)))
    return _bytes(_visible(image, len(points)))


def shade_counts(
    points: np.ndarray, colours: Sequence[str], *, bounds: Bounds, width: int = 420, faintest: int = FAINTEST
) -> np.ndarray:
    """Colour each pixel by its number of cells: (n, 2) -> (height, width, 4) bytes."""
    counts = canvas(bounds, width).points(_table(points, bounds), "x", "y", ds.count())
    return _bytes(_visible(tf.shade(counts, cmap=list(colours), how="eq_hist", min_alpha=faintest), len(points)))


def shade_values(
    points: np.ndarray,
    values: np.ndarray,
    *,
    limit: float,
    bounds: Bounds,
    theme: ThemeName,
    width: int = 420,
) -> np.ndarray:
    """Colour each pixel by the mean value of its cells on a map centred at zero, -limit to limit.

    A pixel of few cells is lighter than a pixel of many, but never invisible.

    Returns
    -------
    (height, width, 4) bytes
    """
    frame = _table(points, bounds).assign(value=np.asarray(values, float))
    ground = canvas(bounds, width)
    counts = ground.points(frame, "x", "y", ds.count()).to_numpy()
    means = np.nan_to_num(ground.points(frame, "x", "y", ds.mean("value")).to_numpy())
    palette = rgba(diverging(theme))
    places = np.clip(np.rint(means / (limit or 1.0) * 127 + 127), 0, 254).astype(int)
    image = palette[places]
    many = np.percentile(counts[counts > 0], 97) if (counts > 0).any() else 1.0
    alpha = np.clip(110 + 145 * np.log1p(counts) / np.log1p(many), 0, 255)
    image[..., 3] = np.where(counts > 0, alpha, 0)
    packed = np.ascontiguousarray(image).view(np.uint32)[..., 0]
    return _bytes(_visible(tf.Image(packed, dims=["y", "x"]), len(points)))


def cloud(image: np.ndarray, bounds: Bounds) -> hv.RGB:
    """Return an image, row 0 at the bottom, as an element in the units of its axes."""
    x0, x1, y0, y1 = bounds
    return hv.RGB(image[::-1], bounds=(x0, y0, x1, y1), vdims=["R", "G", "B", "A"])


def framed(picture: hv.Element | hv.Overlay, bounds: Bounds, **options: Any) -> hv.Element | hv.Overlay:
    """Return a cloud without axes, one unit as long across as it is high at any size of the window."""
    x0, x1, y0, y1 = bounds
    return styled(picture, bare, data_aspect=1, xlim=(x0, x1), ylim=(y0, y1), xaxis=None, yaxis=None, **options)


def populations_cloud(
    points: np.ndarray,
    populations: np.ndarray,
    colours: Mapping[str, str],
    *,
    bounds: Bounds,
    theme: ThemeName,
    shares: bool = True,
    chosen: str | None = None,
) -> hv.Overlay:
    """Return a cloud coloured by population; large populations are named, with their share of the cells.

    Where one is `chosen`, the others lie faded below it.
    """
    pixels = shade_populations(points, populations, colours, bounds=bounds)
    if chosen is not None:
        inside = np.asarray(populations == chosen)
        above = shade_populations(points[inside], populations[inside], colours, bounds=bounds)
        pixels[..., 3] = np.rint(pixels[..., 3] * FADED)
        pixels = np.where(above[..., 3:] > 0, above, pixels)
    image = cloud(pixels, bounds)
    rows = _names(points, populations, list(colours) if chosen is None else [chosen], bounds) if shares else []
    paper = {"background_fill_color": TOKENS[theme]["paper"], "background_fill_alpha": 0.5, "border_radius": 3}
    labels = words(rows, TOKENS[theme]["ink"], text_align="center", **paper)
    return framed(image * labels, bounds)


def counts_cloud(points: np.ndarray, *, bounds: Bounds, theme: ThemeName, width: int = 420) -> hv.RGB:
    """Return a cloud coloured by the number of cells."""
    return framed(cloud(shade_counts(points, sequential(theme), bounds=bounds, width=width), bounds), bounds)


def values_cloud(
    points: np.ndarray,
    values: np.ndarray,
    *,
    limit: float,
    bounds: Bounds,
    theme: ThemeName,
    inside: np.ndarray | None = None,
    line: np.ndarray | None = None,
) -> hv.Overlay:
    """Return a cloud coloured by a signed value per cell, blue above zero and vermillion below.

    Parameters
    ----------
    points, values
        The cells, shapes (n, 2) and (n,).
    limit
        The value that gets the last colour, at both ends.
    bounds
        The frame.
    theme
        Light or dark.
    inside
        The cells that stand out, shape (n,); the others are faded.
    line
        The line a hand drew round them, shape (k, 2).
    """
    image = shade_highlighted(points, values, inside, limit=limit, bounds=bounds, theme=theme)
    return framed(hv.Overlay([cloud(image, bounds), *_drawn(line, theme)]), bounds)


def biaxial_cloud(
    points: np.ndarray,
    values: np.ndarray,
    *,
    limit: float,
    bounds: Bounds,
    axes: tuple[str, str],
    theme: ThemeName,
    inside: np.ndarray | None = None,
    line: np.ndarray | None = None,
) -> hv.Overlay:
    """Return cells on two markers, each axis in its own unit, coloured by a signed value per cell.

    Parameters are those of `values_cloud`; `axes` says what the two axes are, with their units, and `bounds` need no
    shape (`box_of`).
    """
    x0, x1, y0, y1 = bounds
    places = (np.asarray(points, float) - [x0, y0]) / [x1 - x0, y1 - y0] * [SHAPE, 1.0]
    image = shade_highlighted(places, values, inside, limit=limit, bounds=(0.0, SHAPE, 0.0, 1.0), theme=theme)
    return styled(
        hv.Overlay([cloud(image, bounds), *_drawn(line, theme)]),
        xlim=(x0, x1),
        ylim=(y0, y1),
        xlabel=clipped(axes[0], 44),
        ylabel=clipped(axes[1], 34),
    )


def shade_highlighted(
    points: np.ndarray,
    values: np.ndarray,
    inside: np.ndarray | None,
    *,
    limit: float,
    bounds: Bounds,
    theme: ThemeName,
) -> np.ndarray:
    """Colour each pixel as `shade_values` does; cells that are not `inside`, (n,), lie faded below the others."""
    chosen: dict[str, Any] = {"limit": limit, "bounds": bounds, "theme": theme}
    if inside is None:
        return shade_values(points, values, **chosen)
    below = shade_values(points[~inside], values[~inside], **chosen)
    above = shade_values(points[inside], values[inside], **chosen)
    below[..., 3] = np.rint(below[..., 3] * FADED)
    return np.where(above[..., 3:] > 0, above, below)


def moves_cloud(
    points: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    colours: Sequence[str],
    *,
    bounds: Bounds,
    theme: ThemeName,
) -> hv.Overlay:
    """Return where reference points go: lines from `starts` to `ends`, each (k, 2), a dot at the end.

    `points` (n, 2), the cells of the first sample, lie behind in grey.
    """
    token = TOKENS[theme]
    ground = cloud(shade_counts(points, [token["line"], token["faint"]], bounds=bounds, faintest=40), bounds)
    lines = hv.Segments(np.hstack([starts, ends])).opts(color=token["ink3"], alpha=0.7, line_width=1)
    table = pd.DataFrame({"x": ends[:, 0], "y": ends[:, 1], "colour": list(colours)})
    dots = hv.Points(table, ["x", "y"], "colour").opts(color="colour", size=5, line_color=None)
    return framed(ground * lines * dots, bounds)


def _corners(clouds: Sequence[np.ndarray], cover: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower left and the upper right corner, (2,) each, round the share `cover` of each cloud's cells."""
    tail = 100 * (1 - cover) / 2
    ends = np.array([np.percentile(cloud, [tail, 100 - tail], axis=0) for cloud in clouds if len(cloud)])
    return ends[:, 0].min(axis=0), ends[:, 1].max(axis=0)


def _drawn(line: np.ndarray | None, theme: ThemeName) -> list[hv.Path]:
    """Return the closed line a hand drew, if there is one."""
    if line is None or len(line) < 3:
        return []
    closed = np.vstack([line, line[:1]])
    return [hv.Path([closed]).opts(color=TOKENS[theme]["ink"], line_width=1.3, line_dash="dashed")]


def _table(points: np.ndarray, bounds: Bounds) -> pd.DataFrame:
    """Return points as a table; those beyond the frame lie on its edge, so that no cell is left out."""
    x0, x1, y0, y1 = bounds
    edge = 1e-6 * (x1 - x0)  # the far edge of the frame belongs to no pixel
    low, high = np.array([x0, y0]) + edge, np.array([x1, y1]) - edge
    return pd.DataFrame(np.clip(points, low, high), columns=["x", "y"])


def _bytes(image: Any) -> np.ndarray:
    """Return a Datashader image as (height, width, 4) bytes."""
    values = np.ascontiguousarray(image.values)
    return values.view(np.uint8).reshape((*values.shape, 4))


def _faintest(cells: int) -> int:
    """Return how opaque a pixel of one cell is, of 255: the fewer cells, the more each must show."""
    return int(np.clip(255 - 45 * np.log10(max(cells, 1) / 100), FAINTEST, 255))


def _visible(image: tf.Image, cells: int) -> tf.Image:
    """Draw each cell as a dot where the cells are few: a single pixel would be lost."""
    radius = sum(cells < limit for limit in (400, 4_000, 40_000))
    return tf.spread(image, px=radius) if radius else image


def _names(
    points: np.ndarray, populations: np.ndarray, names: Sequence[str], bounds: Bounds
) -> list[tuple[float, float, str]]:
    """Return a label for each population of at least 4 % of the cells, near the middle of its cells.

    The largest population is named first; a name that would lie over another is moved up or down, or left out.
    """
    x0, x1, y0, y1 = bounds
    wide, high = (x1 - x0) / 44, (y1 - y0) / 12  # of a letter and of a line, in the smallest picture
    rows: list[tuple[float, float, str]] = []
    shares = {name: float((populations == name).mean()) if len(populations) else 0.0 for name in names}
    for name in sorted((n for n in names if shares[n] >= 0.04), key=lambda n: -shares[n]):
        text = f"{clipped(name, 18)} {100 * shares[name]:.0f} %"
        half = len(text) * wide / 2
        x, y = np.median(points[populations == name], axis=0).tolist()
        x = float(np.clip(x, x0 + half, x1 - half))
        for step in (0, 1, -1, 2, -2):
            place = (x, float(y + step * high), text)
            if all(abs(place[1] - v) >= high or abs(x - u) >= half + len(t) * wide / 2 for u, v, t in rows):
                rows.append(place)
                break
    return rows
