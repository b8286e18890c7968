"""The permutation test: how often labels without meaning are named as well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lotviz.analysis.design import Design
from lotviz.analysis.folds import grouped_folds, permuted
from lotviz.analysis.ridge import codes, fit_ridge
from lotviz.analysis.scoring import balanced_accuracy, predicted_classes

WORKERS = 2  # linear algebra lets go of Python's lock
MANY = 40  # samples; above, one split is steady enough

Kernels = Callable[[NDArray[np.intp]], NDArray[np.float64]]
Statistic = tuple[float, float]
_THE_SAME: Statistic = (np.inf, np.inf)  # labels that fell as they were do as well, on whatever folds


class Scoring(Protocol):
    """What a fit has to answer."""

    def predict(self, kernel: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores (q, k) from the kernel (q, n) between new samples and the training samples."""


Fit = Callable[[NDArray[np.float64], NDArray[np.intp], NDArray[np.intp]], Scoring]


def splits(n_samples: int) -> int:
    """Count the random splits whose held-out scores are pooled in each run of the permutation test."""
    return 2 if n_samples <= MANY else 1


def held_out_statistic(
    kernels: Kernels, targets: NDArray[np.intp], design: Design, *, rng: np.random.Generator, fit: Fit
) -> Statistic:
    """How well held-out samples are named; everything about the targets is learnt in training.

    Parameters
    ----------
    kernels
        Gives the (N, N) kernel for the training samples of a fold.
    targets
        What to learn, shape (N,): classes, or for a continuous outcome the rows of `design.outcome` they stand for.
    fit
        ``(kernel (n, n), targets (n,), groups (n,)) -> Scoring``.

    Returns
    -------
    The figure that counts, and one that decides between equals: balanced accuracy and mean margin for classes, the
    squared error (negative) and nothing for a continuous outcome. Ties would make p too large.
    """
    labels = targets if design.outcome is None else design.labels[targets]
    scores = np.stack(
        [_split_scores(kernels, targets, labels, design, rng=rng, fit=fit) for _ in range(splits(len(labels)))]
    )
    if design.outcome is not None:
        return -float(np.square(scores[..., 0] - design.outcome[targets]).mean()), 0.0
    hits = (predicted_classes(scores) == labels).mean(axis=0)
    margins = (codes(labels, len(design.classes)) * np.tanh(scores)).mean(axis=(0, 2))
    return round(float(balanced_accuracy(hits, labels)[0]), 9), float(balanced_accuracy(margins, labels)[0])


def _split_scores(
    kernels: Kernels,
    targets: NDArray[np.intp],
    labels: NDArray[np.intp],
    design: Design,
    *,
    rng: np.random.Generator,
    fit: Fit,
) -> NDArray[np.float64]:
    """Held-out scores (N, k) of one random split."""
    folds = grouped_folds(labels, design.groups, design.folds, rng=rng, strata=design.batches)
    scores: NDArray[np.float64] = np.zeros((len(labels), 0))
    for fold in range(design.folds):
        training, test = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        kernel = kernels(training)
        groups = np.unique(design.groups[training], return_inverse=True)[1].astype(np.intp)
        said = fit(kernel[np.ix_(training, training)], targets[training], groups).predict(
            kernel[np.ix_(test, training)]
        )
        if not scores.size:
            scores = np.zeros((len(labels), said.shape[1]))
        scores[test] = said
    return scores


def permutation_p(
    kernels: Kernels,
    design: Design,
    *,
    permutations: int,
    seed: int,
    step: Callable[[], None] = lambda: None,
    fit: Fit | None = None,
) -> float | None:
    """Share of label assignments that are named at least as well as the true one: (C + 1) / (B + 1).

    The kernels come from one embedding of all samples that never saw a label, so that true and permuted labels go
    through exactly the same steps: folds, centring, norms, penalty and scores are made anew for each. Labels are
    exchanged between groups (patients), within batches. Where they fall as they were, nothing is better than the truth:
    p is not below one over the number of assignments.

    Parameters
    ----------
    kernels
        Gives the (N, N) kernel for the training samples of a fold; it is called from several threads.
    permutations
        Number B; None is returned for 0.
    step
        Called before each permutation, to report progress or stop.
    fit
        As in `held_out_statistic`; default the class-balanced ridge.

    Notes
    -----
    Source: Ojala and Garriga 2010, test 1. We break ties of the balanced accuracy by the mean margin, and permute at
    the level of groups.
    """
    if permutations < 1:
        return None
    learn = fit or partial(fit_ridge, n_classes=len(design.classes))
    truth, meaning = exchangeable(design)

    def run(number: int) -> Statistic:
        rng = np.random.default_rng([seed, number])
        chosen = truth
        if number > 0:
            between = design.outcome is not None
            chosen = permuted(truth, design.groups, design.batches, rng=rng, between=between)
            if np.array_equal(chosen, truth):
                return _THE_SAME
        return held_out_statistic(kernels, meaning[chosen], design, rng=rng, fit=learn)

    observed = run(0)
    reached = sum(found >= observed for found in _in_threads(run, permutations, step))
    return (reached + 1) / (permutations + 1)


def exchangeable(design: Design) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return what is exchanged, shape (N,) from 0, and what each of its values means to the fit.

    Classes mean themselves; equal values of a continuous outcome are one, and mean the first row that has them.
    """
    if design.outcome is None:
        return design.labels, np.arange(int(design.labels.max()) + 1)
    _, rows, value = np.unique(design.outcome, return_index=True, return_inverse=True)
    return value.astype(np.intp), rows.astype(np.intp)


def _in_threads(run: Callable[[int], Statistic], permutations: int, step: Callable[[], None]) -> Iterator[Statistic]:
    """Run numbers 1 to `permutations`, a few at a time so that `step` can stop it."""
    numbers = iter(range(1, permutations + 1))
    with ThreadPoolExecutor(WORKERS) as pool:
        while batch := list(islice(numbers, 4 * WORKERS)):
            for _ in batch:
                step()
            yield from pool.map(run, batch)
