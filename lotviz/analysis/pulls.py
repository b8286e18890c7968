"""What speaks for and against one sample: its score taken apart by region, by marker and by its loudest cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lotviz.analysis.model import LinearModel, Part


def region_pulls(per_cell: NDArray[np.float64], members: NDArray[np.intp], count: int) -> NDArray[np.float64]:
    """Sum of the contributions (n,) of the cells in each of `count` regions, shape (count,).

    Examples
    --------
    >>> region_pulls(np.array([0.5, -0.25, 0.25]), np.array([0, 1, 1]), 3).tolist()
    [0.5, 0.0, 0.0]
    """
    return np.bincount(members, weights=per_cell, minlength=count).astype(np.float64)


def marker_pulls(model: LinearModel, maps: NDArray[np.float64], *, part: Part = "full") -> NDArray[np.float64]:
    """Contribution of each marker to the transport part of a sample's score, shape (d,), for its maps (m, d).

    ``sum_ij (G_ij / a_i) w_ik (y_jk - T_ik) = sum_i w_ik (T_ik(sample) - T_ik)`` with ``T`` the mean training map: the
    sum over cells and points is a sum over points. What the abundance of clusters adds has no marker.
    """
    moved = np.asarray(maps, dtype=np.float64) - model.training_mean
    return np.asarray((model.part(part) * moved).sum(axis=0))


def loudest(per_cell: NDArray[np.float64], share: float) -> tuple[int, float]:
    """Return how many cells are the given share of all, and the sum of that many contributions, the largest in size.

    Examples
    --------
    >>> loudest(np.array([0.1, -0.6, 0.2, 0.1]), 0.25)
    (1, -0.6)
    """
    count = max(1, round(share * len(per_cell)))
    chosen = np.argsort(-np.abs(per_cell), kind="stable")[:count]
    return count, float(per_cell[chosen].sum())
