"""Folds that never split a group and spread the classes evenly; permutations that respect groups and batches."""

from __future__ import annotations

from math import lgamma

import numpy as np
from numpy.typing import NDArray


def grouped_folds(
    labels: NDArray[np.intp],
    groups: NDArray[np.intp],
    folds: int,
    *,
    rng: np.random.Generator,
    strata: NDArray[np.intp] | None = None,
) -> NDArray[np.intp]:
    """Assign every sample to a test fold, whole groups at a time.

    Groups are dealt in random order, the larger ones first. Each goes to the fold that holds least of its classes in
    its batches and, of several such, where it keeps the classes of each batch in proportion. Without that, a batch
    whose cases are tested trains on its controls: where batches differ much, everything in it is then called a control,
    and labels without meaning are named right far less often than by a coin.

    Parameters
    ----------
    labels
        Class of each sample as an integer from 0, shape (N,).
    groups
        Group of each sample as an integer from 0, shape (N,).
    folds
        Number of folds.
    rng
        Decides the order and the ties.
    strata
        Batch of each sample as an integer from 0, shape (N,); default one batch.

    Returns
    -------
    Fold of each sample, shape (N,).

    Notes
    -----
    The bias of counterbalanced designs is described by Snoek, Miletić and Scholte 2019.
    """
    counts = _group_counts(labels, groups, np.zeros_like(labels) if strata is None else strata)
    total = counts.sum(axis=0)
    everyone = total.sum(axis=0)
    room = np.ceil(everyone / folds)  # of each class in a fold
    wishes = _wishes(counts)
    filled = np.zeros((folds, *total.shape))
    chosen = np.zeros(len(counts), dtype=np.intp)
    shuffled = rng.permutation(len(counts))
    for group in shuffled[np.argsort(-counts[shuffled].sum(axis=(1, 2)), kind="stable")]:
        keys = (wishes[group] @ filled.reshape(folds, -1).T).round(12)  # (keys, folds)
        own = counts[group].sum(axis=0)
        after = filled.sum(axis=1) + own
        if len(total) > 1:
            keys[-1] += _FULL * (after > np.maximum(room, own)).any(axis=1)
        keys[-1] += _NOBODY_LEFT * ((after >= everyone) & (own > 0.0)).any(axis=1)
        best = np.lexsort(keys)[0]
        chosen[group] = best
        filled[best] += counts[group]
    return rng.permutation(folds)[chosen][groups]


def training_and_test(folds: NDArray[np.intp]) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Rows outside and inside of each fold, of those that leave both: few groups of a class may not fill them all.

    Examples
    --------
    >>> [(outside.tolist(), inside.tolist()) for outside, inside in training_and_test(np.array([2, 0, 2]))]
    [([0, 2], [1]), ([1], [0, 2])]
    """
    parts = [(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in np.unique(folds)]
    return [(outside, inside) for outside, inside in parts if len(outside)]


_FULL = 1e6  # beyond any crowd
_NOBODY_LEFT = 1e9  # of a class to learn from


def _group_counts(labels: NDArray[np.intp], groups: NDArray[np.intp], batches: NDArray[np.intp]) -> NDArray[np.float64]:
    """Count the samples of each group by batch and class, shape (groups, batches, classes)."""
    counts = np.zeros((groups.max() + 1, batches.max() + 1, labels.max() + 1))
    np.add.at(counts, (groups, batches, labels), 1.0)
    return counts


def _wishes(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weigh what speaks against a fold, for each group, by what the fold holds: (groups, keys, batches * classes).

    From the last to the first: samples of its classes in its batches; samples that leave the classes of its batches out
    of proportion (the derivative of the sum of squared deviations from it); samples of its classes; samples.
    """
    total = counts.sum(axis=0)
    proportion = total / np.maximum(total.sum(axis=1, keepdims=True), 1.0)
    crowd = counts / np.maximum(total, 1.0) ** 2
    excess = counts - proportion * counts.sum(axis=2, keepdims=True)
    skew = excess - (excess * proportion).sum(axis=2, keepdims=True)
    classes = np.broadcast_to((counts.sum(axis=1) / np.maximum(total.sum(axis=0), 1.0) ** 2)[:, None, :], counts.shape)
    return np.stack([np.ones_like(counts), classes, skew, crowd], axis=1).reshape(len(counts), 4, -1)


def possible_folds(labels: NDArray[np.intp], groups: NDArray[np.intp]) -> int:
    """Most folds that leave every class in training and test: the number of groups of the rarest class."""
    return min(len(np.unique(groups[labels == label])) for label in np.unique(labels))


