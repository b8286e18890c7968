"""Maps of the wells of a drug study: of each population with itself where the cohort names them, else of whole clouds.

Where whole clouds are coupled, a well with more cells of one population sends the surplus to others, and which way the
surplus goes depends on where the drugs have moved everything: vectors of drugs that add up exactly then do not. A
population that only moves is coupled as before, so that coupled by itself it adds up exactly.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from lotviz.analysis.abundance import nearest_points
from lotviz.analysis.interaction_design import Study
from lotviz.analysis.regions import Regions
from lotviz.transport.coupling import Coupling, solve
from lotviz.transport.progress import Progress, part_of, report, stop_if

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

MOST_POPULATIONS = 100  # more are taken for something else, such as an identifier of cells
_SMALLEST_PART = 0.02  # of the mass of a reference point: what a population holds less of is left to the others


@dataclass(frozen=True, eq=False)
class WellMaps:
    """The maps of the n wells of a study, on p parts of the reference.

    A part is what one population holds of one reference point. Its masses are the same in every well, so that wells
    are compared as if they had the same composition. Where whole clouds are coupled, the parts are the points.

    Attributes
    ----------
    maps
        Where the cells coupled with each part lie in each well, shape (n, p, d), scaled.
    masses
        Of the parts, shape (p,), sum to 1; those of a point sum to its mass.
    points
        The reference point of each part, shape (p,).
    groups
        Which of `names` each part is of, shape (p,).
    names
        What was coupled with itself: populations, or several taken together because a well lacks one of them. Empty
        where whole clouds were coupled.
    group_of
        Place in `names` of every population.
    counts
        Cells of each well in each population, shape (n, populations), in the order of `group_of`.
    """

    maps: NDArray[np.float64]
    masses: NDArray[np.float64]
    points: NDArray[np.intp]
    groups: NDArray[np.intp]
    names: tuple[str, ...]
    group_of: dict[str, int]
    counts: NDArray[np.int64]

    @property
    def populations(self) -> tuple[str, ...]:
        """Every population of the wells, as the cohort names it."""
        return tuple(self.group_of)

    @property
    def shares(self) -> NDArray[np.float64]:
        """Share of the cells of each well in each population, (n, populations)."""
        return np.asarray(self.counts / self.counts.sum(axis=1, keepdims=True))

    @property
    def taken_together(self) -> tuple[str, ...]:
        """Populations that are not coupled by themselves."""
        groups = list(self.group_of.values())
        return tuple(name for name, group in self.group_of.items() if groups.count(group) > 1)

    def by_point(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean over the parts of each reference point by mass, shape (..., p, d) -> (..., m, d)."""
        m = int(self.points.max()) + 1
        weights = np.zeros((m, len(self.points)))
        weights[self.points, np.arange(len(self.points))] = self.masses
        weights /= weights.sum(axis=1, keepdims=True)
        return np.asarray(np.einsum("mp,...pd->...md", weights, values))

    def regions(self, regions: Regions) -> Regions:
        """Return the regions with the parts of the reference in place of its points."""
        return replace(regions, labels=regions.labels[self.points], points=regions.points[self.points])

    def group_of_cells(self, labels: NDArray[Any]) -> NDArray[np.intp]:
        """Return the place in `names` of the population of each cell, shape (n,)."""
        names, places = coded(labels)
        return np.array([self.group_of[str(name)] for name in names], dtype=np.intp)[places]


