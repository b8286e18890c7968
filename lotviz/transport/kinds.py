"""Samples between samples, kind by kind: kinds of cells move, and grow or shrink, but no cell travels between kinds.

Glued cells mixed in straight lines have two faults where populations grow or shrink and values are often not detected:
what a population gains or loses travels, and at half way lies where no cell ever was; and half of a value that was
detected in one cell and not in the other is a value that is never measured. Here every cell is a measured one, its
sample drawn in proportion to the weights, moved as cells of its kind move on average.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lotviz.transport.blas import one_thread
from lotviz.transport.doors import require_memory
from lotviz.transport.draws import draw_glued
from lotviz.transport.interpolation import checked_draw, checked_weights
from lotviz.transport.progress import Progress, report, stop_if
from lotviz.transport.synthetic import SyntheticSample, origin_of

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

_REACH = 1.5
_LEAST_SHARE = 0.15
_COMPARED = 512
_GOLDEN = 0.6180339887498949
_LENDERS = 2048
_LENT = 10
_ROUND_OFF = 1e-5
_COPIES = 3  # of the tuples: scaled, stacked, and single precision

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Work:
    """Whom to tell how far the work is, and what stops it."""

    progress: Progress | None
    cancel: threading.Event | None


@dataclass(frozen=True, eq=False)
class Tuples:
    """Glued tuples, scaled: their points (N,), the cells of each sample (N, d), and the sample that leads each (N,)."""

    points: NDArray[np.intp]
    clouds: tuple[Array, ...]
    leads: NDArray[np.intp]

    @property
    def lead(self) -> Array:
        """The leading cell of each tuple, (N, d), scaled."""
        return np.asarray(np.stack(self.clouds)[self.leads, np.arange(len(self.leads))])


def interpolate_kinds(
    embedding: LOTEmbedding,
    weights: Mapping[str, float],
    *,
    n_cells: int | None,
    seed: int,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> SyntheticSample:
    """Mix samples kind by kind; see `LOTEmbedding.interpolate`.

    Parameters
    ----------
    embedding
        The embedding.
    weights
        Convex weights of samples.
    n_cells
        How many cells; None makes as many as the sample of largest weight has.
    seed
        Chooses the cells.
    progress
        Called with (done, total, message) after each sample.
    cancel
        Set it to stop.

    Returns
    -------
        The synthetic sample: with a weight of one, that sample's own cells.

    Raises
    ------
    CohortError
        The weights are not convex or name an unknown sample, or `n_cells` is not positive.
    TransportMemoryError
        The tuples do not fit into free memory.
    Cancelled
        `cancel` was set.

    Notes
    -----
    A tuple of cells, one of each sample, is glued through a reference point. One of them leads it. Those of the cells
    at the same point that lie within reach of the lead are of its kind; it moves from their mean in its own sample
    towards their means in all samples that have any, by weight. Means are taken marker by marker over cells in which
    the marker was detected, which is: above the smallest value measured in these samples. Where it was not detected
    in the lead, it stays so. A lead that meets none of its kind at its point, as it happens to what one sample has more
    of, moves as the ten nearest leads of its own sample do, as far as they are within reach.

    What populations gain or lose is no displacement here, so that the sample is not meant to have the mean of the maps.

    Reach is 1.5 times the usual distance of two cells at one point, from the residuals, or from 15 % of the variance
    where that is more.
    """
    given = checked_weights(weights, list(embedding.samples.index))
    checked_draw(n_cells, seed)
    names = sorted((name for name in given if given[name] > 0), key=lambda name: (-given[name], embedding.index(name)))
    rows = [embedding.index(name) for name in names]
    count = int(embedding.n_cells_used[rows[0]]) if n_cells is None else n_cells
    share = np.array([given[name] for name in names])
    require_memory(
        _COPIES * 8 * len(names) * count * len(embedding.markers),
        f"{count} tuples of the cells of {len(names)} samples",
        "Ask for fewer cells or fewer samples.",
    )
    drawn = draw_glued([(name, embedding.plan(name)) for name in names], count, seed=seed)
    measured = [embedding.cells(name) for name in names]
    smallest = np.min([cells.min(axis=0) for cells in measured], axis=0)
    tuples = Tuples(
        drawn.points,
        tuple(embedding.scaling.apply(cells[chosen]) for cells, chosen in zip(measured, drawn.cells, strict=True)),
        _leads(drawn.points, share, np.random.default_rng([seed, 7])),
    )
    limits = detection_limits(embedding, measured)
    with one_thread():  # the same bits on every machine
        steps = _steps(tuples, share, reach_within(embedding, rows, share), limits, work=Work(progress, cancel))
    own = np.empty((count, len(embedding.markers)), dtype=np.float32)
    for k, (cells, chosen) in enumerate(zip(measured, drawn.cells, strict=True)):
        own[tuples.leads == k] = cells[chosen[tuples.leads == k]]
    moved = np.maximum(own + steps * embedding.scaling.scale, smallest).astype(np.float32)
    return SyntheticSample(
        cells=np.where(steps == 0.0, own, moved),
        masses=np.full(count, 1.0 / count),
        origins=dict(zip(names, drawn.cells, strict=True)),
        weights=given,
        seed=seed,
        populations=_populations(embedding, names, drawn.cells, tuples.leads),
        method="cells moved with their kind",
        **origin_of(embedding, names),
    )


def _leads(points: NDArray[np.intp], share: Array, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw the sample that leads each tuple, (N,), in proportion to the weights also among the tuples of one point."""
    order = np.lexsort((rng.random(len(points)), points))
    # the golden ratio spreads any run of numbers evenly
    spread = (rng.random() + _GOLDEN * np.arange(len(points))) % 1.0
    leads = np.empty(len(points), dtype=np.intp)
    leads[order] = np.minimum(np.searchsorted(np.cumsum(share), spread, side="right"), len(share) - 1)
    return leads


