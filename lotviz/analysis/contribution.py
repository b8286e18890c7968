"""What each cell adds to a linear score: the colour of a cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from lotviz.analysis.abundance import AbundanceWeights, nearest_points
from lotviz.analysis.model import LinearModel, Part


def contributions(
    model: LinearModel,
    plan: sparse.csr_matrix | sparse.csr_array,
    scaled_cells: ArrayLike,
    *,
    masses: ArrayLike | None = None,
    part: Part = "full",
) -> NDArray[np.float64]:
    """Contribution of every cell to the score of its sample, against the mean of the training samples.

    By transport, ``c_j = sum_i (G_ij / a_i) <w_i, y_j - T_i>`` with ``T`` the mean training map; by abundance, what a
    cell adds by lying nearest to its point (see `AbundanceWeights.per_point`). They sum to the score of the sample
    minus the score of the training mean, exactly. A positive one speaks for the positive class.

    Parameters
    ----------
    model
        The linear model.
    plan
        Coupling G of the sample, shape (m, n).
    scaled_cells
        Its cells in scaled marker space, shape (n, d).
    masses
        Masses a of the reference points, shape (m,); default the model's own.
    part
        "shift", "shape" or "abundance" for that part of the score only; the three add up to "full".

    Returns
    -------
    Shape (n,), in units of the score.
    """
    cells = np.asarray(scaled_cells)
    share = np.asarray(model.masses if masses is None else masses, dtype=np.float64)
    found = np.zeros(len(cells))
    if part != "abundance":
        _add_transport(found, sparse.csr_array(plan), cells, model.part(part) / share[:, None], model.training_mean)
    if part in ("full", "abundance") and model.abundance is not None:
        found += _by_abundance(model.abundance, nearest_points(cells, model.points), len(model.points))
    return found


def _add_transport(
    found: NDArray[np.float64],
    plan: sparse.csr_array,
    cells: NDArray[np.floating],
    weights: NDArray[np.float64],
    start: NDArray[np.float64],
) -> None:
    """Add what each reference point's weight (m, d) says of the cells it is moved to; no (n, d) array is made."""
    for point in range(len(weights)):
        chosen = slice(plan.indptr[point], plan.indptr[point + 1])
        moved = plan.indices[chosen]
        rises = cells[moved] @ weights[point] - float(start[point] @ weights[point])
        found[moved] += plan.data[chosen] * rises  # a cell is named once in a row


def _by_abundance(abundance: AbundanceWeights, nearest: NDArray[np.intp], n_points: int) -> NDArray[np.float64]:
    shares = np.bincount(nearest, minlength=n_points) / len(nearest)
    values, start = abundance.per_point(shares)
    return np.asarray((values[nearest] - start) / len(nearest))
