"""How well held-out samples are named: balanced accuracy, AUC, accuracy and log loss with intervals over groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lotviz.analysis.intervals import (
    Interval,
    area_interval,
    effect_of,
    resampled_factor,
    share_interval,
    stretched,
)

RESAMPLES = 2000
_TINY = 1e-12


@dataclass(frozen=True)
class Score:
    """How well a model names the class of samples it has not seen.

    Attributes
    ----------
    balanced_accuracy
        Mean over the classes of the share named right; a coin has 1 / number of classes.
    auc
        Chance that a sample of a class scores above one of the others in the same test fold; a coin has 0.5.
    accuracy
        Share of all samples named right.
    log_loss
        Mean of minus the logarithm of the probability that was given to the true class, in nats; None for a model
        that gives none.
    """

    balanced_accuracy: Interval
    auc: Interval
    accuracy: Interval
    log_loss: Interval | None = None

    @property
    def headline(self) -> Interval:
        """The figure that models are compared by."""
        return self.balanced_accuracy

    def to_json(self) -> dict[str, dict[str, float] | None]:
        """Return all figures by name."""
        return {
            "balanced_accuracy": self.balanced_accuracy.to_json(),
            "auc": self.auc.to_json(),
            "accuracy": self.accuracy.to_json(),
            "log_loss": None if self.log_loss is None else self.log_loss.to_json(),
        }


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Scores of samples by a model that did not see them.

    Attributes
    ----------
    scores
        Shape (repeats, N, k): one column a class, or one column in all for two classes (positive: the second class);
        for a continuous outcome the predicted value.
    predicted
        Predicted class, shape (repeats, N).
    probabilities
        Probability of each class, shape (repeats, N, K); None where a model gives none.
    folds
        Test fold of each sample, shape (repeats, N). Only scores of one fold come from one model; None compares all.
    """

    scores: NDArray[np.float64]
    predicted: NDArray[np.intp]
    probabilities: NDArray[np.float64] | None = None
    folds: NDArray[np.intp] | None = None

    def right(self, labels: NDArray[np.intp]) -> NDArray[np.float64]:
        """1 where a sample got its own class, else 0, shape (repeats, N)."""
        return np.asarray(self.predicted == labels[None, :], dtype=np.float64)

    def hits(self, labels: NDArray[np.intp]) -> NDArray[np.float64]:
        """Share of the repeats in which each sample got its own class, shape (N,)."""
        return np.asarray(self.right(labels).mean(axis=0))

    @property
    def constant(self) -> bool:
        """True for a model that says the same of every sample."""
        return bool(np.ptp(self.scores) == 0.0)


def predicted_classes(scores: NDArray[np.float64]) -> NDArray[np.intp]:
    """Class of scores (..., k): the sign of a single column, the largest of several."""
    single = scores.shape[-1] == 1
    return np.asarray((scores[..., 0] > 0.0) if single else np.argmax(scores, axis=-1), dtype=np.intp)


def group_resamples(
    labels: NDArray[np.intp], groups: NDArray[np.intp], *, resamples: int = RESAMPLES, seed: int = 0
) -> NDArray[np.float64]:
    """How often each sample is in each bootstrap resample of groups, shape (resamples, N).

    Groups are drawn with replacement within those that have the same set of classes, so that no class is ever empty.
    """
    rng = np.random.default_rng(seed)
    kinds: dict[tuple[int, ...], list[int]] = {}
    for group in range(int(groups.max()) + 1):
        kinds.setdefault(tuple(int(c) for c in np.unique(labels[groups == group])), []).append(group)
    times = np.zeros((resamples, int(groups.max()) + 1))
    for members in kinds.values():
        drawn = rng.multinomial(len(members), np.full(len(members), 1.0 / len(members)), size=resamples)
        times[:, members] = drawn
    return times[:, groups]


