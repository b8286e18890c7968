"""The reference cloud that every sample is registered to, and those made from the pooled cells of a cohort."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lotviz.data.cohort import Cohort
from lotviz.data.transforms.transform import Scaling
from lotviz.transport.blas import one_thread

POOLED_CELLS = 40_000
# Up to here every round of k-means looks at all cells: within a second at 1,024 points, and faster than in batches.
# Beyond, in batches: at 40,000 cells three times faster, at 2 to 4 % more cost (64 to 1,024 points, 20 markers).
_FEW_CELLS = 10_000
_ROUNDS = 100
_BATCH = 4096


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
        How it was made: "kmeans", "cells", "gaussian", "barycenter", "sample", "file", or any name of one's own.
    seed
        The seed it was made with, or None.
    details
        What else there is to know, as JSON can hold it: the certificate of a barycenter, the name of a sample or file.
    """

    points: NDArray[np.float64]
    masses: NDArray[np.float64]
    kind: str = "given"
    seed: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_points(self) -> int:
        """How many reference points there are."""
        return len(self.masses)

    @property
    def digest(self) -> str:
        """SHA-256 of points and masses, by which two references are known to be the same."""
        content = hashlib.sha256(repr(self.points.shape).encode())
        for part in (self.points, self.masses):
            content.update(np.ascontiguousarray(part, dtype="<f8").tobytes())
        return content.hexdigest()


@dataclass(frozen=True, eq=False)
class PooledCells:
    """Cells of many samples as one cloud, in which every sample weighs the same.

    Attributes
    ----------
    cells
        Cells, (n, d), scaled.
    weights
        Their weights, (n,), summing to one.
    """

    cells: NDArray[np.float64]
    weights: NDArray[np.float64]