def permuted(
    labels: NDArray[np.intp],
    groups: NDArray[np.intp],
    strata: NDArray[np.intp],
    *,
    rng: np.random.Generator,
    between: bool = False,
) -> NDArray[np.intp]:
    """Exchange the labels as the design allows it.

    Groups with one label exchange it with other such groups of their stratum (batch); groups with several labels,
    as in a paired design, exchange them among their own samples.

    A number that was measured in every sample of a patient differs within nearly all of them, and most of what it says
    lies between them: with `between`, groups of several values exchange all their values with a group of as many
    samples first.

    Parameters
    ----------
    labels, groups
        As in `grouped_folds`.
    strata
        Batch of each sample as an integer; exchanges stay within it.
    between
        Whether groups of several labels exchange them with each other too.
    """
    answer = labels.copy()
    whole = constant_groups(labels, groups)
    for stratum, members in group_strata(groups, strata).items():
        inside = [group for group in members if whole[group]]
        firsts = np.array([np.flatnonzero(groups == group)[0] for group in inside], dtype=np.intp)
        for group, label in zip(inside, rng.permutation(labels[firsts]), strict=True):
            answer[groups == group] = label
        several = sorted(set(members) - set(inside))
        if between:
            _exchange_between(answer, [_by_stratum(np.flatnonzero(groups == one), strata) for one in several], rng=rng)
        for group in several:
            for part in stratum:
                own = np.flatnonzero((groups == group) & (strata == part))
                answer[own] = rng.permutation(answer[own])
    return answer


def _by_stratum(rows: NDArray[np.intp], strata: NDArray[np.intp]) -> dict[int, NDArray[np.intp]]:
    return {int(part): rows[strata[rows] == part] for part in np.unique(strata[rows])}


def _exchange_between(
    labels: NDArray[np.intp], rows: list[dict[int, NDArray[np.intp]]], *, rng: np.random.Generator
) -> None:
    """Give each group, known by its rows in every stratum, the labels of one with as many samples in each; in place."""
    alike: dict[tuple[int, ...], list[NDArray[np.intp]]] = {}
    for own in rows:
        alike.setdefault(tuple(len(part) for part in own.values()), []).append(np.concatenate(list(own.values())))
    for members in alike.values():
        table = np.stack(members)  # (groups, samples)
        labels[table] = labels[table[rng.permutation(len(table))]]


def constant_groups(labels: NDArray[np.intp], groups: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Tell which groups carry one label only, shape (groups,)."""
    pairs = np.unique(np.stack([groups, labels]), axis=1)
    return np.bincount(pairs[0]) == 1


def group_strata(groups: NDArray[np.intp], strata: NDArray[np.intp]) -> dict[tuple[int, ...], list[int]]:
    """Find the groups that may exchange labels: those seen in the same batches."""
    found: dict[tuple[int, ...], list[int]] = {}
    for group in range(int(groups.max()) + 1):
        found.setdefault(tuple(int(part) for part in np.unique(strata[groups == group])), []).append(group)
    return found


def distinct_permutations(labels: NDArray[np.intp], groups: NDArray[np.intp], strata: NDArray[np.intp]) -> float:
    """Count the different label assignments that `permuted` can give; a p value cannot be below its inverse.

    Examples
    --------
    >>> distinct_permutations(np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1]), np.zeros(4, dtype=int))
    4.0
    """
    whole = constant_groups(labels, groups)
    logarithm = 0.0
    for stratum, members in group_strata(groups, strata).items():
        inside = [group for group in members if whole[group]]
        logarithm += _arrangements(np.array([labels[groups == group][0] for group in inside], dtype=np.intp))
        for group in set(members) - set(inside):
            logarithm += sum(_arrangements(labels[(groups == group) & (strata == part)]) for part in stratum)
    return float(np.round(np.exp(min(logarithm, 50.0))))


def least_permutation_p(labels: NDArray[np.intp], groups: NDArray[np.intp], strata: NDArray[np.intp]) -> float:
    """Return the smallest p that exchanging labels can give, 1 where nothing can be exchanged.

    Where two classes can change places altogether, the mirrored assignment is named as well as the true one.

    Examples
    --------
    >>> least_permutation_p(np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1]), np.zeros(4, dtype=int))
    0.5
    >>> least_permutation_p(np.array([0, 1, 1, 1]), np.arange(4), np.zeros(4, dtype=int))
    0.25
    """
    distinct = distinct_permutations(labels, groups, strata)
    whole = constant_groups(labels, groups)
    mirrored = labels.max() == 1 and distinct >= 2
    for stratum, members in group_strata(groups, strata).items():
        inside = [labels[groups == group][0] for group in members if whole[group]]
        apart = [
            labels[(groups == group) & (strata == part)] for group in members if not whole[group] for part in stratum
        ]
        mirrored = mirrored and all(2 * np.sum(part) == len(part) for part in (inside, *apart))
    return min((2.0 if mirrored else 1.0) / distinct, 1.0)


def _arrangements(labels: NDArray[np.intp]) -> float:
    """Logarithm of the number of orders of these labels."""
    return lgamma(len(labels) + 1) - sum(lgamma(count + 1) for count in np.bincount(labels)) if len(labels) else 0.0