def maps_of_wells(
    embedding: LOTEmbedding,
    study: Study,
    *,
    whole_clouds: bool = False,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> WellMaps:
    """Couple every population of every well with its own part of the reference; whole clouds where none are named.

    Parameters
    ----------
    embedding
        Gives the reference and the cells; its own maps where whole clouds are coupled.
    study
        The wells.
    whole_clouds
        Couple whole clouds even where populations are named.
    progress, cancel
        As everywhere; two steps a well.

    Raises
    ------
    Cancelled
        `cancel` was set.
    """
    n = len(study.samples)
    told = None if whole_clouds else _populations(embedding, study, part_of(progress, 0, 2 * n), cancel)
    if told is None or not 1 < len(told[0]) <= MOST_POPULATIONS:
        return _whole(embedding, study)
    names, codes = told
    counts = np.stack([np.bincount(found, minlength=len(names)) for found in codes])
    groups = _groups(counts)
    shared = _shared_points(embedding, study, [groups[found] for found in codes])  # (m, groups)
    of, points = np.nonzero(shared.T)
    masses = shared[points, of]
    maps = np.empty((n, len(points), embedding.maps.shape[2]))
    for number, sample in enumerate(study.samples):
        report(progress, n + number, 2 * n, f"Coupling the populations of {sample}")
        inside = groups[codes[number]]
        cells = embedding.scaled_cells(sample)
        for group in range(int(groups.max()) + 1):
            own = of == group
            found = _coupled(embedding, points[own], masses[own], cells[inside == group], cancel)
            maps[number, own] = found.maps
    called = [" + ".join(names[groups == group].tolist()) for group in range(int(groups.max()) + 1)]
    group_of = {str(name): int(group) for name, group in zip(names, groups, strict=True)}
    return WellMaps(maps, masses, points, of, tuple(called), group_of, counts)


def couplings_within(
    embedding: LOTEmbedding, maps: WellMaps, sample: str
) -> list[tuple[NDArray[np.intp], NDArray[np.intp], sparse.csr_array]]:
    """Couple the populations of one well anew: of each its parts, its cells, and the plan between them, sum 1."""
    labels = embedding.populations(sample)
    if not maps.names or labels is None:
        return [(np.arange(len(maps.points)), np.arange(embedding.plan(sample).shape[1]), embedding.plan(sample))]
    inside, cells = maps.group_of_cells(labels), embedding.scaled_cells(sample)
    found = []
    for group in range(len(maps.names)):
        parts, own = np.flatnonzero(maps.groups == group), np.flatnonzero(inside == group)
        coupling = _coupled(embedding, maps.points[parts], maps.masses[parts], cells[own], None)
        found.append((parts, own, sparse.csr_array(coupling.plan)))
    return found


def _coupled(
    embedding: LOTEmbedding,
    points: NDArray[np.intp],
    masses: NDArray[np.float64],
    cells: NDArray[np.float64],
    cancel: threading.Event | None,
) -> Coupling:
    stop_if(cancel)
    return solve(embedding.reference.points[points], cells, masses / masses.sum(), cancel=cancel)


def _populations(
    embedding: LOTEmbedding, study: Study, progress: Progress | None, cancel: threading.Event | None
) -> tuple[NDArray[np.str_], list[NDArray[np.intp]]] | None:
    """Names of all populations, sorted, and the place among them of each cell of each well; None where one has none."""
    found = []
    for number, sample in enumerate(study.samples):
        stop_if(cancel)
        report(progress, number, len(study.samples), f"Reading the populations of {sample}")
        labels = embedding.populations(sample)
        if labels is None:
            return None
        found.append(coded(labels))
    names = np.unique(np.concatenate([own for own, _ in found]))
    return names, [np.searchsorted(names, own)[codes] for own, codes in found]


def coded(labels: NDArray[Any]) -> tuple[NDArray[np.str_], NDArray[np.intp]]:
    """Different labels as text, and the place among them of each; texts of millions of cells would fill the memory.

    Examples
    --------
    >>> names, places = coded(np.array(["T", "B", "T"], dtype=object))
    >>> names.tolist(), places.tolist()
    (['T', 'B'], [0, 1, 0])
    """
    places, different = pd.factorize(np.asarray(labels), use_na_sentinel=False)
    return np.array([str(name) for name in different], dtype=str), np.asarray(places, dtype=np.intp)


def _whole(embedding: LOTEmbedding, study: Study) -> WellMaps:
    maps = np.asarray(embedding.maps[study.rows], dtype=np.float64)
    every = np.arange(maps.shape[1])
    masses = np.asarray(embedding.masses, dtype=np.float64)
    nothing = np.zeros((len(study.samples), 0), dtype=np.int64)
    return WellMaps(maps, masses, every, np.zeros_like(every), (), {}, nothing)


def _groups(counts: NDArray[np.int64]) -> NDArray[np.intp]:
    """Group of each population, (populations,): its own, or that of those some well lacks, with the rarest others.

    Examples
    --------
    >>> _groups(np.array([[50, 0, 9, 3], [50, 2, 9, 0]])).tolist()
    [0, 2, 1, 2]
    >>> _groups(np.array([[50, 0, 9], [50, 2, 9]])).tolist()
    [0, 1, 1]
    """
    fewest = counts.min(axis=0)
    lacking = fewest == 0
    for population in np.lexsort((counts.sum(axis=0), fewest)):
        if not lacking.any() or counts[:, lacking].sum(axis=1).all():
            break
        lacking[population] = True
    groups = np.full(counts.shape[1], int((~lacking).sum()), dtype=np.intp)
    groups[~lacking] = np.arange(int((~lacking).sum()))
    return groups


def _shared_points(embedding: LOTEmbedding, study: Study, inside: list[NDArray[np.intp]]) -> NDArray[np.float64]:
    """Mass of each reference point that each group holds, (m, groups): by the cells nearest to it, wells alike."""
    points = embedding.reference.points
    masses = np.asarray(embedding.masses, dtype=np.float64)
    count = max(int(groups.max()) for groups in inside) + 1
    near = np.zeros((len(points), count))
    for sample, groups in zip(study.samples, inside, strict=True):
        nearest = nearest_points(embedding.scaled_cells(sample), points)
        np.add.at(near, (nearest, groups), 1.0 / len(groups))
    alone = near.sum(axis=1) == 0
    if alone.any():  # no cell of these wells is near: then by those that are coupled with it
        for sample, groups in zip(study.samples, inside, strict=True):
            near[alone] += (sparse.csr_array(embedding.plan(sample)) @ np.eye(count)[groups])[alone]
    shares = near / near.sum(axis=1, keepdims=True)
    # every group keeps the point it holds most of, every point its largest part
    small = (shares < _SMALLEST_PART) & (near < near.max(axis=0)) & (shares < shares.max(axis=1, keepdims=True))
    shares[small] = 0.0
    return np.asarray(masses[:, None] * shares / shares.sum(axis=1, keepdims=True))
