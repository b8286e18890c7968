"""Is the nearest other sample of the same class, or of a number like its own? Beside what chance would give."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lotviz.analysis.labels import label_texts
from lotviz.data.choices import require_at_least, require_seed


@dataclass(frozen=True, eq=False)
class Agreement:
    """Agreement of samples with their nearest neighbours.

    Attributes
    ----------
    agreement
        Mean share of the k nearest neighbours that have the sample's own class, between 0 and 1.
    chance
        The same for labels dealt at random.
    p
        Share of random deals, the true one included, that agree at least as well.
    same, count
        Samples whose single nearest neighbour has their class, and samples that could be judged.
    expected
        What `same` would be by chance.
    nearest
        Row of the nearest neighbour of each sample, shape (N,); -1 where there is none.
    share
        Share of the k nearest with the sample's class, shape (N,); NaN for samples without a label or neighbour.
    """

    agreement: float
    chance: float
    p: float
    same: int
    count: int
    expected: float
    nearest: NDArray[np.intp]
    share: NDArray[np.float64]


def label_agreement(
    distances: NDArray[np.float64],
    labels: Sequence[Hashable] | pd.Series,
    groups: Sequence[Hashable] | pd.Series | None = None,
    *,
    k: int = 1,
    permutations: int = 999,
    seed: int = 0,
) -> Agreement:
    """Compare each sample with its k nearest neighbours.

    Parameters
    ----------
    distances
        Shape (N, N).
    labels
        Class of each sample; samples without one are left out.
    groups
        Neighbours of the same group do not count: a patient is no witness for himself.
    k
        Number of neighbours.
    permutations
        Random deals of the labels (whole groups where a group has one label) for `chance` and `p`.
    seed
        Of the random deals.
    """
    require_at_least(1, k=k, permutations=permutations)
    require_seed(seed)
    texts = label_texts(labels)
    units = units_of(groups, len(texts))
    known = texts != ""
    allowed = known[:, None] & known[None, :] & (units[:, None] != units[None, :])
    far = np.where(allowed, distances, np.inf)
    order = np.argsort(far, axis=1, kind="stable")[:, :k]
    reached = np.isfinite(np.take_along_axis(far, order, axis=1))
    judged = reached.any(axis=1)
    codes = np.asarray(pd.factorize(pd.Series(texts))[0])
    share = _shares(codes, order, reached)
    agreement = float(share[judged].mean()) if judged.any() else 0.0
    rng = np.random.default_rng(seed)
    deals = [deal_labels(codes, units, known, rng=rng) for _ in range(permutations if judged.any() else 0)]
    random = np.array([_shares(deal, order, reached)[judged].mean() for deal in deals])
    nearest_random = np.array([np.mean((deal[order[:, 0]] == deal)[judged]) for deal in deals])
    return Agreement(
        agreement=agreement,
        chance=float(random.mean()) if len(random) else 0.0,
        p=float((np.sum(random >= agreement - 1e-12) + 1) / (len(random) + 1)),
        same=int(np.sum((codes[order[:, 0]] == codes) & judged)),
        count=int(judged.sum()),
        expected=float(judged.sum() * nearest_random.mean()) if len(random) else 0.0,
        nearest=np.where(judged, order[:, 0], -1),
        share=share,
    )


@dataclass(frozen=True)
class Closeness:
    """How near the number of a sample is to that of its nearest neighbour.

    Attributes
    ----------
    apart
        Mean difference of the two ranks, among the samples that could be judged; ties share their mean rank.
    by_chance
        The same for numbers dealt at random.
    p
        Share of random deals, the true one included, that are at least as near.
    count
        Samples that could be judged.
    """

    apart: float
    by_chance: float
    p: float
    count: int


def value_closeness(
    distances: NDArray[np.float64],
    values: Sequence[float | None] | pd.Series,
    groups: Sequence[Hashable] | pd.Series | None = None,
    *,
    permutations: int = 999,
    seed: int = 0,
) -> Closeness:
    """Compare the number of each sample, such as its dose or age, with that of its nearest neighbour.

    Parameters are those of `label_agreement`, with a number for each sample; samples without one are left out.

    Examples
    --------
    >>> line = np.abs(np.subtract.outer(np.arange(9.0), np.arange(9.0)))
    >>> value_closeness(line, np.arange(9) ** 2).apart
    1.0
    """
    numbers = pd.to_numeric(pd.Series(list(values)), errors="coerce")
    units = units_of(groups, len(numbers))
    known = numbers.notna().to_numpy()
    allowed = known[:, None] & known[None, :] & (units[:, None] != units[None, :])
    far = np.where(allowed, distances, np.inf)
    nearest = np.argmin(far, axis=1)
    judged = np.isfinite(far.min(axis=1))
    codes, levels = pd.factorize(numbers, sort=True)
    ranks = pd.Series(numbers.rank().to_numpy()).groupby(codes).first().reindex(range(len(levels))).to_numpy()
    codes = np.asarray(codes, dtype=np.intp)

    def apart(dealt: NDArray[np.intp]) -> float:
        return float(np.abs(ranks[dealt[judged]] - ranks[dealt[nearest[judged]]]).mean())

    if not judged.any():
        return Closeness(0.0, 0.0, 1.0, 0)
    rng, found = np.random.default_rng(seed), apart(codes)
    random = np.array([apart(deal_labels(codes, units, known, rng=rng)) for _ in range(permutations)])
    p = float((np.sum(random <= found + 1e-12) + 1) / (permutations + 1))
    return Closeness(found, float(random.mean()) if permutations else 0.0, p, int(judged.sum()))


def _shares(codes: NDArray[np.intp], order: NDArray[np.intp], reached: NDArray[np.bool_]) -> NDArray[np.float64]:
    agree = (codes[order] == codes[:, None]) & reached
    total = reached.sum(axis=1).astype(np.float64)
    return np.divide(agree.sum(axis=1), total, out=np.full(len(codes), np.nan), where=total > 0)


def units_of(groups: Sequence[Hashable] | pd.Series | None, count: int) -> NDArray[np.intp]:
    """Give the groups of `count` samples numbers, (N,); a sample of an unknown group stands for itself."""
    if groups is None:
        return np.arange(count)
    texts = pd.Series(label_texts(groups))
    units = np.asarray(pd.factorize(texts.where(texts != ""))[0])
    return np.where(units < 0, count + np.arange(count), units)


def deal_labels(
    codes: NDArray[np.intp], units: NDArray[np.intp], known: NDArray[np.bool_], *, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Exchange labels between groups that carry one label each, and within groups that carry several, (N,).

    Parameters
    ----------
    codes, units, known
        Number of the label and of the group of each sample, and whether it takes part, (N,).
    rng
        Deals.
    """
    dealt = codes.copy()
    rows = np.flatnonzero(known)
    _, start, member = np.unique(units[rows], return_index=True, return_inverse=True)
    first = codes[rows][start]  # of each group
    several = np.bincount(member, weights=codes[rows] != first[member], minlength=len(start)) > 0
    shuffled = first.copy()
    shuffled[~several] = rng.permutation(first[~several])
    whole = ~several[member]
    dealt[rows[whole]] = shuffled[member[whole]]
    for group in np.flatnonzero(several):
        own = rows[member == group]
        dealt[own] = rng.permutation(codes[own])
    return dealt
