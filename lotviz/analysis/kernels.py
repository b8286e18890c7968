"""Kernels between samples for one training fold: scaling and references fitted on it, labels never seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import numpy as np
from numpy.typing import NDArray

from lotviz.analysis.blocks import Block, block_grams, centre, operators
from lotviz.data.cohort import ArraySource, Cohort
from lotviz.data.transforms.transform import Transform, fit_scaling
from lotviz.transport.coupling import solve
from lotviz.transport.progress import Cancelled
from lotviz.transport.reference import cells_reference, kmeans_reference

WORKERS = 2
POOLED_CELLS = 4000  # a reference of 64 points is not better for more, and k-means is the slow part
Grams = Mapping[str, Sequence[NDArray[np.float64]]]


def hold(cohort: Cohort, *, cells_per_sample: int, seed: int, cancel: Event | None = None) -> Cohort:
    """Read the cells once: the same cohort in memory, transformed, with at most so many cells of each sample."""
    cells = {}
    for name in cohort.samples.index:
        _stop_if(cancel)
        cells[name] = cohort.cells(name, limit=cells_per_sample, seed=seed)
    return replace(cohort, source=ArraySource(cells), transform=Transform("none"))


def lot_grams(
    held: Cohort, training: Sequence[str], *, points: Sequence[int], seed: int, cancel: Event | None = None
) -> dict[str, list[NDArray[np.float64]]]:
    """Gram matrices of all samples in each block, one for every reference.

    References are in turn k-means centres with their masses and random cells with equal ones; averaging over several is
    steadier than choosing one.

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
    For each block the (N, N) matrices.
    """
    scaling = fit_scaling(held, samples=training)
    scaled = [scaling.apply(held.cells(name)) for name in held.samples.index]
    grams: dict[str, list[NDArray[np.float64]]] = {}
    for number, count in enumerate(points):
        make = (kmeans_reference, cells_reference)[number % 2]
        reference = make(held, scaling, points=count, seed=seed + number, samples=training, pooled_cells=POOLED_CELLS)
        maps = _maps(reference.points, reference.masses, scaled, cancel=cancel)
        matrices = operators(reference.points, reference.masses)
        for block, gram in block_grams(maps, matrices).items():
            grams.setdefault(block, []).append(gram)
    return grams


def _maps(
    points: NDArray[np.float64],
    masses: NDArray[np.float64],
    scaled: Sequence[NDArray[np.float64]],
    *,
    cancel: Event | None,
) -> NDArray[np.float64]:
    """Transport all samples in threads, as the solver lets go of Python's lock; maps of shape (N, m, d)."""

    def one(cells: NDArray[np.float64]) -> NDArray[np.float64]:
        _stop_if(cancel)
        return solve(points, cells, masses).maps

    with ThreadPoolExecutor(WORKERS) as pool:
        return np.stack(list(pool.map(one, scaled)))


def _stop_if(cancel: Event | None) -> None:
    if cancel is not None and cancel.is_set():
        raise Cancelled


def fold_kernel(
    grams: Grams, blocks: Sequence[Block] | Sequence[str], training: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Mean over blocks and references of the Gram matrices, each centred and normed on the training samples; (N, N)."""
    kernels = [np.mean([centre(gram, training)[0] for gram in grams[block]], axis=0) for block in blocks]
    return np.asarray(np.mean(kernels, axis=0))