def balanced_accuracy(
    hits: NDArray[np.float64], labels: NDArray[np.intp], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Mean over the classes of the share of their samples that were named right.

    Parameters
    ----------
    hits
        Share of right answers of each sample, shape (N,), or (N, r) for r figures at once.
    labels
        Its class, shape (N,).
    weights
        How often each sample counts, shape (B, N); default once.

    Returns
    -------
    Shape (B,), or (B, r).
    """
    counted = np.ones((1, len(labels))) if weights is None else weights
    shares = []
    for c in np.unique(labels):
        total = counted[:, labels == c].sum(axis=1)
        named = counted[:, labels == c] @ hits[labels == c]
        shares.append(named / (total if hits.ndim == 1 else total[:, None]))
    return np.asarray(np.mean(shares, axis=0))


def auc(
    scores: NDArray[np.float64],
    labels: NDArray[np.intp],
    weights: NDArray[np.float64] | None = None,
    *,
    folds: NDArray[np.intp] | None = None,
) -> NDArray[np.float64]:
    """Chance that a sample of a class scores above one of the others, averaged over repeats and classes.

    Parameters
    ----------
    scores
        Shape (repeats, N, k), as in `HeldOut`.
    labels, weights
        As in `balanced_accuracy`.
    folds
        Test fold of each sample, shape (repeats, N): only pairs of one fold are compared. Of a pair from two folds
        each sample was learnt from by the model that scores the other, which pushes the other to the far side:
        without a signal the AUC over all pairs is clearly below 0.5 (0.46 for 24 samples).

    Returns
    -------
    Shape (B,); a tie counts half.

    Notes
    -----
    The bias of pooled scores: Parker, Günter and Bedo 2007; the mean over folds: LeDell and others 2015.
    """
    counted = np.ones((1, len(labels))) if weights is None else weights
    found = []
    for positive, column in _columns(scores):
        inside, outside = labels == positive, labels != positive
        above = np.zeros((int(inside.sum()), int(outside.sum())))
        compared = np.zeros_like(above)
        for repeat, one in enumerate(column):
            step = np.sign(one[inside][:, None] - one[outside][None, :])
            same = 1.0 if folds is None else folds[repeat][inside][:, None] == folds[repeat][outside][None, :]
            above += same * (step + 1.0) / 2.0
            compared += same
        w, v = counted[:, inside], counted[:, outside]
        pairs = np.einsum("bi,bi->b", w @ compared, v)
        shares = np.einsum("bi,bi->b", w @ above, v) / np.maximum(pairs, _TINY)
        found.append(np.where(pairs > 0.0, shares, 0.5))  # folds without a pair say nothing
    return np.asarray(np.mean(found, axis=0))


def _columns(scores: NDArray[np.float64]) -> list[tuple[int, NDArray[np.float64]]]:
    """Class that a column speaks for, and the column (repeats, N)."""
    if scores.shape[2] == 1:
        return [(1, scores[:, :, 0])]
    return [(number, scores[:, :, number]) for number in range(scores.shape[2])]


def score(
    held_out: HeldOut,
    labels: NDArray[np.intp],
    groups: NDArray[np.intp],
    *,
    resamples: NDArray[np.float64],
    batches: NDArray[np.intp] | None = None,
) -> Score:
    """All figures with 95 % intervals for what to expect of other cohorts of the same size.

    An interval holds the values from which the figure is not too far, by the standard deviation it would have there:
    Wilson's for shares, Hanley and McNeil's for the AUC, for as many trials as the samples are worth (see
    `lotviz.analysis.intervals`). They keep their width at a perfect score. The log loss has a bootstrap
    interval over groups.

    Parameters
    ----------
    held_out
        Of one model.
    labels, groups
        Shape (N,).
    resamples
        The answer of `group_resamples`.
    batches
        Batch of each sample, shape (N,), if any. Where batches differ much and there is no signal, a model calls all
        samples of a batch the same, and errors in one class are paid back in the other: near chance the variance is
        taken between folds.
    """
    right = held_out.right(labels)
    counts = np.bincount(labels).astype(np.float64)
    each = 1.0 / (np.count_nonzero(counts) * counts[labels])  # weight of a sample in the balanced accuracy
    alike = np.full(len(labels), 1.0 / len(labels))
    folds = held_out.folds if batches is not None and np.ptp(batches) > 0 else None
    if held_out.constant:
        named = float(balanced_accuracy(right.mean(axis=0), labels)[0])
        balanced, area = Interval(named, named, named), Interval(0.5, 0.5, 0.5)
    else:
        effect = effect_of(right, each, labels, groups, folds=folds)
        balanced = share_interval(right, each, effect)
        found = float(auc(held_out.scores, labels, folds=held_out.folds)[0])
        area = area_interval(found, counts[counts > 0.0], effect)
    accuracy = share_interval(right, alike, effect_of(right, alike, labels, groups, folds=folds))
    return Score(balanced, area, accuracy, _log_loss(held_out, labels, resamples=resamples))


def _log_loss(held_out: HeldOut, labels: NDArray[np.intp], *, resamples: NDArray[np.float64]) -> Interval | None:
    if held_out.probabilities is None:
        return None
    given = held_out.probabilities[:, np.arange(len(labels)), labels]  # (repeats, N)
    losses = -np.log(np.maximum(given, 1e-15))
    drawn = (resamples @ losses.T) / resamples.sum(axis=1, keepdims=True)  # (B, repeats)
    found = stretched(float(losses.mean()), drawn, factor=resampled_factor(resamples))
    return Interval(found.mean, max(found.low, 0.0), found.high)


def difference(
    first: HeldOut,
    second: HeldOut,
    labels: NDArray[np.intp],
    *,
    resamples: NDArray[np.float64],
    shares: tuple[Interval, Interval],
) -> Interval:
    """Balanced accuracy of the first model minus that of the second, on the same folds and resamples of groups.

    Parameters
    ----------
    shares
        Balanced accuracy of either. Where every group gains the same, and something, resampling says that nothing is
        uncertain: the interval is then as wide as the wider of theirs.
    """
    gains = (first.right(labels) - second.right(labels)).T  # (N, repeats)
    drawn = balanced_accuracy(gains, labels, resamples)
    found = stretched(
        float(balanced_accuracy(gains.mean(axis=1), labels)[0]), drawn, factor=resampled_factor(resamples)
    )
    if found.mean and np.ptp(drawn) < _TINY:
        one, other = shares
        down = max(one.mean - one.low, other.high - other.mean)
        up = max(one.high - one.mean, other.mean - other.low)
        found = Interval(found.mean, found.mean - down, found.mean + up)
    return Interval(found.mean, max(found.low, -1.0), min(found.high, 1.0))
