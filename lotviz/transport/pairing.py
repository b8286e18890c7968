"""Two samples glued cell to cell with exact masses, so that both keep their spread on the way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lotviz.transport.coupling import solve
from lotviz.transport.engine import ExactSolver
from lotviz.transport.progress import Progress, report, stop_if
from lotviz.transport.registration import GluedPairs

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

_AT_ONCE = 160  # cells of a point that are paired in one problem; of more, in parts that follow one another

Floats = NDArray[np.float64]
Part = tuple[NDArray[np.intp], Floats]  # positions of cells, and their masses


def paired_cells(
    embedding: LOTEmbedding,
    first: str,
    second: str,
    *,
    solver: ExactSolver = "simplex",
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> GluedPairs:
    """Glue the cells of two samples at every reference point so that they deviate alike from their means there.

    All gluings of two plans at the reference points have the same maps at every place between. The product, as in
    `Registration.pairs`, glues each cell to every cell of its point: half-way, deviations that do not belong together
    average out, and the cloud is narrower than both. Here the deviations at a point are glued by optimal transport.

    Parameters
    ----------
    embedding
        Holds both samples.
    first, second
        Their names; a sample is glued to itself cell by cell.
    solver
        Either is exact; the simplex is compiled first where it never was.
    progress, cancel
        Called with (done, total, message) at every point; set it to stop.

    Returns
    -------
        About as many pairs as both samples have cells, with their masses: the cells of each sample keep theirs exactly.

    Raises
    ------
    CohortError
        There is no such sample.
    Cancelled
        `cancel` was set.

    Notes
    -----
    A point with many cells is cut into parts of equal mass along the axis of its largest spread, in both samples
    alike; within a part the gluing is optimal. A cell on a cut belongs to both parts.
    """
    plans = [embedding.plan(name) for name in (first, second)]
    clouds = [embedding.scaled_cells(name) for name in (first, second)]
    found: list[tuple[NDArray[np.intp], NDArray[np.intp], Floats, int]] = []
    for point in range(len(embedding.masses)):
        stop_if(cancel)
        report(progress, point, len(embedding.masses), "")
        rows = [slice(plan.indptr[point], plan.indptr[point + 1]) for plan in plans]
        cells = [plan.indices[row].astype(np.intp) for plan, row in zip(plans, rows, strict=True)]
        masses = [np.asarray(plan.data[row], dtype=np.float64) for plan, row in zip(plans, rows, strict=True)]
        deviations = [
            cloud[chosen] - np.average(cloud[chosen], axis=0, weights=mass)
            for cloud, chosen, mass in zip(clouds, cells, masses, strict=True)
        ]
        for left, right, mass in _glued(deviations, masses, solver):
            found.append((cells[0][left], cells[1][right], mass * embedding.masses[point], point))
    counts = [len(mass) for *_, mass, _point in found]
    return GluedPairs(
        np.concatenate([left for left, *_ in found]),
        np.concatenate([right for _, right, *_ in found]),
        np.repeat(np.array([point for *_, point in found], dtype=np.intp), counts),
        np.concatenate([mass for *_, mass, _point in found]),
    )


def _glued(
    deviations: list[Floats], masses: list[Floats], solver: ExactSolver
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], Floats]]:
    """Yield pairs of positions with masses that sum to one in all."""
    shares = [mass / mass.sum() for mass in masses]
    for share, (left, right) in _parts(deviations, shares):
        if min(len(left[0]), len(right[0])) == 1:
            mass = np.outer(left[1], right[1]).ravel() / share
            yield np.repeat(left[0], len(right[0])), np.tile(right[0], len(left[0])), mass
            continue
        sides = deviations[0][left[0]], deviations[1][right[0]]
        coupling = solve(*sides, left[1] / left[1].sum(), right[1] / right[1].sum(), solver=solver)
        plan = coupling.plan.tocoo()
        yield left[0][plan.row], right[0][plan.col], plan.data * share


def _parts(deviations: list[Floats], shares: list[Floats]) -> Iterator[tuple[float, tuple[Part, Part]]]:
    """Cut both sides into parts of equal mass along one axis: the share of each part, and its cells on either side."""
    count = -(-max(map(len, shares)) // _AT_ONCE)
    if count == 1:
        whole = [(np.arange(len(share)), share) for share in shares]
        yield 1.0, (whole[0], whole[1])
        return
    spread = sum(rows.T @ (share[:, None] * rows) for rows, share in zip(deviations, shares, strict=True))
    axis = np.linalg.eigh(spread)[1][:, -1]
    orders = [np.argsort(rows @ axis, kind="stable") for rows in deviations]
    ends = [np.cumsum(share[order]) for share, order in zip(shares, orders, strict=True)]
    for part in range(count):
        sides = [
            _between(order, end / end[-1], part / count, (part + 1) / count)
            for order, end in zip(orders, ends, strict=True)
        ]
        yield 1 / count, (sides[0], sides[1])


def _between(order: NDArray[np.intp], ends: Floats, low: float, high: float) -> Part:
    """Return the cells whose mass lies between two shares of it, in their order, and how much of it does."""
    first = int(np.searchsorted(ends, low, side="right"))
    last = min(int(np.searchsorted(ends, high, side="left")), len(ends) - 1)
    chosen = np.arange(first, last + 1)
    begins = np.concatenate([[0.0], ends])[chosen]
    inside = np.minimum(ends[chosen], high) - np.maximum(begins, low)
    kept = inside > 1e-12 * (high - low)
    return order[chosen[kept]], inside[kept]
