"""Clusters of samples: how many there are, whether they would be found again, and what known column they follow."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.analysis.distances import linkage_of
from lotviz.analysis.given import require_distances
from lotviz.analysis.labels import label_texts
from lotviz.analysis.neighbours import deal_labels, units_of
from lotviz.data.choices import require_at_least, require_seed
from lotviz.transport.progress import Progress, report, stop_if

MOST = 8
LEAST_SAMPLES = 6
CLEAR = 0.25  # silhouette below which Kaufman and Rousseeuw (1990) see no substantial structure
STEADY = 0.75  # agreement of clusters of resampled samples above which they are called stable
RESAMPLES = 100
_KEPT = 0.8  # of the samples are in each resample


@dataclass(frozen=True, eq=False)
class Clusters:
    """Samples in k clusters, numbered from 0, the largest first.

    Attributes
    ----------
    labels
        Cluster of each sample, (N,).
    counts
        Numbers of clusters that were tried, (c,).
    silhouettes
        Mean silhouette of each number, (c,), from -1 to 1: how much nearer samples are to their own cluster.
    stability
        Mean adjusted Rand index of each number, (c,), between the clusters of random 80 % of the samples and those of
        all: 1 where they are always found again, about 0 where never.
    chosen_by
        "silhouette", or "given" where the number was asked for.
    resamples
        How often samples were drawn.
    """

    labels: NDArray[np.intp]
    counts: NDArray[np.intp]
    silhouettes: NDArray[np.float64]
    stability: NDArray[np.float64]
    chosen_by: str
    resamples: int

    @property
    def count(self) -> int:
        """How many clusters."""
        return int(self.labels.max()) + 1

    @property
    def silhouette(self) -> float:
        """Mean silhouette of the clusters."""
        return float(self.silhouettes[self._place])

    @property
    def steady(self) -> float:
        """Stability of the clusters."""
        return float(self.stability[self._place])

    @property
    def clear(self) -> bool:
        """Whether these are clusters at all: apart, and found again without a fifth of the samples."""
        return self.silhouette >= CLEAR and self.steady >= STEADY

    @property
    def _place(self) -> int:
        return int(np.flatnonzero(self.counts == self.count)[0])


@dataclass(frozen=True)
class Following:
    """How far clusters agree with a column.

    Attributes
    ----------
    column
        Its name.
    agreement
        Adjusted Rand index: 1 where they are the same partition, 0 what chance gives.
    p
        Share of random deals of the column, the true one included, that agree at least as well.
    count
        Samples with a value in the column.
    """

    column: str
    agreement: float
    p: float
    count: int


def clusters(
    distances: NDArray[np.float64],
    *,
    count: int | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> Clusters | None:
    """Cut the tree of samples into clusters, and draw samples anew to see whether the clusters are found again.

    Parameters
    ----------
    distances
        Shape (N, N), Euclidean.
    count
        How many clusters; the number of largest mean silhouette when None, or where it is not among `counts` (2 to 8,
        and no more than half the samples): `chosen_by` says which.
    resamples
        How often 80 % of the samples are drawn.
    seed
        Of the draws.
    progress
        Called with (done, total, message) after each draw.
    cancel
        Set it to stop.

    Returns
    -------
        The clusters; None of fewer than six samples, or where all samples are the same.

    Raises
    ------
    ValueError
        `distances` are none.

    Notes
    -----
    Ward's tree, the one `cluster_order` orders by, so that clusters stand together in it.
    """
    require_at_least(1, resamples=resamples, count=1 if count is None else count)
    require_seed(seed)
    from sklearn.metrics import silhouette_score

    distances = require_distances(distances)
    n = len(distances)
    if n < LEAST_SAMPLES or not distances.any():
        return None
    tried = np.arange(2, min(MOST, n // 2, n - 1) + 1)
    cuts = _cuts(distances, tried)
    silhouettes = np.array([silhouette_score(distances, cut, metric="precomputed") for cut in cuts])
    stability = _stability(distances, cuts, tried, resamples=resamples, seed=seed, progress=progress, cancel=cancel)
    given = count is not None and count in tried
    best = int(np.flatnonzero(tried == count)[0]) if given else int(silhouettes.argmax())
    return Clusters(
        labels=_by_size(cuts[best]),
        counts=tried,
        silhouettes=silhouettes,
        stability=stability,
        chosen_by="given" if given else "silhouette",
        resamples=resamples,
    )


def following(
    labels: NDArray[np.intp],
    column: Sequence[Hashable] | pd.Series,
    groups: Sequence[Hashable] | pd.Series | None = None,
    *,
    name: str,
    permutations: int = 999,
    seed: int = 0,
) -> Following:
    """Compare clusters, (N,), with the values of a column, (N,).

    Parameters
    ----------
    labels
        Cluster of each sample.
    column
        Value of each sample; samples without one are left out.
    groups
        Who must not be split: values are dealt among whole groups where a group has one value.
    name
        Of the column.
    permutations
        Random deals for `p`.
    seed
        Of the deals.
    """
    require_at_least(1, permutations=permutations)
    require_seed(seed)
    texts = label_texts(column)
    known = texts != ""
    codes = np.asarray(pd.factorize(pd.Series(texts))[0])
    units, rng = units_of(groups, len(texts)), np.random.default_rng(seed)
    agreement = adjusted_rand(labels[known], codes[known])
    random = np.array(
        [
            adjusted_rand(labels[known], deal_labels(codes, units, known, rng=rng)[known])
            for _ in range(permutations if known.any() else 0)
        ]
    )
    p = float((np.sum(random >= agreement - 1e-12) + 1) / (len(random) + 1))
    return Following(name, agreement, p, int(known.sum()))


def adjusted_rand(first: NDArray[np.intp], second: NDArray[np.intp]) -> float:
    """Compare two partitions of the same samples, numbered from 0: 1 the same, 0 by chance (adjusted Rand index).

    Examples
    --------
    >>> adjusted_rand(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 0]))
    1.0
    """
    n = len(first)
    if n == 0:
        return 0.0
    wide = int(second.max()) + 1
    table = np.bincount(first * wide + second, minlength=(int(first.max()) + 1) * wide).reshape(-1, wide)

    def pairs(counts: NDArray[np.intp]) -> float:
        return float((counts * (counts - 1)).sum()) / 2

    both, rows, columns = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    expected = rows * columns / max(n * (n - 1) / 2, 1)
    most = (rows + columns) / 2
    return (both - expected) / (most - expected) if most != expected else 1.0


def _cuts(distances: NDArray[np.float64], counts: NDArray[np.intp]) -> NDArray[np.intp]:
    """Clusters of every number, (c, N)."""
    from scipy.cluster.hierarchy import cut_tree

    return np.asarray(cut_tree(linkage_of(distances), n_clusters=list(counts)), dtype=np.intp).T


def _stability(
    distances: NDArray[np.float64],
    cuts: NDArray[np.intp],
    counts: NDArray[np.intp],
    *,
    resamples: int,
    seed: int,
    progress: Progress | None,
    cancel: threading.Event | None,
) -> NDArray[np.float64]:
    rng, n = np.random.default_rng(seed), len(distances)
    kept = max(round(_KEPT * n), int(counts[-1]) + 1)
    found = np.zeros((resamples, len(counts)))
    for row in range(resamples):
        stop_if(cancel)
        drawn = np.sort(rng.permutation(n)[:kept])
        again = _cuts(distances[np.ix_(drawn, drawn)], counts)
        found[row] = [adjusted_rand(own, whole[drawn]) for own, whole in zip(again, cuts, strict=True)]
        report(progress, row + 1, resamples, "Looking for clusters")
    return found.mean(axis=0)


def _by_size(labels: NDArray[np.intp]) -> NDArray[np.intp]:
    rank = np.argsort(np.argsort(-np.bincount(labels), kind="stable"), kind="stable")
    return rank[labels].astype(np.intp)