def pool_cells(
    cohort: Cohort,
    scaling: Scaling,
    *,
    points: int,
    seed: int,
    samples: Sequence[str] | None = None,
    pooled_cells: int = POOLED_CELLS,
) -> PooledCells:
    """Draw about `pooled_cells` cells, as many of each sample, and never fewer than `points` in all."""
    chosen = list(cohort.samples.index if samples is None else samples)
    limit = -(-max(pooled_cells, points) // len(chosen))  # rounded up
    parts = [scaling.apply(cohort.cells(sample, limit=limit, seed=seed)) for sample in chosen]
    weights = [np.full(len(part), 1.0 / (len(part) * len(parts))) for part in parts]
    return PooledCells(np.concatenate(parts), np.concatenate(weights))


def kmeans_reference(
    cohort: Cohort,
    scaling: Scaling,
    *,
    points: int,
    seed: int,
    samples: Sequence[str] | None = None,
    pooled_cells: int = POOLED_CELLS,
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
    pooled = pool_cells(cohort, scaling, points=points, seed=seed, samples=samples, pooled_cells=pooled_cells)
    return kmeans_of(pooled, points=points, seed=seed)


def cells_reference(
    cohort: Cohort,
    scaling: Scaling,
    *,
    points: int,
    seed: int,
    samples: Sequence[str] | None = None,
    pooled_cells: int = POOLED_CELLS,
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
    pooled = pool_cells(cohort, scaling, points=points, seed=seed, samples=samples, pooled_cells=pooled_cells)
    return cells_of(pooled, points=points, seed=seed)


def gaussian_reference(
    cohort: Cohort,
    scaling: Scaling,
    *,
    points: int,
    seed: int,
    samples: Sequence[str] | None = None,
    pooled_cells: int = POOLED_CELLS,
) -> Reference:
    """Make a reference of points drawn from the Gaussian with the mean and covariance of pooled cells, equal masses.

    It holds no cell of anyone and tells nothing but two moments, so it can be handed on; and it is the reference of
    the published method. Its points lie between populations as well as in them: distances come out longer, compared
    with Wasserstein's, than from a reference that follows the cells.

    Parameters
    ----------
    cohort
        Where the cells come from; every sample weighs the same, however many cells it has.
    scaling
        How markers are scaled.
    points
        How many reference points.
    seed
        Chooses the pooled cells and draws the points.
    samples
        Samples to pool; all when None.
    pooled_cells
        About how many cells to pool.

    Returns
    -------
        The reference, (points, d).
    """
    pooled = pool_cells(cohort, scaling, points=points, seed=seed, samples=samples, pooled_cells=pooled_cells)
    return gaussian_of(pooled, points=points, seed=seed)


def sample_reference(cohort: Cohort, scaling: Scaling, *, sample: str, points: int, seed: int) -> Reference:
    """Make a reference of one sample: its distinct cells with their shares, or, of more than `points`, its k-means.

    Where every cell is a point, the maps of that sample are the points themselves and its cost is zero. What the
    other samples are compared with is then one patient, or one control, instead of all.

    Raises
    ------
    CohortError
        There is no such sample.
    """
    pooled = pool_cells(cohort, scaling, points=points, seed=seed, samples=[sample])
    found = kmeans_of(pooled, points=points, seed=seed)
    return replace(found, kind="sample", details={"sample": sample})


def kmeans_of(pooled: PooledCells, *, points: int, seed: int) -> Reference:
    """Cluster pooled cells; see `kmeans_reference`."""
    from sklearn.cluster import KMeans, MiniBatchKMeans  # about a second

    first, member = _distinct_rows(pooled.cells)
    if len(first) <= points:  # every cell is its own centre
        shares = np.asarray(np.bincount(member, weights=pooled.weights), dtype=np.float64)
        return Reference(pooled.cells[first], shares, "kmeans", seed)
    count = points
    if len(pooled.cells) <= _FEW_CELLS:
        clusters = KMeans(count, n_init=1, max_iter=_ROUNDS, random_state=seed)
    else:
        clusters = MiniBatchKMeans(count, n_init=3, batch_size=_BATCH, random_state=seed)
    with one_thread():  # sums over threads round differently: the same bits on every machine
        clusters.fit(pooled.cells, sample_weight=pooled.weights)
    masses = np.bincount(clusters.labels_, weights=pooled.weights, minlength=count)
    kept = masses > 0
    centers = np.asarray(clusters.cluster_centers_, dtype=np.float64)[kept]
    return Reference(centers, masses[kept] / masses.sum(), "kmeans", seed)


def cells_of(pooled: PooledCells, *, points: int, seed: int) -> Reference:
    """Draw distinct ones of pooled cells; see `cells_reference`."""
    distinct, _ = _distinct_rows(pooled.cells)
    count = min(points, len(distinct))
    share = pooled.weights[distinct] / pooled.weights[distinct].sum()
    drawn = np.random.default_rng(seed).choice(distinct, count, replace=False, p=share)
    return Reference(pooled.cells[np.sort(drawn)], np.full(count, 1.0 / count), "cells", seed)


def gaussian_of(pooled: PooledCells, *, points: int, seed: int) -> Reference:
    """Draw from the Gaussian that matches pooled cells; see `gaussian_reference`."""
    with one_thread():  # as in k-means
        mean = pooled.weights @ pooled.cells
        central = np.sqrt(pooled.weights)[:, None] * (pooled.cells - mean)
        variances, axes = np.linalg.eigh(central.T @ central)
        # the symmetric root, whatever the signs of the axes; a constant marker may leave -1e-17 for a variance
        root = (axes * np.sqrt(np.maximum(variances, 0.0))) @ axes.T
        drawn = np.random.default_rng(seed).standard_normal((points, len(mean))) @ root
    return Reference(mean + drawn, np.full(points, 1.0 / points), "gaussian", seed)


def _distinct_rows(cells: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the position of the first of each group of equal rows, and the group of every row."""
    rows = np.ascontiguousarray(cells + 0.0)  # -0.0 and 0.0 have different bytes
    keys = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    _, first, member = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)  # groups in the order of their first rows
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[member.ravel()]
