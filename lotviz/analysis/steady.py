"""The simplest fit that is not worse: weights that other patients would give as well, at no measurable price."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SLOPES: NDArray[np.float64] = np.logspace(-1.0, 2.0, 31)


def steadiest(losses: NDArray[np.float64], groups: NDArray[np.intp]) -> int:
    """Position of the last fit whose loss is within one standard error of the least.

    The difference to the best fit is taken group by group: what makes all fits fail alike is no reason to prefer one.

    Parameters
    ----------
    losses
        Loss of each left-out sample, shape (p, n), from the loosest fit to the most penalised.
    groups
        Group of each sample as an integer from 0, shape (n,).

    Notes
    -----
    Source: Breiman 1984, the rule of one standard error; we pair the differences.

    Examples
    --------
    >>> steadiest(np.array([[0.0, 1.0], [0.5, 0.0], [3.0, 3.1]]), np.array([0, 1]))
    1
    """
    best = int(np.argmin(losses.mean(axis=1)))
    member = (groups[:, None] == np.arange(groups.max() + 1)[None, :]).astype(np.float64)
    extra = (losses - losses[best]) @ member  # (p, groups)
    count = extra.shape[1]
    if count < 2:
        return best
    error = extra.std(axis=1, ddof=1) / np.sqrt(count)
    return int(np.flatnonzero(extra.mean(axis=1) <= error + 1e-12)[-1])


def scale_free(margins: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logistic loss of each sample, shape (p, n), each fit's scores stretched as suits it best.

    A penalty shrinks scores without changing whom they name; without the stretch the loosest fit would always win.

    Parameters
    ----------
    margins
        Code times left-out score, shape (p, n, k).
    weights
        Weight of each sample, shape (n,).
    """
    chosen = np.empty(margins.shape[:2])
    for row, margin in enumerate(margins):
        losses = np.logaddexp(0.0, -SLOPES[:, None, None] * margin).sum(axis=2) * weights  # (slopes, n)
        chosen[row] = losses[int(np.argmin(losses.sum(axis=1)))]
    return chosen
