"""Folds that never split a group and spread the classes evenly; permutations that respect groups and batches."""

from __future__ import annotations

from math import lgamma

import numpy as np
from numpy.typing import NDArray


def grouped_folds(
    labels: NDArray[np.intp], groups: NDArray[np.intp], folds: int, *, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Assign every sample to a test fold, whole groups at a time.

    Groups are dealt in random order, the larger ones first, each to the fold that holds least of its classes.

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

    Returns
    -------
    Fold of each sample, shape (N,).
    """
    counts = np.zeros((groups.max() + 1, labels.max() + 1))  # (groups, classes)
    np.add.at(counts, (groups, labels), 1.0)
    rarity = 1.0 / np.maximum(counts.sum(axis=0), 1.0) ** 2
    filled = np.zeros((folds, counts.shape[1]))
    chosen = np.zeros(len(counts), dtype=np.intp)
    shuffled = rng.permutation(len(counts))
    for group in shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]:
        crowd = filled @ (counts[group] * rarity)
        order = np.lexsort((rng.random(folds), filled.sum(axis=1), crowd.round(12)))
        chosen[group] = order[0]
        filled[order[0]] += counts[group]
    return chosen[groups]


def possible_folds(labels: NDArray[np.intp], groups: NDArray[np.intp]) -> int:
    """Most folds that leave every class in training and test: the number of groups of the rarest class."""
    return min(len(np.unique(groups[labels == label])) for label in np.unique(labels))


def permuted(
    labels: NDArray[np.intp], groups: NDArray[np.intp], strata: NDArray[np.intp], *, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Exchange the labels as the design allows it.

    Groups with one label exchange it with other such groups of their stratum (batch); groups with several labels,
    as in a paired design, exchange them among their own samples.

    Parameters
    ----------
    labels, groups
        As in `grouped_folds`.
    strata
        Batch of each sample as an integer; exchanges stay within it.
    """
    answer = labels.copy()
    whole = constant_groups(labels, groups)
    for stratum, members in group_strata(groups, strata).items():
        inside = [group for group in members if whole[group]]
        firsts = np.array([np.flatnonzero(groups == group)[0] for group in inside], dtype=np.intp)
        for group, label in zip(inside, rng.permutation(labels[firsts]), strict=True):
            answer[groups == group] = label
        for group in set(members) - set(inside):
            for part in stratum:
                own = np.flatnonzero((groups == group) & (strata == part))
                answer[own] = rng.permutation(labels[own])
    return answer


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


def _arrangements(labels: NDArray[np.intp]) -> float:
    """Logarithm of the number of orders of these labels."""
    return lgamma(len(labels) + 1) - sum(lgamma(count + 1) for count in np.bincount(labels)) if len(labels) else 0.0
