"""Transports the samples of a cohort to a reference, several at a time, with progress and cancel."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from lotviz.data.cohort import Cohort
from lotviz.data.problems import CohortError, Problem, did_you_mean, listed
from lotviz.data.transforms import Scaling, Transform
from lotviz.transport.cells import hash_of
from lotviz.transport.coupling import ConvergenceError, solve
from lotviz.transport.doors import BYTES_PER_ARC, require_memory
from lotviz.transport.progress import Progress, report, stop_if
from lotviz.transport.reference import Reference


@dataclass(frozen=True, eq=False)
class TransportedSample:
    """One sample, transported to the reference.

    Attributes
    ----------
    maps
        Mean of the cells each reference point is moved to, (m, d), scaled.
    plan
        Mass from reference point to cell, (m, n), sparse.
    cost, residual, dual_gap
        As in `Coupling`.
    variance
        Total variance of the used cells, scaled.
    n_cells, n_cells_used
        How many cells the sample has, and how many of them were transported.
    cells_hash
        SHA-256 of the used cells.
    """

    maps: NDArray[np.float64]
    plan: csr_array
    cost: float
    residual: float
    dual_gap: float
    variance: float
    n_cells: int
    n_cells_used: int
    cells_hash: str


@dataclass(frozen=True, eq=False)
class Draw:
    """Which cells of a cohort are transported, and by how many threads."""

    limit: int | None
    seed: int
    workers: int = 2


def transport_samples(
    cohort: Cohort,
    reference: Reference,
    scaling: Scaling,
    *,
    draw: Draw,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> tuple[TransportedSample, ...]:
    """Transport every sample of a cohort to the reference.

    Parameters
    ----------
    cohort
        Samples with the markers of the reference.
    reference
        Reference, in scaled space.
    scaling
        How markers are scaled.
    draw
        Which cells, and by how many threads; the number of threads does not change the result.
    progress
        Called with (done, total, message) after each sample.
    cancel
        Set it to stop between samples.

    Returns
    -------
        One result a sample, in the cohort's order.

    Raises
    ------
    CohortError
        A sample has no cells, or cells that are not finite.
    Cancelled
        `cancel` was set.
    """
    require_cells(cohort)
    _require_memory(cohort, reference, draw)
    names = list(cohort.samples.index)
    with ThreadPoolExecutor(draw.workers, thread_name_prefix="transport") as threads:
        jobs = {
            threads.submit(_unless_cancelled, cancel, cohort, sample, reference, scaling, draw): sample
            for sample in names
        }
        try:
            for done, job in enumerate(as_completed(jobs), start=1):
                job.result()
                report(progress, done, len(names), f"Transported {jobs[job]}")
        finally:  # after a failure or a cancel, samples that still wait are not begun
            for job in jobs:
                job.cancel()
    return tuple(job.result() for job in jobs)


def transport_sample(
    cohort: Cohort, sample: str, reference: Reference, *, scaling: Scaling, draw: Draw
) -> TransportedSample:
    """Transport one sample to the reference.

    Raises
    ------
    ConvergenceError
        The solver did not reach an optimum; the message names the sample.
    """
    cells = cohort.cells(sample, limit=draw.limit, seed=draw.seed)
    scaled = scaling.apply(cells)
    try:
        coupling = solve(reference.points, scaled, reference.masses)
    except ConvergenceError as problem:
        raise ConvergenceError(f"Sample {sample}: {problem}") from problem
    return TransportedSample(
        maps=coupling.maps,
        plan=coupling.plan,
        cost=coupling.cost,
        residual=coupling.residual,
        dual_gap=coupling.dual_gap,
        variance=float(scaled.var(axis=0).sum()),
        n_cells=int(cohort.cell_counts[sample]),
        n_cells_used=len(cells),
        cells_hash=hash_of(cells),
    )


def require_cells(cohort: Cohort) -> None:
    """Raise `CohortError` naming every sample without cells."""
    empty = [sample for sample, count in cohort.cell_counts.items() if count < 1]
    if empty:
        raise CohortError(
            *(
                Problem(f"sample {sample}", "Expected at least one cell, found none.", "Leave the sample out.")
                for sample in empty
            )
        )


def in_space(cohort: Cohort, markers: Sequence[str], transform: Transform) -> Cohort:
    """Return the cohort with just these markers, in their order, when it is in the same space.

    Raises
    ------
    CohortError
        Naming every marker that is missing, and a transform that differs.
    """
    where = cohort.origin or cohort.name
    problems = [
        Problem(
            where,
            f"Expected marker {marker} of the embedding, found none of that name.",
            did_you_mean(marker, cohort.markers) or f"The markers are {listed(cohort.markers, 30)}.",
        )
        for marker in markers
        if marker not in cohort.markers
    ]
    expected, found = transform.describe(), cohort.transform.describe()
    if expected != found:
        what = f"Expected the transform of the embedding ({expected}), found another ({found})."
        problems.append(Problem(where, what, "Read the cohort with the transform of the embedding."))
    if problems:
        raise CohortError(*problems)
    return cohort.select(markers=markers)


def _unless_cancelled(
    cancel: threading.Event | None, cohort: Cohort, sample: str, reference: Reference, scaling: Scaling, draw: Draw
) -> TransportedSample:
    stop_if(cancel)
    return transport_sample(cohort, sample, reference, scaling=scaling, draw=draw)


def _require_memory(cohort: Cohort, reference: Reference, draw: Draw) -> None:
    counts = cohort.cell_counts.to_numpy()
    largest = int(counts.max() if draw.limit is None else min(counts.max(), draw.limit))
    at_once = min(draw.workers, len(counts))
    require_memory(
        BYTES_PER_ARC * at_once * reference.n_points * largest,
        f"{at_once} transport problems at once of {reference.n_points} reference points and {largest} cells",
        "Use fewer cells per sample, fewer reference points or one worker.",
    )
