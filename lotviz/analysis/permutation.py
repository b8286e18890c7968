"""The permutation test: how often labels without meaning are named as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lotviz.analysis.blocks import BLOCKS
from lotviz.analysis.design import Design
from lotviz.analysis.folds import grouped_folds, permuted
from lotviz.analysis.kernels import fold_kernel
from lotviz.analysis.ridge import fit_ridge
from lotviz.analysis.scoring import balanced_accuracy, predicted_classes

LARGE = 200  # samples; above, one split of many samples is steady enough, and each costs their number cubed


def splits(n_samples: int) -> int:
    """Count the random splits whose accuracies are averaged in each run of the permutation test."""
    return 2 if n_samples <= LARGE else 1


def held_out_accuracy(
    kernels: Callable[[NDArray[np.intp]], NDArray[np.float64]],
    labels: NDArray[np.intp],
    design: Design,
    *,
    rng: np.random.Generator,
) -> float:
    """Balanced accuracy over a few random splits into grouped folds, everything about the labels learnt in training.

    Parameters
    ----------
    kernels
        Gives the (N, N) kernel for the training samples of a fold.
    labels
        The labels to learn, shape (N,).
    """
    n_classes = len(design.classes)
    count = splits(len(labels))
    hits = np.zeros(len(labels))
    for _ in range(count):
        folds = grouped_folds(labels, design.groups, design.folds, rng=rng)
        for fold in range(design.folds):
            training, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            kernel = kernels(training)
            groups = np.unique(design.groups[training], return_inverse=True)[1]
            ridge = fit_ridge(kernel[np.ix_(training, training)], labels[training], groups, n_classes=n_classes)
            said = predicted_classes(ridge.predict(kernel[np.ix_(test, training)]))
            hits[test] += (said == labels[test]) / count
    return float(balanced_accuracy(hits, labels)[0])


def permutation_p(
    grams: Mapping[str, Sequence[NDArray[np.float64]]],
    design: Design,
    *,
    permutations: int,
    seed: int,
    step: Callable[[], None] = lambda: None,
) -> float | None:
    """Share of label assignments that are named at least as well as the true one: (C + 1) / (B + 1).

    The Gram matrices come from one embedding of all samples that never saw a label, so that true and permuted labels go
    through exactly the same steps: folds, centring, norms, penalty and scores are made anew for each.
    Source: Ojala and Garriga 2010.

    Parameters
    ----------
    grams
        For each block (N, N) matrices, averaged over references.
    permutations
        Number B; None is returned for 0.
    step
        Called before each permutation, to report progress or stop.
    """
    if permutations < 1:
        return None

    def kernels(training: NDArray[np.intp]) -> NDArray[np.float64]:
        return fold_kernel(grams, BLOCKS, training)

    observed = held_out_accuracy(kernels, design.labels, design, rng=np.random.default_rng([seed, 0]))
    reached = 0
    for number in range(1, permutations + 1):
        step()
        rng = np.random.default_rng([seed, number])
        labels = permuted(design.labels, design.groups, design.batches, rng=rng)
        reached += held_out_accuracy(kernels, labels, design, rng=rng) >= observed - 1e-12
    return (reached + 1) / (permutations + 1)
