"""Where the cells of a sample go, on a grid: the mean move of the mass in each place that holds enough of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class DisplacementField:
    """Mean moves of cells by place.

    Attributes
    ----------
    starts
        Mean of the cells of each place, (g, 2).
    moves
        Their mean move, (g, 2).
    share
        Their share of all cells, (g,); at least `least`.
    labels
        The label most of them have, (g,).
    seen
        Share of all cells that lie in these places.
    """

    starts: NDArray[np.float64]
    moves: NDArray[np.float64]
    share: NDArray[np.float64]
    labels: NDArray[np.object_]
    seen: float


def displacement_field(
    points: ArrayLike,
    moves: ArrayLike,
    labels: ArrayLike,
    *,
    bounds: tuple[float, float, float, float],
    columns: int = 16,
    least: float = 0.004,
    fewest: int = 5,
) -> DisplacementField:
    """Average the moves of cells over square places of a grid; places with little mass are left out.

    Parameters
    ----------
    points
        Cells in a two-dimensional view, (n, 2).
    moves
        The move of each in the same view, (n, 2).
    labels
        What each is, (n,).
    bounds
        x from, x to, y from, y to: the frame; cells beyond it are in no place.
    columns
        Places across; they are as high as wide.
    least, fewest
        A place counts from this share of all cells, and this number of them.

    Examples
    --------
    >>> cells, moves = [[0.1, 0.1]] * 9 + [[0.9, 0.9]], [[1.0, 0.0]] * 9 + [[0.0, 1.0]]
    >>> field = displacement_field(cells, moves, ["B"] * 10, bounds=(0, 1, 0, 1), columns=2)
    >>> field.moves.tolist(), field.seen
    ([[1.0, 0.0]], 0.9)
    """
    places, steps = np.asarray(points, dtype=np.float64), np.asarray(moves, dtype=np.float64)
    names, codes = np.unique(np.asarray(labels, dtype=object).astype(str), return_inverse=True)
    x0, x1, y0, y1 = bounds
    side = (x1 - x0) / columns
    rows = max(1, int(np.ceil((y1 - y0) / side)))
    cell = np.floor((places - [x0, y0]) / side).astype(np.intp)
    inside = np.all((cell >= 0) & (cell < [columns, rows]), axis=1)
    number = cell[inside] @ np.array([1, columns])
    counts = np.bincount(number, minlength=columns * rows)
    kept = np.flatnonzero(counts >= max(fewest, least * len(places)))
    sums = [
        np.bincount(number, weights=column[inside], minlength=columns * rows)[kept] for column in (*places.T, *steps.T)
    ]
    means = np.stack(sums, axis=1) / np.maximum(counts[kept], 1)[:, None]
    votes = np.bincount(number * len(names) + codes[inside], minlength=columns * rows * len(names))
    most = votes.reshape(-1, len(names))[kept].argmax(axis=1)
    share = counts[kept] / max(len(places), 1)
    return DisplacementField(means[:, :2], means[:, 2:], share, names.astype(object)[most], float(share.sum()))
