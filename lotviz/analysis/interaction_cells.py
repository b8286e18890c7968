"""Cells of A+B: how far each measured one departs from what A and B add up to, and those that additivity predicts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from lotviz.analysis.interaction_maps import couplings_within
from lotviz.analysis.interaction_result import Interaction
from lotviz.data.choices import require_range
from lotviz.data.problems import CohortError, Problem, did_you_mean, listed
from lotviz.transport.arithmetic import cell_displacement, moved
from lotviz.transport.synthetic import SyntheticSample

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

_NOTHING = 1e-12  # of a weight
_ROUND_OFF = 1e-9


def departures(
    embedding: LOTEmbedding, found: Interaction, sample: str, *, marker: str | None = None
) -> NDArray[np.float64]:
    """Departure of each cell of an A+B sample from the additive prediction of its own block.

    With ``P`` the map ``A + B - control`` of the block and ``G`` the coupling of the sample, the departure of cell j
    is ``sum_i (G_ij / b_j) <u_i, y_j - P_i>``. For a marker, ``u`` reads that marker. Otherwise ``u`` is the
    interaction of all other lines (of all other replicates where there is one line), at length 1: the direction was
    then not learnt from the cells it is applied to.

    Parameters
    ----------
    embedding
        The embedding the interaction was measured in.
    found
        Of `lotviz.interaction`.
    sample
        An A+B sample of the study.
    marker
        Read this marker; default the direction of the interaction.

    Returns
    -------
    Shape (n,), marker units, or scaled units along the direction. Positive: higher than predicted, or further in the
    direction of the interaction. The departure of the sample, that of its map from P read the same way, is the mean of
    all cells where whole clouds were coupled, and exactly; where populations were, it is the sum over what was coupled
    of the mean of its cells times its share of the reference (`WellMaps.masses`).

    Raises
    ------
    CohortError
        The sample is no A+B sample of the study, or the marker is unknown.
    """
    study = found.study
    block = study.block_of(sample)
    if block is None:
        known = [name for name, kind in zip(study.samples, study.kinds, strict=True) if kind == 3]
        what = f"Expected a sample under {found.both}, found {sample}."
        fix = did_you_mean(sample, known) or f"These are {listed(known)}."
        raise CohortError(Problem("interaction", what, fix))
    predicted = np.tensordot(study.predicted[block], found.maps.maps, axes=1)
    towards = _direction(found, block) if marker is None else _reader(embedding, found, marker)
    cells = embedding.scaled_cells(sample)
    departed = np.empty(len(cells))
    for parts, own, plan in couplings_within(embedding, found.maps, sample):
        departed[own] = _projected(plan, cells[own], towards[parts], predicted[parts])
    return departed


def predicted_cells(
    embedding: LOTEmbedding, found: Interaction, block: int, *, n_cells: int | None = None, seed: int = 0
) -> SyntheticSample:
    """Return cells as additivity predicts them under A+B in one block: those of one drug, moved by what the other does.

    Parameters
    ----------
    embedding
        The embedding the interaction was measured in.
    found
        Of `lotviz.interaction`. Where populations were coupled with themselves, each cell moves as its population
        does; otherwise this is ``embedding.combine`` of A + B - control.
    block
        Position among `found.study.names`.
    n_cells
        How many cells; default every used cell of the moved sample.
    seed
        Written into the recipe.

    Returns
    -------
    Synthetic cells, in transformed marker units. How many there are of each population is that of the moved sample.

    Raises
    ------
    CohortError
        `n_cells` is not positive.
    ValueError
        There is no such block.
    """
    study, maps = found.study, found.maps
    require_range("block", block, 0, len(study.names) - 1)
    weights = dict(zip(study.samples, study.predicted[block].tolist(), strict=True))
    given = {name: weight for name, weight in weights.items() if abs(weight) > _NOTHING}
    if not maps.names:
        return embedding.combine(given, n_cells, seed)
    anchor = min(given, key=lambda name: (-given[name], embedding.index(name)))
    predicted = np.tensordot(study.predicted[block], maps.maps, axes=1)
    displacement = predicted - maps.maps[study.samples.index(anchor)]
    steps = np.zeros((embedding.n_cells[embedding.index(anchor)], displacement.shape[1]))
    for parts, own, plan in couplings_within(embedding, maps, anchor):
        steps[own] = cell_displacement(plan, displacement[parts])
    still = moved(
        embedding,
        anchor,
        np.zeros(embedding.maps.shape[1:]),
        n_cells=n_cells,
        seed=seed,
        weights=given,
        method=f"cells of {anchor} moved as the maps of their populations are combined",
    )
    step = steps[still.origins[anchor]] * np.asarray(embedding.scaling.scale)
    return replace(still, cells=(still.cells.astype(np.float64) + step).astype(np.float32), intended=None)


def _reader(embedding: LOTEmbedding, found: Interaction, marker: str) -> NDArray[np.float64]:
    """Direction (parts, d) that reads one marker in its own units."""
    if marker not in embedding.markers:
        fix = did_you_mean(marker, embedding.markers) or f"The markers are {listed(embedding.markers, 40)}."
        raise CohortError(Problem("interaction", f"Expected a marker of the embedding, found {marker}.", fix))
    column = embedding.markers.index(marker)
    towards = np.zeros(found.maps.maps.shape[1:])
    towards[:, column] = np.asarray(embedding.scaling.scale)[column]
    return towards


def _direction(found: Interaction, block: int) -> NDArray[np.float64]:
    """Mean interaction (parts, d) of the other units, of length 1 in the embedding."""
    study = found.study
    own = study.line_of == study.line_of[block] if len(study.lines) > 1 else np.arange(len(study.names)) == block
    mean = np.tensordot(study.excess[~own].mean(axis=0), found.maps.maps, axes=1)
    length = float(np.sqrt(found.maps.masses @ np.square(mean).sum(axis=1)))
    size = float(np.sqrt(found.maps.masses @ np.square(found.maps.maps).sum(axis=2).mean(axis=0)))
    # between wells that are all alike there is no direction but that of rounding
    return np.asarray(mean / length) if length > _ROUND_OFF * size else np.zeros_like(mean)


def _projected(
    plan: sparse.csr_array,
    cells: NDArray[np.float64],
    towards: NDArray[np.float64],
    predicted: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Departure of each cell, (n,); point by point, so that no array of cells and points is made."""
    found = np.zeros(len(cells))
    for point in range(len(towards)):
        chosen = slice(plan.indptr[point], plan.indptr[point + 1])
        moved = plan.indices[chosen]
        found[moved] += plan.data[chosen] * (cells[moved] @ towards[point] - predicted[point] @ towards[point])
    return found * len(cells)
