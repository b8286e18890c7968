"""What each cell adds to a linear score: the colour of a cell."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

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

    ``c_j = sum_i (G_ij / a_i) <w_i, y_j - T_i>`` with ``T`` the mean training map. They sum to the score of the
    sample minus the score of the training mean, exactly. A positive one speaks for the positive class.

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
        "shift" or "shape" for that part of the weights only; the two add up to "full".

    Returns
    -------
    Shape (n,), in units of the score.
    """
    cells = np.asarray(scaled_cells, dtype=np.float64)
    share = np.asarray(model.masses if masses is None else masses, dtype=np.float64)
    weights = model.part(part) / share[:, None]
    back = sparse.csr_array(plan).T  # (n, m)
    felt = back @ weights  # (n, m) -> (n, d): the weight each cell meets
    start = back @ np.sum(weights * model.training_mean, axis=1)
    return np.asarray(np.einsum("nd,nd->n", felt, cells) - start)