def reach_within(embedding: LOTEmbedding, rows: Sequence[int], share: Array) -> float:
    """How far cells of one kind at one point may lie apart, scaled units; samples count by their shares, (K,)."""
    within = np.maximum(embedding.residuals[rows], _LEAST_SHARE * embedding.variances[rows])
    return float(_REACH * np.sqrt(2.0 * share @ within))


def _steps(tuples: Tuples, share: Array, reach: float, limits: Array, *, work: Work) -> Array:
    """How far the lead of each tuple moves, (N, d), scaled; exactly zero where its marker was not detected."""
    lead = tuples.lead
    if len(tuples.clouds) == 1:
        return np.zeros_like(lead)
    total, weight = np.zeros_like(lead), np.zeros_like(lead)
    every = range(len(tuples.clouds))
    for k, steps in zip(every, steps_towards(tuples, every, reach, limits, work=work), strict=True):
        there = np.isfinite(steps)
        total += share[k] * np.where(there, steps, 0.0)
        weight += share[k] * there
    moves = (weight > 0) & detected(lead, limits)
    return np.where(moves, total / np.where(weight > 0, weight, 1.0), 0.0)


def detection_limits(embedding: LOTEmbedding, measured: Sequence[NDArray[np.float32]]) -> Array:
    """Return the smallest value measured of each marker and what rounding adds to it, (d,), scaled."""
    ends = [np.min([cells.min(axis=0) for cells in measured], axis=0)]
    ends.append(np.max([cells.max(axis=0) for cells in measured], axis=0))
    smallest, largest = embedding.scaling.apply(np.stack(ends))
    return np.asarray(smallest + _ROUND_OFF * np.minimum(1.0, largest - smallest))


def detected(cells: Array, limits: Array) -> NDArray[np.bool_]:
    """Whether values, (N, d), are above the detection limits of their markers, (d,)."""
    return cells > limits


