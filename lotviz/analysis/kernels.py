"""Kernels between samples for one training fold: scaling and references fitted on it, labels never seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lotviz.analysis.abundance import (
    half_a_cell,
    log_ratios,
    merged,
    nearest_points,
    partitions_of,
    point_shares,
)
from lotviz.analysis.blocks import block_grams, centre, operators
from lotviz.data.cohort import ArraySource, Cohort
from lotviz.data.transforms.transform import Scaling, Transform
from lotviz.transport.coupling import solve
from lotviz.transport.progress import stop_if
from lotviz.transport.reference import cells_reference, kmeans_reference

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

WORKERS = 2
POOLED_CELLS = 4000  # a reference of 64 points is not better for more, and k-means is the slow part
TRANSPORTED = 1000  # cells of a sample: more change no score, while rare clusters are counted among all that are held
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
Grams = Mapping[str, Sequence[NDArray[np.float64]]]


def hold(cohort: Cohort, *, cells_per_sample: int, seed: int, cancel: Event | None = None) -> Cohort:
    """Read the cells once: the same cohort in memory, transformed, with at most so many cells of each sample."""
    cells = {}
    for name in cohort.samples.index:
        stop_if(cancel)
        cells[name] = cohort.cells(name, limit=cells_per_sample, seed=seed)
    return replace(cohort, source=ArraySource(cells), transform=Transform("none"))


def within_scaling(cells: Sequence[NDArray[np.float32]]) -> Scaling:
    """Centre of every marker, and its standard deviation within samples (root of the mean variance, samples alike).

    A marker whose samples differ more than their cells keeps that, as it does not where the spread between samples is
    part of the divisor. Labels play no part.

    Parameters
    ----------
    cells
        Transformed cells of the training samples, each of shape (n, d).
    """
    means = np.stack([part.mean(axis=0, dtype=np.float64) for part in cells])
    variances = np.stack([part.var(axis=0, dtype=np.float64) for part in cells])
    largest = np.max([np.abs(part).max(axis=0) for part in cells], axis=0).astype(np.float64)
    total = variances.mean(axis=0) + means.var(axis=0)
    # samples of one cell have no spread within; a float32 value that is repeated leaves rounding dust
    within = np.where(variances.mean(axis=0) > 1e-4 * total, variances.mean(axis=0), total)
    return Scaling(means.mean(axis=0), np.sqrt(np.where(within > (1e-6 * largest) ** 2, within, 1.0)))


def cohort_grams(
    held: Cohort, training: Sequence[str], *, points: Sequence[int], seed: int, cancel: Event | None = None
) -> dict[str, list[NDArray[np.float64]]]:
    """Gram matrices of all samples in each block, one for every reference.

    References are in turn k-means centres with their masses and random cells with equal ones; averaging over several is
    steadier than choosing one. Cells are counted in the clusters that the k-means centres stand for, all that are held;
    at most `TRANSPORTED` of each sample are transported.

    Parameters
    ----------
    held
        The cohort in memory, N samples.
    training
        Samples that scaling and references are fitted on; their labels play no part.
    points
        Numbers of reference points.
    seed
        Of the references.

    Returns
    -------
    (N, N) matrices for the blocks shift, shape, smooth, abundance and quantiles.
    """
    names = list(held.samples.index)
    scaling = within_scaling([held.cells(name) for name in training])
    scaled, quantiles = [], []
    for name in names:
        stop_if(cancel)
        scaled.append(scaling.apply(held.cells(name)))
        quantiles.append(marker_quantiles(scaled[-1:])[0])
    floor = half_a_cell([len(held.cells(name)) for name in training])
    moved = [evenly(part, TRANSPORTED) for part in scaled]
    grams: dict[str, list[NDArray[np.float64]]] = {"quantiles": [linear_gram(np.stack(quantiles))]}
    for number, count in enumerate(points):
        centres = number % 2 == 0
        make = kmeans_reference if centres else cells_reference
        reference = make(held, scaling, points=count, seed=seed + number, samples=training, pooled_cells=POOLED_CELLS)
        maps = _maps(reference.points, reference.masses, moved, cancel=cancel)
        for block, gram in block_grams(maps, operators(reference.points, reference.masses)).items():
            grams.setdefault(block, []).append(gram)
        if centres:
            shares = point_shares([nearest_points(part, reference.points) for part in scaled], reference.n_points)
            grams.setdefault("abundance", []).append(linear_gram(log_ratios(shares, floor)))
    return grams


def evenly(cells: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return at most `count` of the cells, evenly over their order.

    Examples
    --------
    >>> evenly(np.arange(6.0)[:, None], 3).ravel().tolist()
    [0.0, 2.0, 4.0]
    """
    return cells if len(cells) <= count else cells[np.arange(count) * len(cells) // count]


def embedding_grams(embedding: LOTEmbedding, *, cancel: Event | None = None) -> dict[str, list[NDArray[np.float64]]]:
    """Gram matrices from a solved embedding, whose reference and scaling never saw a label; blocks as `cohort_grams`.

    Cells are counted where they lie nearest, in clusters of the reference points of three sizes.
    """
    points, masses = embedding.reference.points, np.asarray(embedding.masses, dtype=np.float64)
    blocks = block_grams(embedding.maps, operators(points, masses))
    grams: dict[str, list[NDArray[np.float64]]] = {str(block): [gram] for block, gram in blocks.items()}
    quantiles, nearest = [], []
    for name in embedding.samples.index:
        stop_if(cancel)
        cells = embedding.scaled_cells(name)
        quantiles.append(marker_quantiles([cells])[0])
        nearest.append(nearest_points(cells, points))
    shares, floor = point_shares(nearest, len(points)), half_a_cell(embedding.n_cells_used)
    parts = [log_ratios(merged(shares, labels), floor) for labels in partitions_of(points, masses)]
    return {
        **grams,
        "abundance": [linear_gram(part) for part in parts],
        "quantiles": [linear_gram(np.stack(quantiles))],
    }


def marker_quantiles(cells: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Mean and quantiles of every marker in each sample, shape (N, 6 d)."""
    rows = [np.concatenate([part.mean(axis=0)[None], np.quantile(part, QUANTILES, axis=0)]) for part in cells]
    return np.stack(rows).reshape(len(rows), -1)


def linear_gram(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inner products (N, N) of features (N, f), centred on their mean."""
    centred = features - features.mean(axis=0)
    return np.asarray(centred @ centred.T)


def _maps(
    points: NDArray[np.float64],
    masses: NDArray[np.float64],
    scaled: Sequence[NDArray[np.float64]],
    *,
    cancel: Event | None,
) -> NDArray[np.float64]:
    """Transport all samples in threads, as the solver lets go of Python's lock; maps of shape (N, m, d)."""

    def one(cells: NDArray[np.float64]) -> NDArray[np.float64]:
        stop_if(cancel)
        return solve(points, cells, masses).maps

    with ThreadPoolExecutor(WORKERS) as pool:
        return np.stack(list(pool.map(one, scaled)))


def adjusted_grams(grams: Grams, adjustment: NDArray[np.float64] | None) -> dict[str, list[NDArray[np.float64]]]:
    """Gram matrices ``A G A'`` of adjusted samples, for A (N, N) as `lotviz.analysis.adjustment` makes it."""
    if adjustment is None:
        return {block: list(found) for block, found in grams.items()}
    return {block: [adjustment @ gram @ adjustment.T for gram in found] for block, found in grams.items()}


def fold_kernel(grams: Grams, blocks: Mapping[str, float], training: NDArray[np.intp]) -> NDArray[np.float64]:
    """Weighted mean of the blocks, each the mean over references of its Gram matrices, centred and normed; (N, N).

    Parameters
    ----------
    grams
        For each block (N, N) matrices.
    blocks
        Weight of each block; they sum to 1.
    training
        Samples that matrices are centred on, and whose mean diagonal becomes 1.
    """
    total = np.zeros_like(next(iter(grams.values()))[0])
    for block, weight in blocks.items():
        total += weight * np.mean([centre(gram, training)[0] for gram in grams[block]], axis=0)
    return total
