"""Reading a distance matrix: an order in which like stands beside like, and the samples that are unlike all others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST_ORDERED = 1000  # samples whose leaves are put in the best order; it takes 1 s of 634
FEWEST_FOR_OUTLYING = 5
_LEAST_SPREAD = 0.15  # of the logarithm of a distance


def cluster_order(distances: NDArray[np.float64]) -> NDArray[np.intp]:
    """Order samples so that neighbours are alike: Ward's tree with optimal leaf order, shape (N,).

    Samples of one cluster, of any number of clusters that `lotviz.analysis.clustering` cuts, stand together.

    Examples
    --------
    >>> positions = np.array([0.0, 10.0, 1.0, 11.0])
    >>> cluster_order(np.abs(positions[:, None] - positions[None, :])).tolist()
    [0, 2, 1, 3]
    """
    from scipy.cluster.hierarchy import leaves_list

    if len(distances) < 3:
        return np.arange(len(distances))
    tree = linkage_of(distances, ordered=len(distances) <= MOST_ORDERED)
    order = np.asarray(leaves_list(tree), dtype=np.intp)
    return order if order[0] <= order[-1] else order[::-1]


def linkage_of(distances: NDArray[np.float64], *, ordered: bool = False) -> NDArray[np.float64]:
    """Join samples to a tree by Ward's method, as scipy writes it, (N - 1, 4).

    LOT distances are those of vectors, so that Ward's method means what it says of them; average linkage splits off
    single samples first.

    Parameters
    ----------
    distances
        Shape (N, N).
    ordered
        Whether leaves beside each other are as near as the tree allows.
    """
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    return np.asarray(linkage(squareform(distances, checks=False), method="ward", optimal_ordering=ordered))


def outlying(distances: NDArray[np.float64], *, deviations: float = 4.0) -> NDArray[np.intp]:
    """Find the samples that are unlike everyone else: even their nearest neighbour is far.

    The logarithm of the distance to the nearest neighbour that is not the very same sample is compared with its median
    over the samples, in units of the median absolute deviation (times 1.4826), which is taken as 0.15 at least: nothing
    is far that is not 1.8 times as far as usual. Of samples that differ by chance alone in five or more directions, one
    is found in 6 % of cohorts of 5, in 3 % of cohorts of 24.

    Returns
    -------
    Rows of such samples, the farthest first; none among fewer than five samples.

    Examples
    --------
    >>> positions = np.array([0.0, 1.0, 2.1, 3.3, 50.0])
    >>> outlying(np.abs(positions[:, None] - positions[None, :])).tolist()
    [4]
    """
    same = distances <= 1e-9 * distances.max(initial=0.0)
    nearest = np.where(same, np.inf, distances).min(axis=1, initial=np.inf)
    if len(distances) < FEWEST_FOR_OUTLYING or not np.isfinite(nearest).all():
        return np.zeros(0, dtype=np.intp)
    size = np.log(nearest)
    middle = float(np.median(size))
    spread = 1.4826 * float(np.median(np.abs(size - middle)))
    far = np.flatnonzero(size > middle + deviations * max(spread, _LEAST_SPREAD))
    return far[np.argsort(-nearest[far], kind="stable")]
