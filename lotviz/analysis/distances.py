"""Reading a distance matrix: an order in which like stands beside like, and the samples that are unlike all others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def cluster_order(distances: NDArray[np.float64]) -> NDArray[np.intp]:
    """Order samples so that neighbours are alike: average linkage with optimal leaf order, shape (N,).

    Examples
    --------
    >>> positions = np.array([0.0, 10.0, 1.0, 11.0])
    >>> cluster_order(np.abs(positions[:, None] - positions[None, :])).tolist()
    [0, 2, 1, 3]
    """
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    if len(distances) < 3:
        return np.arange(len(distances))
    tree = linkage(squareform(distances, checks=False), method="average", optimal_ordering=True)
    order = np.asarray(leaves_list(tree), dtype=np.intp)
    return order if order[0] <= order[-1] else order[::-1]


def outlying(distances: NDArray[np.float64], *, deviations: float = 3.5) -> NDArray[np.intp]:
    """Find the samples that are unlike everyone else: even their nearest neighbour is far.

    The distance to the nearest neighbour is compared with its median over the samples, in units of the median absolute
    deviation (times 1.4826).

    Returns
    -------
    Rows of such samples, the farthest first; none among fewer than four samples.

    Examples
    --------
    >>> positions = np.array([0.0, 1.0, 2.1, 3.3, 50.0])
    >>> outlying(np.abs(positions[:, None] - positions[None, :])).tolist()
    [4]
    """
    if len(distances) < 4:
        return np.zeros(0, dtype=np.intp)
    nearest = (distances + np.diag(np.full(len(distances), np.inf))).min(axis=1)
    middle = float(np.median(nearest))
    spread = 1.4826 * float(np.median(np.abs(nearest - middle)))
    far = np.flatnonzero(nearest > middle + deviations * max(spread, 1e-9 * middle))
    return far[np.argsort(-nearest[far], kind="stable")]
