"""How many cells lie where: log shares of clusters, and what each cell adds to a linear score of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

SCALES = (16, 32, 64)  # numbers of clusters; coarse ones are steady, fine ones see small populations
_BLOCK = 8192  # cells compared with all points at a time


def nearest_points(scaled_cells: ArrayLike, points: NDArray[np.float64]) -> NDArray[np.intp]:
    """Index of the reference point each cell lies nearest to, shape (n,), for cells (n, d) and points (m, d).

    In single precision: a cell between two points may be given to either, to the same one each time.
    """
    cells = np.asarray(scaled_cells)
    half_squared = (0.5 * np.square(points).sum(axis=1)).astype(np.float32)
    columns = np.ascontiguousarray(points.T, dtype=np.float32)
    nearest = np.empty(len(cells), dtype=np.intp)
    for start in range(0, len(cells), _BLOCK):
        block = np.asarray(cells[start : start + _BLOCK], dtype=np.float32)
        nearest[start : start + _BLOCK] = np.argmax(block @ columns - half_squared, axis=1)
    return nearest


def point_shares(nearest: Sequence[NDArray[np.intp]], n_points: int) -> NDArray[np.float64]:
    """Share of the cells of each sample that lie nearest to each point, shape (N, m); rows sum to 1."""
    counts = np.stack([np.bincount(found, minlength=n_points) for found in nearest]).astype(np.float64)
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def half_a_cell(n_cells: ArrayLike) -> float:
    """Share added to every share before the logarithm: half a cell of the median sample.

    One number for all samples: with half a cell of each its own, the number of cells would show in the features.

    Examples
    --------
    >>> half_a_cell([100, 200, 400])
    0.0025
    """
    return float(0.5 / max(np.median(np.asarray(n_cells, dtype=np.float64)), 1.0))


def merged(shares: NDArray[np.float64], partition: NDArray[np.intp]) -> NDArray[np.float64]:
    """Shares (..., m) of points as shares (..., k) of the clusters that `partition` (m,) puts them in.

    Examples
    --------
    >>> merged(np.array([0.25, 0.25, 0.5]), np.array([0, 1, 0]))
    array([0.75, 0.25])
    """
    indicator = (partition[:, None] == np.arange(partition.max() + 1)[None, :]).astype(np.float64)  # (m, k)
    return np.asarray(shares @ indicator)


def log_ratios(shares: NDArray[np.float64], floor: float) -> NDArray[np.float64]:
    """Centred log ratios ``log(p_k + floor) - mean_l log(p_l + floor)`` of shares (..., k), same shape.

    Source: Aitchison 1982; the floor makes room for clusters without cells.
    """
    logs = np.log(shares + floor)
    return np.asarray(logs - logs.mean(axis=-1, keepdims=True))


def partitions_of(
    points: NDArray[np.float64], masses: NDArray[np.float64], *, scales: Sequence[int] = SCALES, seed: int = 0
) -> tuple[NDArray[np.intp], ...]:
    """Partition reference points into clusters, once for every scale that is below their number, else each its own.

    Returns
    -------
    Labels of shape (m,), counted from 0, for each scale.
    """
    from sklearn.cluster import KMeans  # costs 1 s to import

    distinct = len(np.unique(points, axis=0))
    found: list[NDArray[np.intp]] = []
    for scale in scales:
        if scale < distinct:
            labels = KMeans(scale, n_init=3, random_state=seed).fit_predict(points, sample_weight=masses)
            found.append(np.unique(labels, return_inverse=True)[1].astype(np.intp))
    return tuple(found) if len(found) == len(scales) else (*found, np.arange(len(points)))


def secant_slopes(
    shares: NDArray[np.float64], mean_logs: NDArray[np.float64], floor: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slopes s and origins o of the exact chord of the logarithm: ``log(p + floor) - mean_log = s (p - o)``.

    `o` is the share whose logarithm is the training mean; with it a log share is linear in the cells of one sample,
    so that its part of a score can be handed out to them without a rest.

    Parameters
    ----------
    shares
        Shape (k,), of one sample.
    mean_logs
        Mean over the training samples of ``log(p + floor)``, shape (k,).
    floor
        As in `log_ratios`.
    """
    origins = np.exp(mean_logs) - floor
    step = shares - origins
    rise = np.log(shares + floor) - mean_logs
    flat = np.abs(step) <= 1e-9 * (shares + floor)
    slopes = np.where(flat, 1.0 / (shares + floor), rise / np.where(flat, 1.0, step))
    return slopes, np.asarray(shares - rise / slopes)


@dataclass(frozen=True, eq=False)
class AbundanceWeights:
    """Weights on the log shares of clusters of reference points, at one or more numbers of clusters.

    Attributes
    ----------
    partitions
        Cluster of each reference point, shape (m,), for each number of clusters.
    weights
        Weight of each cluster's log share, shape (k,), for each; they sum to zero, as centred log ratios ask.
    mean_logs
        Mean log share of the training samples, shape (k,), for each.
    differences
        Mean log share of the positive minus the other training samples, shape (k,), for each.
    floor
        Added to every share before the logarithm.
    """

    partitions: tuple[NDArray[np.intp], ...]
    weights: tuple[NDArray[np.float64], ...]
    mean_logs: tuple[NDArray[np.float64], ...]
    differences: tuple[NDArray[np.float64], ...]
    floor: float

    def score(self, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Part of the score that shares (..., m) of the reference points add to that of the training mean; (...)."""
        total = np.zeros(shares.shape[:-1])
        for partition, weights, mean_logs in zip(self.partitions, self.weights, self.mean_logs, strict=True):
            total = total + (np.log(merged(shares, partition) + self.floor) - mean_logs) @ weights
        return np.asarray(total)

    def per_point(self, shares: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Return what a cell adds by lying nearest to each point, (m,), and what every cell takes away, in one sample.

        The shares (m,) of that sample decide the slope of the logarithm. For n cells, a cell at point i adds
        ``(value_i - start) / n``, and that sums to `score` exactly.
        """
        values, start = np.zeros(len(shares)), 0.0
        for partition, weights, mean_logs in zip(self.partitions, self.weights, self.mean_logs, strict=True):
            slopes, origins = secant_slopes(merged(shares, partition), mean_logs, self.floor)
            values += (weights * slopes)[partition]
            start += float((weights * slopes) @ origins)
        return values, start

    def carried(self, masses: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what the abundance of each point's clusters adds to the gap between the classes, shape (m,).

        A cluster's part is shared by its points as their masses (m,) are; the sum is the whole gap by abundance.
        """
        values = np.zeros(len(masses))
        for partition, weights, gaps in zip(self.partitions, self.weights, self.differences, strict=True):
            whole = np.bincount(partition, weights=masses, minlength=len(weights))
            values += (weights * gaps)[partition] * masses / whole[partition]
        return values

    @property
    def at_the_mean(self) -> NDArray[np.float64]:
        """Change of the score per share of cells that lie at each reference point, at the training mean; (m,)."""
        values = np.zeros(len(self.partitions[0]))
        for partition, weights, mean_logs in zip(self.partitions, self.weights, self.mean_logs, strict=True):
            values += (weights / np.exp(mean_logs))[partition]
        return values
