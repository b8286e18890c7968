"""Groups of samples in the place of samples: each synthetic cell is made of one cell of each group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

from lotviz.data.choices import require_at_least
from lotviz.data.problems import listed
from lotviz.transport.draws import draw_glued
from lotviz.transport.interpolation import checked_draw, checked_weights, refusal
from lotviz.transport.synthetic import SyntheticSample, origin_of

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

Places = tuple[NDArray[np.intp], NDArray[np.intp]]  # which sample of its group a cell is of, and which cell of it


def draw_tuples(
    embedding: LOTEmbedding, groups: Sequence[Sequence[str]], count: int, *, seed: int, alike: bool = True
) -> list[Places]:
    """Draw tuples of glued cells of equal mass, one cell of each group, of a member taken at random.

    Parameters
    ----------
    embedding
        Holds the samples.
    groups
        Names of the members of each group; a sample by itself is a group of one.
    count
        How many tuples.
    seed
        Chooses members and cells.
    alike
        Cells that deviate alike from the mean of their reference point go together, so that the spread is kept;
        otherwise they are paired at random.

    Returns
    -------
        For each group which of its members each cell is of, (count,), and which of its used cells, (count,). Every
        member gives as many cells, to one or two.
    """
    plans = [(f"{position} {' '.join(names)}", pooled_plan(embedding, names)) for position, names in enumerate(groups)]
    clouds = [_pooled_cells(embedding, names) for names in groups] if alike and len(groups) > 1 else None
    found = draw_glued(plans, count, seed=seed, clouds=clouds).cells
    return [_places(embedding, names, cells) for names, cells in zip(groups, found, strict=True)]


def pooled_plan(embedding: LOTEmbedding, names: Sequence[str]) -> csr_array:
    """Return the plan of the used cells of all samples in one row, each sample with the same share of the mass."""
    plans = [embedding.plan(name) for name in names]
    return csr_array(hstack(plans, format="csr") / len(plans)) if len(plans) > 1 else plans[0]


def mix_groups(
    embedding: LOTEmbedding,
    groups: Mapping[str, Sequence[str]],
    weights: Mapping[str, float],
    *,
    n_cells: int,
    seed: int = 0,
) -> SyntheticSample:
    """Mix groups of samples cell by cell.

    Each synthetic cell is the weighted mean of one cell of every group, glued together at a reference point; of a group
    it is a cell of a member taken at random, each member as often. At a weight of one the cells are measured ones,
    those of the members pooled. `LOTEmbedding.interpolate` with a weight for every member mixes a cell of *every*
    member instead: that is the average patient of the group, and narrower than any of them.

    Parameters
    ----------
    embedding
        Holds the samples.
    groups
        Names of the members of each group.
    weights
        Weight of each group, from 0 to 1, summing to one.
    n_cells
        How many cells.
    seed
        Chooses members and cells.

    Returns
    -------
        The synthetic sample. Its weights are shared out over the members; its details name the groups.

    Raises
    ------
    CohortError
        Weights that are not convex or of a group that is not named, a group without members, an unknown sample, or a
        number of cells that is not positive.
    ValueError
        A number of cells that is not whole, or a seed that is none.
    """
    unknown = [str(name) for name in weights if name not in groups]
    if unknown:
        raise refusal(f"Expected weights of the groups, found {unknown[0]}.", f"The groups are {listed(groups, 20)}.")
    given = checked_weights(weights, list(groups))
    checked_draw(n_cells, seed)
    require_at_least(1, n_cells=n_cells)
    words = [name for name in given if isinstance(groups[name], str)]
    if words:
        raise refusal(f"Expected the members of {words[0]} in a list, found {groups[words[0]]!r}.", "Give a list.")
    empty = [name for name in given if not groups[name]]
    if empty:
        raise refusal(f"Expected members of every group, found none of {empty[0]}.", "Leave it out.")
    # the anchor comes first: the largest weight
    names = sorted((name for name in given if given[name] > 0), key=lambda name: -given[name])
    drawn = draw_tuples(embedding, [groups[name] for name in names], n_cells, seed=seed)
    cells, by_member = np.zeros((n_cells, len(embedding.markers))), dict[str, float]()
    origins: dict[str, list[NDArray[np.intp]]] = {}
    populations: NDArray[Any] | None = None
    for name, (sample, cell) in zip(names, drawn, strict=True):
        for position, member in enumerate(groups[name]):
            rows = np.flatnonzero(sample == position)
            cells[rows] += given[name] * embedding.cells(member)[cell[rows]]
            by_member[member] = by_member.get(member, 0.0) + given[name] / len(groups[name])
            origins.setdefault(member, []).append(cell[rows])
            if name == names[0]:
                populations = _named(populations, embedding.populations(member), rows, cell[rows], n_cells=n_cells)
    intended = sum(weight * embedding.maps[embedding.index(member)] for member, weight in by_member.items())
    return SyntheticSample(
        cells=cells.astype(np.float32),
        masses=np.full(n_cells, 1.0 / n_cells),
        origins={member: np.concatenate(found) for member, found in origins.items()},
        weights=by_member,
        seed=seed,
        populations=populations,
        method="glued cells of groups mixed in straight lines, of each group a cell of a member taken at random",
        details={
            "groups": {name: list(groups[name]) for name in names},
            "group_weights": {name: given[name] for name in names},
        },
        intended=np.asarray(intended),
        **origin_of(embedding, by_member),
    )


def _pooled_cells(embedding: LOTEmbedding, names: Sequence[str]) -> NDArray[np.float32]:
    clouds = [embedding.scaling.apply(embedding.cells(name)).astype(np.float32) for name in names]
    return clouds[0] if len(clouds) == 1 else np.concatenate(clouds)


def _places(embedding: LOTEmbedding, names: Sequence[str], cells: NDArray[np.intp]) -> Places:
    """Tell cells that are counted through all samples of a group apart."""
    starts = np.cumsum([0, *(int(embedding.n_cells_used[embedding.index(name)]) for name in names)])
    sample = np.searchsorted(starts, cells, side="right") - 1
    return sample, cells - starts[sample]


def _named(
    before: NDArray[Any] | None,
    known: NDArray[Any] | None,
    rows: NDArray[np.intp],
    cells: NDArray[np.intp],
    *,
    n_cells: int,
) -> NDArray[Any] | None:
    """Put the populations of the cells of one member in their places."""
    if known is None:
        return None
    found = np.full(n_cells, None, dtype=object) if before is None else before
    found[rows] = known[cells]
    return found
