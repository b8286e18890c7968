"""The LOT barycenter as a reference: moved to the mean of the samples' maps, again and again, with a certificate."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lotviz.data.cohort import Cohort
from lotviz.data.transforms.transform import Scaling
from lotviz.transport.barycenter_bound import BarycenterBound, barycenter_bound, chosen_pairs
from lotviz.transport.progress import Progress, part_of
from lotviz.transport.reference import Reference, kmeans_reference
from lotviz.transport.samples import Work, transport_samples

_ROUNDS = 10
_LEAST_FALL = 1e-3
_LEAST_CELLS = 500
_CELLS_A_POINT = 4


@dataclass(frozen=True, eq=False)
class Recentred:
    """A reference after its rounds.

    Attributes
    ----------
    reference
        The reference of the last round.
    objectives
        Mean over samples of its squared Wasserstein distance, at the start and after each round; never rising.
    residual
        The part of the last objective that lies within the points: cells of a sample that one point stands for.
    """

    reference: Reference
    objectives: tuple[float, ...]
    residual: float


def barycenter_reference(
    cohort: Cohort,
    scaling: Scaling,
    *,
    points: int,
    work: Work,
    start: Reference | None = None,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> Reference:
    """Make a reference near to all samples: k-means, moved to the mean of the samples' maps until that helps no more.

    Parameters
    ----------
    cohort
        The samples, all of the same weight.
    scaling
        How markers are scaled.
    points
        How many reference points; fewer when the pooled cells have fewer distinct values.
    work
        Which cells, by which solver and by how many threads; the result does not depend on the threads. At most four
        cells a point, or 500, of a sample are looked at; nothing is kept in the store.
    start
        Where to start from; the k-means of pooled cells when None. Its masses are kept.
    progress
        Called with (done, total, message).
    cancel
        Set it to stop.

    Returns
    -------
        The reference. `details["certificate"]` holds, in scaled units squared, `objectives` and `residual` as in
        `Recentred`, the `bound` below which no cloud of any number of points can come, and the `gap` between the last
        objective and it. These are proved for the `cells_per_sample` cells that were drawn, which makes them an
        estimate for all cells. `exact_pairs` of the `pairs` of samples, drawn at random, entered the bound with their
        exact distance; `estimated_bound`, which is not proved, is what it would be with all of them.

    Notes
    -----
    A round keeps the plans and moves every point to the mean of its maps, which lowers the cost of these plans; the
    optimal plans of the moved points cost no more. Source: the fixed point of Álvarez-Esteban et al. 2016; the free
    support barycenter of Cuturi and Doucet 2014 with its masses held.
    """
    work = _drawn(work, points)
    seed, names = work.seed, list(cohort.samples.index)
    start = kmeans_reference(cohort, scaling, points=points, seed=seed) if start is None else start
    counts = _counts(cohort, work)
    pairs = chosen_pairs(counts, seed=seed)
    rounds = len(names) * (_ROUNDS + 1)
    total = rounds + len(pairs)
    found = recentre(cohort, scaling, start, work=work, progress=part_of(progress, 0, total), cancel=cancel)
    bound = barycenter_bound(
        lambda number: scaling.apply(cohort.cells(names[number], limit=work.limit, seed=seed)),
        len(names),
        pairs=pairs,
        workers=work.workers,
        solver=work.solver,
        progress=part_of(progress, rounds, total),
        cancel=cancel,
    )
    details = {"certificate": _certificate(found, bound, max(counts))}
    return replace(found.reference, kind="barycenter", seed=seed, details=details)


def recentre(
    cohort: Cohort,
    scaling: Scaling,
    start: Reference,
    *,
    work: Work,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> Recentred:
    """Move a reference to the mean of the samples' maps, until its objective falls by less than a thousandth.

    Parameters
    ----------
    cohort, scaling
        The samples, all of the same weight, and how markers are scaled.
    start
        Where to start from; its masses are kept.
    work
        Which cells, by which solver and by how many threads.
    progress
        Called with (done, total, message) after each sample of each round.
    cancel
        Set it to stop between samples.
    """
    count, reference = len(cohort.samples), start
    objectives: list[float] = []
    before: Recentred | None = None
    while True:
        part = part_of(progress, len(objectives) * count, count * (_ROUNDS + 1))
        transported, _ = transport_samples(cohort, reference, scaling, work=work, progress=part, cancel=cancel)
        objective = float(np.mean([one.cost for one in transported]))
        if before is not None and objective >= objectives[-1]:  # at a fixed point round-off decides
            return before
        objectives.append(objective)
        residual = float(np.mean([one.residual for one in transported]))
        found = Recentred(reference, tuple(objectives), residual)
        settled = len(objectives) > 1 and objectives[-2] - objective < _LEAST_FALL * objectives[-2]
        if settled or len(objectives) > _ROUNDS:
            return found
        before = found
        reference = replace(reference, points=np.mean([one.maps for one in transported], axis=0))


def barycenter_steps(cohort: Cohort, *, points: int, work: Work) -> int:
    """Count the steps that `barycenter_reference` reports at most: samples of all rounds, then pairs."""
    counts = _counts(cohort, _drawn(work, points))
    return len(counts) * (_ROUNDS + 1) + len(chosen_pairs(counts, seed=work.seed))


def _drawn(work: Work, points: int) -> Work:
    """Return the work of the rounds: enough cells for the points, nothing kept."""
    enough = max(_LEAST_CELLS, _CELLS_A_POINT * points)
    limit = enough if work.limit is None else min(enough, work.limit)
    return replace(work, limit=limit, store=None, resume=False)


def _counts(cohort: Cohort, work: Work) -> list[int]:
    counts = (int(cohort.cell_counts[name]) for name in cohort.samples.index)
    return [count if work.limit is None else min(count, work.limit) for count in counts]


def _certificate(found: Recentred, bound: BarycenterBound, cells: int) -> dict[str, Any]:
    return {
        "objectives": list(found.objectives),
        "bound": bound.value,
        "gap": found.objectives[-1] - bound.value,
        "estimated_bound": bound.estimate,
        "residual": found.residual,
        "cells_per_sample": cells,
        "pairs": bound.pairs,
        "exact_pairs": bound.exact_pairs,
    }
