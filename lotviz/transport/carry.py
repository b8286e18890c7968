"""A change that was measured in other samples, carried over to one: A + B - C in which every cell is a measured one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lotviz.transport.interpolation import checked_draw, checked_weights, refusal
from lotviz.transport.synthetic import SyntheticSample, origin_of

if TYPE_CHECKING:
    from lotviz.transport.embedding import LOTEmbedding

_KINDS = 32
_SORTED = 20_000  # cells of the samples before, that the kinds are made of
_FLOOR = 0.002  # share of cells added to that of every kind

Array = NDArray[np.float64]


def carried_over(
    embedding: LOTEmbedding,
    sample: str,
    *,
    before: Mapping[str, float],
    after: Mapping[str, float],
    n_cells: int | None = None,
    seed: int = 0,
    kinds: int = _KINDS,
) -> SyntheticSample:
    """Predict a sample after a change, from itself before it and from others before and after: A + B - C by kinds.

    Cells of the samples after are drawn as they are, each as often as its kind is more frequent in the sample than in
    those before. So markers are as after the change, the numbers of cells as in the sample, and no value is one that
    was never measured: moving every cell by what the maps say makes such values wherever a marker is hardly expressed.

    Parameters
    ----------
    embedding
        The embedding.
    sample
        A: the sample before the change.
    before, after
        C and B: convex weights of other samples before and after it; see `group_weights`.
    n_cells
        How many cells; None makes as many as the sample has.
    seed
        Chooses cells and kinds.
    kinds
        How many kinds of cells are told apart: clusters of the cells before.

    Returns
    -------
        The synthetic sample; its weights are those of A + B - C. It is not meant to have the maps A + B - C.

    Raises
    ------
    CohortError
        Weights are not convex or name an unknown sample, `n_cells` or `kinds` is not positive, or `sample` is among
        those after.

    Notes
    -----
    Cell j of a sample after is of the kind of the reference points it is glued to, where the mean of the samples before
    has them: sum_i G_ij / b_j r(kind of T_i), with r the ratio of the shares of a kind in the sample and before.
    """
    known = list(embedding.samples.index)
    row = embedding.index(sample)
    first, last = checked_weights(before, known), checked_weights(after, known)
    checked_draw(n_cells, seed)
    if sample in last:
        raise refusal(f"Expected other samples after the change, found {sample}.", "Leave the sample out of them.")
    if kinds < 1:
        raise refusal(f"Expected at least 1 kind, found {kinds}.", "Ask for more kinds.")
    ratios = _ratios(embedding, sample, first, kinds=kinds, seed=seed)  # (m,)
    names = [name for name in last if last[name] > 0]
    masses, places = [], []
    for name in names:
        plan = embedding.plan(name)
        mass = np.asarray(plan.T @ ratios)
        masses.append(last[name] * mass)
        places.append(np.arange(len(mass)))
    count = int(embedding.n_cells_used[row]) if n_cells is None else n_cells
    drawn = _drawn(np.concatenate(masses), count, np.random.default_rng([seed, 9]))
    owners = np.repeat(np.arange(len(names)), [len(one) for one in places])[drawn]
    positions = np.concatenate(places)[drawn]
    weights = _signed(sample, first, last)
    return SyntheticSample(
        cells=_gathered([embedding.cells(name) for name in names], owners, positions),
        masses=np.full(count, 1.0 / count),
        origins={name: positions[owners == k] for k, name in enumerate(names)},
        weights=weights,
        seed=seed,
        populations=_populations(embedding, names, owners, positions),
        method=f"measured cells after a change, in the numbers of {sample}",
        details={"sample": sample, "before": first, "after": last, "kinds": kinds},
        **origin_of(embedding, weights),
    )


def _ratios(embedding: LOTEmbedding, sample: str, before: Mapping[str, float], *, kinds: int, seed: int) -> Array:
    """Share of the kind of each reference point in the sample over that in the samples before, (m,)."""
    from sklearn.cluster import KMeans  # costs 1 s to import

    names = [name for name in before if before[name] > 0]
    clouds = [embedding.scaled_cells(name) for name in names]
    rng = np.random.default_rng([seed, 8])
    counts = [max(1, round(before[name] * _SORTED)) for name in names]
    some = np.concatenate(
        [cloud[np.sort(rng.permutation(len(cloud))[:count])] for cloud, count in zip(clouds, counts, strict=True)]
    )
    distinct = len(np.unique(some, axis=0))
    sorter = KMeans(min(kinds, distinct), n_init=3, random_state=seed).fit(some)
    size = sorter.n_clusters

    def shares(cloud: Array) -> Array:
        return np.bincount(sorter.predict(cloud), minlength=size) / len(cloud)

    own = shares(embedding.scaled_cells(sample))
    theirs = sum(before[name] * shares(cloud) for name, cloud in zip(names, clouds, strict=True))
    maps = sum(before[name] * embedding.maps[embedding.index(name)] for name in names)
    return np.asarray((own + _FLOOR) / (np.asarray(theirs) + _FLOOR))[sorter.predict(np.asarray(maps))]


def _drawn(masses: Array, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Draw cells in proportion to their masses at equally spaced positions, (count,)."""
    ends = np.cumsum(masses)
    places = (np.arange(count) + rng.random()) / count * ends[-1]
    return np.minimum(np.searchsorted(ends, places, side="right"), len(masses) - 1)


def _gathered(
    clouds: list[NDArray[np.float32]], owners: NDArray[np.intp], positions: NDArray[np.intp]
) -> NDArray[np.float32]:
    cells = np.empty((len(owners), clouds[0].shape[1]), dtype=np.float32)
    for k, cloud in enumerate(clouds):
        cells[owners == k] = cloud[positions[owners == k]]
    return cells


def _populations(
    embedding: LOTEmbedding, names: list[str], owners: NDArray[np.intp], positions: NDArray[np.intp]
) -> NDArray[np.object_] | None:
    found = np.empty(len(owners), dtype=object)
    for k, name in enumerate(names):
        known = embedding.populations(name)
        if known is None:
            return None
        found[owners == k] = known[positions[owners == k]]
    return found


def _signed(sample: str, before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    found = {sample: 1.0}
    for sign, weights in ((1.0, after), (-1.0, before)):
        for name, weight in weights.items():
            found[name] = found.get(name, 0.0) + sign * weight
    return found
