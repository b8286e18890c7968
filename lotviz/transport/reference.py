"""The reference cloud that every sample is registered to, made from the pooled cells of a cohort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lotviz.data.cohort import Cohort
from lotviz.data.transforms import Scaling

_POOLED_CELLS = 40_000
_FEW_CELLS = 10_000  # up to here every round of k-means looks at all cells
_ROUNDS = 100
_BATCH = 4096  # beyond, at so many: five times faster, within 2 % of the cost


@dataclass(frozen=True, eq=False)
class Reference:
    """Points with masses in the scaled marker space.

    Attributes
    ----------
    points
        Reference points, (m, d), scaled.
    masses
        Their masses, (m,), positive, summing to one.
    kind
        How it was made: "kmeans", "cells", or any name of one's own.
    seed
        The seed it was made with, or None.
    """

    points: NDArray[np.float64]
    masses: NDArray[np.float64]
    kind: str = "given"
    seed: int | None = None

    @property
    def n_points(self) -> int:
        """How many reference points there are."""
        return len(self.masses)


def kmeans_reference(
    cohort: Cohort,
    scaling: Scaling,
    *,
    points: int,
    seed: int,
    samples: Sequence[str] | None = None,
    pooled_cells: int = _POOLED_CELLS,
) -> Reference:
    """Make a reference from the k-means centres of pooled cells; masses are the clusters' shares.

    Parameters
    ----------
    cohort
        Where the cells come from; every sample weighs the same, however many cells it has.
    scaling
        How markers are scaled.
    points
        How many reference points; fewer when the pool holds fewer distinct cells.
    seed
        Chooses the pooled cells and starts k-means.
    samples
        Samples to pool; all when None.
    pooled_cells
        About how many cells to pool.

    Returns
    -------
        The reference, (points, d).
    """
    from sklearn.cluster import KMeans, MiniBatchKMeans  # about a second
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    cells, weights = _pool(cohort, scaling, seed=seed, samples=samples, pooled_cells=max(pooled_cells, points))
    count = min(points, len(_distinct_rows(cells)))
    if len(cells) <= _FEW_CELLS:
        clusters = KMeans(count, n_init=1, max_iter=_ROUNDS, random_state=seed)
    else:
        clusters = MiniBatchKMeans(count, n_init=3, batch_size=_BATCH, random_state=seed)
    with threadpool_limits(1):  # sums over threads round differently: the same bits on every machine
        clusters.fit(cells, sample_weight=weights)
    masses = np.bincount(clusters.labels_, weights=weights, minlength=count)
    kept = masses > 0
    centers = np.asarray(clusters.cluster_centers_, dtype=np.float64)[kept]
    return Reference(centers, masses[kept] / masses.sum(), "kmeans", seed)


def cells_reference(
    cohort: Cohort,
    scaling: Scaling,
    *,
    points: int,
    seed: int,
    samples: Sequence[str] | None = None,
    pooled_cells: int = _POOLED_CELLS,
) -> Reference:
    """Make a reference of distinct cells drawn from the pooled samples, with equal masses.

    Parameters
    ----------
    cohort
        Where the cells come from; every sample weighs the same, however many cells it has.
    scaling
        How markers are scaled.
    points
        How many reference points; fewer when the pool holds fewer distinct cells.
    seed
        Chooses the cells.
    samples
        Samples to pool; all when None.
    pooled_cells
        About how many cells to draw from.

    Returns
    -------
        The reference, (points, d).
    """
    cells, weights = _pool(cohort, scaling, seed=seed, samples=samples, pooled_cells=max(pooled_cells, points))
    distinct = _distinct_rows(cells)
    count = min(points, len(distinct))
    share = weights[distinct] / weights[distinct].sum()
    drawn = np.random.default_rng(seed).choice(distinct, count, replace=False, p=share)
    return Reference(cells[np.sort(drawn)], np.full(count, 1.0 / count), "cells", seed)


def _pool(
    cohort: Cohort, scaling: Scaling, *, seed: int, samples: Sequence[str] | None, pooled_cells: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    chosen = list(cohort.samples.index if samples is None else samples)
    limit = -(-pooled_cells // len(chosen))  # rounded up
    parts = [scaling.apply(cohort.cells(sample, limit=limit, seed=seed)) for sample in chosen]
    weights = [np.full(len(part), 1.0 / (len(part) * len(parts))) for part in parts]
    return np.concatenate(parts), np.concatenate(weights)


def _distinct_rows(cells: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the position of the first of each group of equal rows."""
    rows = np.ascontiguousarray(cells + 0.0)  # -0.0 and 0.0 have different bytes
    keys = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    return np.sort(np.unique(keys, return_index=True)[1])