def steps_towards(
    tuples: Tuples, samples: Sequence[int], reach: float, limits: Array, *, work: Work
) -> Iterator[Array]:
    """How far the lead of each tuple would move into one sample after the other, (N, d) each, scaled.

    NaN where nothing says it: in markers not detected, or where a lead and the leads near it meet none of their kind.
    """
    lead = tuples.lead
    here = np.full_like(lead, np.nan)
    for own, cloud in enumerate(tuples.clouds):
        rows = np.flatnonzero(tuples.leads == own)
        here[rows] = _means_of_kind(lead, cloud, tuples, rows, reach=reach, limits=limits, work=work)
    every = np.arange(len(lead))
    for done, k in enumerate(samples):
        report(work.progress, done, len(samples), "Moving cells with their kind")
        there = _means_of_kind(lead, tuples.clouds[k], tuples, every, reach=reach, limits=limits, work=work)
        steps = there - here
        for own in range(len(tuples.clouds)):
            stop_if(work.cancel)
            _borrow(steps, lead, np.flatnonzero(tuples.leads == own), reach)
        yield steps
    report(work.progress, len(samples), len(samples), "Moved cells with their kind")


def _means_of_kind(
    lead: Array,
    cloud: Array,
    tuples: Tuples,
    rows: NDArray[np.intp],
    *,
    reach: float,
    limits: Array,
    work: Work,
) -> Array:
    """Mean of the kind of some leads in one sample, (len(rows), d): NaN in markers not detected, or if it has none."""
    means = np.full((len(tuples.points), lead.shape[1]), np.nan)
    wanted = np.zeros(len(tuples.points), dtype=bool)
    wanted[rows] = True
    for visits in _at_each_point(tuples.points):
        stop_if(work.cancel)
        compared = cloud[visits[:_COMPARED]]
        mine = visits[wanted[visits]]
        for start in range(0, len(mine), _COMPARED):
            some = mine[start : start + _COMPARED]
            means[some] = _mean_within(lead[some], compared, reach, limits)
    return means[rows]


def _mean_within(lead: Array, cells: Array, reach: float, limits: Array) -> Array:
    """Mean of the detected values of cells (u, d) within reach of each lead (v, d): (v, d), NaN where there is none."""
    near = (_squared_distances(lead, cells) < reach**2).astype(np.float64)
    seen = detected(cells, limits).astype(np.float64)
    count = near @ seen
    return np.divide(near @ (seen * cells), count, out=np.full_like(lead, np.nan), where=count > 0)


def _squared_distances(first: Array, second: Array) -> Array:
    """Squared distances of cells, (v, d) x (u, d) -> (v, u): by a matrix product, which is the quick way."""
    lengths = np.square(first).sum(axis=1)[:, None] + np.square(second).sum(axis=1)
    return np.asarray(lengths - 2.0 * first @ second.T)


def _borrow(steps: Array, lead: Array, rows: NDArray[np.intp], reach: float) -> None:
    """Give leads that met none of their kind the mean step of the nearest of their own sample that did, if in reach.

    What a population has more of in one sample than in another meets other populations at its points.
    """
    unknown = rows[~np.isfinite(steps[rows]).any(axis=1)]
    known = rows[np.isfinite(steps[rows]).any(axis=1)]
    if not len(unknown) or not len(known):
        return
    known = known[:: max(1, len(known) // _LENDERS)]
    for start in range(0, len(unknown), _COMPARED):
        some = unknown[start : start + _COMPARED]
        distance = _squared_distances(lead[some], lead[known])
        nearest = np.argpartition(distance, min(_LENT, len(known)) - 1, axis=1)[:, :_LENT]
        near = np.take_along_axis(distance, nearest, axis=1) < reach**2  # (v, lent)
        lent = np.where(near[:, :, None], steps[known[nearest]], np.nan)  # (v, lent, d)
        count = np.isfinite(lent).sum(axis=1)
        steps[some] = np.divide(np.nansum(lent, axis=1), count, out=np.full_like(steps[some], np.nan), where=count > 0)


def _at_each_point(points: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    order = np.argsort(points, kind="stable")
    starts = np.flatnonzero(np.diff(points[order], prepend=-1))
    yield from np.split(order, starts[1:])


def _populations(
    embedding: LOTEmbedding, names: Sequence[str], cells: Sequence[NDArray[np.intp]], leads: NDArray[np.intp]
) -> NDArray | None:
    """Return the population of the lead of each tuple, (N,), or None where one is unknown."""
    known = [embedding.populations(name) for name in names]
    found = np.empty(len(leads), dtype=object)
    for k, (labels, chosen) in enumerate(zip(known, cells, strict=True)):
        if labels is None:
            return None
        found[leads == k] = labels[chosen[leads == k]]
    return found
